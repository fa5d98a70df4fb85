#include "modules/logs/json_file/json_file_log.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "io/offload.h"
#include "modules/logs/json_file/json_file_reader.h"

namespace davit {

namespace {

/// Records are written in blocks of this size: few system calls, and small enough for the processor's cache.
constexpr std::size_t block_size = 512u << 10;

std::size_t index_of(output_stream from) noexcept {
    return from == output_stream::standard_output ? 0 : 1;
}

} // namespace

std::string json_file_log::path_of(const std::string& container_id, const std::string& directory) {
    return fmt::format("{}/{}-json.log", directory, container_id);
}

json_file_log::json_file_log(std::string path, std::string sidecar, json_file_options options)
    : options_{std::move(options)},
      files_{std::move(path), options_.most_files},
      encoder_{options_.attributes},
      sidecar_{std::move(sidecar)} {}

task<std::unique_ptr<json_file_log>> json_file_log::open(std::string container_id, std::string directory,
                                                         json_file_options options) {
    std::unique_ptr<json_file_log> made{
        new json_file_log{path_of(container_id, directory), directory + "/unfinished-output", std::move(options)}};
    co_await io::offload([log = made.get()] { log->load(); });
    made->announce();
    co_return made;
}

void json_file_log::load() {
    file_ = files_.open_for_writing();
    state_ = sidecar_.load();
    struct stat facts{};
    if (::fstat(file_.get(), &facts) != 0) throw error::system(errno, "looking at {}", files_.path());
    // A log whose last append was cut off is longer than its state says until its owner unwinds it; one that somebody
    // emptied is shorter.
    if (state_.sequence == 0 || static_cast<std::uint64_t>(facts.st_size) < state_.log_size)
        state_.log_size = static_cast<std::uint64_t>(facts.st_size);
}

task<void> json_file_log::append(std::span<const output_chunk> chunks) {
    progress_->is_finished = false;
    co_await io::offload([this, chunks] { write(chunks); });
    announce();
}

void json_file_log::write(std::span<const output_chunk> chunks) {
    std::size_t bytes = 0;
    for (const output_chunk& chunk : chunks) bytes += chunk.bytes.size();
    // Big batches come one after the other from a busy container: each worker keeps a block for them.
    static thread_local std::unique_ptr<record_buffer> kept;
    std::unique_ptr<record_buffer> small;
    if (bytes > 32u << 10) {
        if (!kept) kept = std::make_unique<record_buffer>(block_size + encoder_.longest_record());
    } else {
        small = std::make_unique<record_buffer>(4 * bytes + encoder_.longest_record());
    }
    record_buffer& buffer = small ? *small : *kept;
    buffer.clear();
    for (const output_chunk& chunk : chunks) write_lines(chunk, buffer);
    flush(buffer);
    commit();
}

void json_file_log::write_lines(const output_chunk& chunk, record_buffer& buffer) {
    encoder_.set_time(chunk.at);
    std::string& unfinished = state_.lines[index_of(chunk.from)];
    std::string_view rest = chunk.bytes;
    while (!rest.empty()) {
        const std::size_t newline = rest.find('\n');
        const bool has_newline = newline != std::string_view::npos;
        std::string_view line = rest.substr(0, newline);
        const std::size_t room = record_encoder::longest_part - unfinished.size();
        const bool is_cut = line.size() > room || (line.size() == room && !has_newline);
        if (is_cut) line = line.substr(0, room);
        rest.remove_prefix(line.size() + (has_newline && !is_cut ? 1 : 0));
        if (!has_newline && !is_cut) {
            unfinished += line;
            return;
        }
        make_room(buffer, encoder_.longest_record());
        if (unfinished.empty()) {
            encoder_.append(buffer, chunk.from, line, !is_cut);
        } else {
            unfinished += line;
            encoder_.append(buffer, chunk.from, unfinished, !is_cut);
            unfinished.clear();
        }
    }
}

void json_file_log::make_room(record_buffer& buffer, std::size_t wanted) {
    if (buffer.room() < wanted) flush(buffer);
}

void json_file_log::flush(record_buffer& buffer) {
    if (buffer.size() == 0) return;
    if (options_.most_bytes != 0 && state_.log_size >= options_.most_bytes) {
        files_.rotate();
        file_ = files_.open_for_writing();
        if (options_.most_files == 1) ::ftruncate(file_.get(), 0);
        ++state_.generation;
        state_.log_size = 0;
    }
    std::string_view text = buffer.text();
    // With a bound, a file is closed at the record that reaches it, as Docker does, and never far beyond.
    if (options_.most_bytes != 0 && state_.log_size + text.size() > options_.most_bytes) {
        const std::uint64_t left = options_.most_bytes - state_.log_size;
        const std::size_t cut = text.find('\n', left == 0 ? 0 : static_cast<std::size_t>(left) - 1);
        if (cut != std::string_view::npos && cut + 1 < text.size()) {
            record_buffer rest{text.size() - cut};
            std::memcpy(rest.end(), text.data() + cut + 1, text.size() - cut - 1);
            rest.grew_to(rest.end() + (text.size() - cut - 1));
            buffer.grew_to(text.data() + cut + 1);
            flush(buffer);
            flush(rest);
            return;
        }
    }
    while (!text.empty()) {
        const ssize_t written = ::write(file_.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw error::system(errno, "writing the log {}", files_.path());
        text.remove_prefix(static_cast<std::size_t>(written));
        state_.log_size += static_cast<std::uint64_t>(written);
    }
    buffer.clear();
}

void json_file_log::commit() {
    ++state_.sequence;
    sidecar_.save(state_);
}

task<void> json_file_log::finish() {
    if (!state_.lines[0].empty() || !state_.lines[1].empty()) co_await io::offload([this] { write_unfinished(); });
    progress_->is_finished = true;
    announce();
}

void json_file_log::write_unfinished() {
    record_buffer buffer{2 * encoder_.longest_record()};
    encoder_.set_time(std::chrono::system_clock::now());
    for (const output_stream from : {output_stream::standard_output, output_stream::standard_error}) {
        std::string& line = state_.lines[index_of(from)];
        if (!line.empty()) encoder_.append(buffer, from, line, false);
        line.clear();
    }
    flush(buffer);
    commit();
}

void json_file_log::announce() {
    progress_->generation = state_.generation;
    progress_->size = state_.log_size;
    progress_->changed.wake_all();
}

std::string json_file_log::position() const {
    return std::to_string(state_.sequence);
}

task<void> json_file_log::unwind(std::string position) {
    std::uint64_t sequence = 0;
    const auto [end, failed] = std::from_chars(position.data(), position.data() + position.size(), sequence);
    if (failed != std::errc{} || end != position.data() + position.size())
        throw error(errc::internal, "\"{}\" is no position in the log {}", position, files_.path());
    co_await io::offload([this, sequence] { take_back(sidecar_.find(sequence)); });
    announce();
}

void json_file_log::take_back(const unfinished_state& state) {
    for (std::uint64_t generation = state_.generation; generation > state.generation; --generation) files_.unrotate();
    file_ = files_.open_for_writing();
    if (::ftruncate(file_.get(), static_cast<off_t>(state.log_size)) != 0)
        throw error::system(errno, "shortening the log {}", files_.path());
    state_ = state;
}

task<std::unique_ptr<log_reader>> json_file_log::read(log_query query) {
    co_return co_await json_file_reader::open(files_, progress_, std::move(query));
}

} // namespace davit
