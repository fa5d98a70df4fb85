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
constexpr std::size_t write_block = 768u << 10;

std::size_t index_of(output_stream from) noexcept {
    return from == output_stream::standard_output ? 0 : 1;
}

std::uint64_t size_of(const io::descriptor& file, const std::string& path) {
    struct stat facts{};
    if (::fstat(file.get(), &facts) != 0) throw error::system(errno, "looking at {}", path);
    if (!S_ISREG(facts.st_mode)) throw error(errc::invalid, "{} is no regular file", path);
    return static_cast<std::uint64_t>(facts.st_size);
}

std::uint64_t end_of_last_record(const io::descriptor& file, std::uint64_t end) {
    std::uint64_t lines = 1;
    char last = 0;
    if (end == 0 || (::pread(file.get(), &last, 1, static_cast<off_t>(end - 1)) == 1 && last == '\n')) return end;
    return find_tail(file.get(), end, lines);
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
    sidecar_.close();
    const std::uint64_t size = size_of(file_, files_.path());
    if (state_.sequence == 0 || size < state_.log_size) {
        state_.log_size = size; // the first time; or somebody emptied the log
    } else if (size > state_.log_size) {
        // The last append was cut off after its records were written. Whole ones stay, unless the log's owner takes the
        // append back; the unfinished lines from before it are among them.
        state_.log_size = end_of_last_record(file_, size);
        if (::ftruncate(file_.get(), static_cast<off_t>(state_.log_size)) != 0)
            throw error::system(errno, "shortening the log {}", files_.path());
        for (std::string& line : state_.lines) line.clear();
    }
    file_.close();
}

task<void> json_file_log::append(std::span<const output_chunk> chunks) {
    progress_->is_finished = false;
    const auto turn = co_await progress_->files.acquire();
    std::exception_ptr failure;
    try {
        co_await io::offload([this, chunks] { write(chunks); });
    } catch (...) {
        failure = std::current_exception();
    }
    announce();
    if (failure) std::rethrow_exception(failure);
}

void json_file_log::begin_writing() {
    file_ = files_.open_for_writing();
    // Somebody may have emptied the log to make room, or moved it away.
    state_.log_size = size_of(file_, files_.path());
}

template <class Write> void json_file_log::write_whole(Write records) {
    begin_writing();
    const std::uint64_t generation = state_.generation;
    const std::uint64_t size = state_.log_size;
    try {
        records();
        commit();
    } catch (const error&) {
        // A full disk: what is whole stays whole, and the next append may find room again.
        const std::uint64_t whole = state_.generation == generation ? size : end_of_last_record(file_, state_.log_size);
        if (::ftruncate(file_.get(), static_cast<off_t>(whole)) == 0) state_.log_size = whole;
        for (std::string& line : state_.lines) line.clear();
        file_.close();
        sidecar_.close();
        throw;
    }
    file_.close();
}

void json_file_log::write(std::span<const output_chunk> chunks) {
    write_whole([&] { write_chunks(chunks); });
}

void json_file_log::write_chunks(std::span<const output_chunk> chunks) {
    // Each worker keeps one block; only the pages that were ever written cost memory.
    static thread_local record_buffer buffer{write_block};
    if (encoder_.longest_record() > write_block / 2) throw error(errc::too_large, "the log's attributes are too large");
    buffer.clear();
    for (const output_chunk& chunk : chunks) write_lines(chunk, buffer);
    flush(buffer);
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
    std::string_view text = buffer.text();
    while (!text.empty()) {
        if (options_.most_bytes != 0 && state_.log_size >= options_.most_bytes) rotate();
        std::string_view piece = text;
        // With a bound, a file is closed at the record that reaches it, as Docker does, and never far beyond.
        if (options_.most_bytes != 0 && text.size() > options_.most_bytes - state_.log_size)
            piece = text.substr(0, text.find('\n', options_.most_bytes - state_.log_size - 1) + 1);
        text.remove_prefix(piece.size());
        write_all(piece);
    }
    buffer.clear();
}

void json_file_log::rotate() {
    files_.rotate();
    file_ = files_.open_for_writing();
    ++state_.generation;
    state_.log_size = 0;
}

void json_file_log::write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file_.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw error::system(errno, "writing the log {}", files_.path());
        text.remove_prefix(static_cast<std::size_t>(written));
        state_.log_size += static_cast<std::uint64_t>(written);
    }
}

void json_file_log::commit() {
    ++state_.sequence;
    sidecar_.save(state_);
    sidecar_.close();
}

task<void> json_file_log::finish() {
    std::exception_ptr failure;
    if (!state_.lines[0].empty() || !state_.lines[1].empty()) {
        const auto turn = co_await progress_->files.acquire();
        try {
            co_await io::offload([this] { write_whole([this] { write_unfinished(); }); });
        } catch (...) {
            failure = std::current_exception();
        }
    }
    // Whoever follows waits for nothing more, also when the last line is lost.
    progress_->is_finished = true;
    announce();
    if (failure) std::rethrow_exception(failure);
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
    const auto turn = co_await progress_->files.acquire();
    co_await io::offload([this, sequence] { take_back(sidecar_.find(sequence)); });
    announce();
}

void json_file_log::take_back(const unfinished_state& state) {
    for (std::uint64_t generation = state_.generation; generation > state.generation; --generation) files_.unrotate();
    file_ = files_.open_for_writing();
    if (::ftruncate(file_.get(), static_cast<off_t>(state.log_size)) != 0)
        throw error::system(errno, "shortening the log {}", files_.path());
    state_ = state;
    file_.close();
    sidecar_.close();
}

task<std::unique_ptr<log_reader>> json_file_log::read(log_query query) {
    co_return co_await json_file_reader::open(files_, progress_, std::move(query));
}

} // namespace davit
