#include "modules/containers/output_fan.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "io/offload.h"

namespace davit {

namespace {

struct frame_header {
    std::uint32_t from;
    std::uint32_t length;
    std::int64_t at; // nanoseconds since 1970
};

constexpr std::size_t read_block = 512u << 10;

void write_whole(int file, const char* bytes, std::size_t size, std::uint64_t at) {
    while (size > 0) {
        const ssize_t count = ::pwrite(file, bytes, size, static_cast<off_t>(at));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw error::system(errno, "keeping output for a slow client");
        bytes += count;
        size -= static_cast<std::size_t>(count);
        at += static_cast<std::uint64_t>(count);
    }
}

std::size_t read_some(int file, char* bytes, std::size_t size, std::uint64_t at) {
    std::size_t total = 0;
    while (total < size) {
        const ssize_t count = ::pread(file, bytes + total, size - total, static_cast<off_t>(at + total));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw error::system(errno, "reading the output kept for a slow client");
        if (count == 0) break;
        total += static_cast<std::size_t>(count);
    }
    return total;
}

std::vector<std::shared_ptr<const output_chunk>> parse_frames(const std::string& block, std::uint64_t& consumed) {
    std::vector<std::shared_ptr<const output_chunk>> chunks;
    std::size_t at = 0;
    while (block.size() - at >= sizeof(frame_header)) {
        frame_header header{};
        std::memcpy(&header, block.data() + at, sizeof header);
        if (block.size() - at - sizeof header < header.length) break;
        auto chunk = std::make_shared<output_chunk>();
        chunk->from = static_cast<output_stream>(header.from);
        chunk->bytes.assign(block, at + sizeof header, header.length);
        chunk->at = std::chrono::system_clock::time_point{std::chrono::nanoseconds{header.at}};
        chunks.push_back(std::move(chunk));
        at += sizeof header + header.length;
    }
    consumed = at;
    return chunks;
}

} // namespace

task<void> output_spool::append(std::shared_ptr<const output_chunk> added) {
    const std::uint64_t at = written_;
    const std::uint64_t grown = co_await io::offload([this, added, at] {
        if (!file_) {
            file_ = io::descriptor{::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
            if (!file_) throw error::system(errno, "making a file in {}", directory_);
        }
        const frame_header header{static_cast<std::uint32_t>(added->from),
                                  static_cast<std::uint32_t>(added->bytes.size()),
                                  added->at.time_since_epoch().count()};
        std::string frame{reinterpret_cast<const char*>(&header), sizeof header};
        frame += added->bytes;
        write_whole(file_.get(), frame.data(), frame.size(), at);
        return at + frame.size();
    });
    written_ = grown;
}

task<std::vector<std::shared_ptr<const output_chunk>>> output_spool::read() {
    const std::uint64_t from = read_;
    const std::uint64_t to = written_;
    std::uint64_t consumed = 0;
    auto chunks = co_await io::offload([this, from, to, &consumed] {
        std::string block;
        block.resize(std::min<std::uint64_t>(to - from, read_block));
        block.resize(read_some(file_.get(), block.data(), block.size(), from));
        auto parsed = parse_frames(block, consumed);
        // What was read is not needed again; a file system without holes keeps it until the client goes.
        ::fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                    static_cast<off_t>(consumed));
        return parsed;
    });
    if (consumed == 0) throw error(errc::internal, "the output kept for a slow client can't be read back");
    read_ = from + consumed;
    co_return chunks;
}

task<std::optional<output_chunk>> output_listener::next() {
    for (;;) {
        if (was_cut_off_)
            throw error(errc::unavailable, "this client fell more than {} MiB behind the container's output",
                        output_spool::limit >> 20);
        if (!queued_.empty()) {
            const auto first = std::move(queued_.front());
            queued_.pop_front();
            queued_bytes_ -= first->bytes.size();
            co_return *first;
        }
        if (spool_ && !spool_->is_empty()) {
            const auto spool = spool_;
            auto chunks = co_await spool->read();
            for (auto& chunk : chunks) {
                queued_bytes_ += chunk->bytes.size();
                queued_.push_back(std::move(chunk));
            }
            continue;
        }
        if (has_ended_) co_return std::nullopt;
        co_await arrived_.wait();
    }
}

bool output_listener::take(const std::shared_ptr<const output_chunk>& chunk) {
    // Once something is spooled, all that follows is, until it was read: the order stays.
    if (spool_ && !spool_->is_empty()) return false;
    if (queued_bytes_ > 0 && queued_bytes_ + chunk->bytes.size() > memory_limit) return false;
    queued_bytes_ += chunk->bytes.size();
    queued_.push_back(chunk);
    arrived_.wake_all();
    return true;
}

task<void> output_listener::spool(std::shared_ptr<const output_chunk> chunk) {
    if (was_cut_off_) co_return;
    if (!spool_) spool_ = std::make_shared<output_spool>(spool_directory_);
    const auto into = spool_;
    try {
        if (into->size() > output_spool::limit) throw error(errc::too_large, "a client fell too far behind");
        co_await into->append(std::move(chunk));
    } catch (const error& e) {
        if (e.category() == errc::cancelled) throw;
        log::warn("cutting off an attached client: {}", e.what());
        was_cut_off_ = true;
    }
    arrived_.wake_all();
}

void output_listener::end() noexcept {
    has_ended_ = true;
    arrived_.wake_all();
}

bool output_fan::has_listeners() noexcept {
    std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
    return !listeners_.empty();
}

task<void> output_fan::deliver(const output_chunk* chunk) {
    if (!has_listeners()) co_return;
    const auto shared = std::make_shared<const output_chunk>(*chunk);
    std::vector<std::shared_ptr<output_listener>> slow;
    for (const auto& weak : listeners_)
        if (auto listener = weak.lock(); listener && listener->wants(chunk->from) && !listener->take(shared))
            slow.push_back(std::move(listener));
    for (const auto& listener : slow) co_await listener->spool(shared);
}

void output_fan::end() noexcept {
    for (const auto& weak : std::exchange(listeners_, {}))
        if (const auto listener = weak.lock()) listener->end();
}

} // namespace davit
