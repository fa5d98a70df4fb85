#include "modules/containers/output_pump.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/error.h"
#include "core/log.h"
#include "core/scope.h"
#include "io/offload.h"
#include "modules/containers/container.h"

namespace davit {

namespace {

/// A busy writer gets a pipe that holds several batches, so that it goes on while one is being logged.
constexpr int busy_pipe_size = 1 << 20;
constexpr std::size_t busy_batch = 16u << 10;
constexpr std::size_t terminal_read = 16u << 10;

} // namespace

output_pumps::output_pumps(const std::string& directory) : journal_{directory + "/output.journal"} {}

task<void> output_pumps::start() {
    co_await io::offload([this] {
        journal_.open();
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw error::system(errno, "making a pipe");
        copy_reader_ = io::descriptor{ends[0]};
        copy_writer_ = io::descriptor{ends[1]};
        ::fcntl(copy_writer_.get(), F_SETPIPE_SZ, busy_pipe_size);
        null_ = io::descriptor{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
        if (!null_) throw error::system(errno, "opening /dev/null");
    });
}

task<void> output_pumps::run(container& of, std::shared_ptr<io::pollable> standard_output,
                             std::shared_ptr<io::pollable> standard_error, std::shared_ptr<io::pollable> terminal) {
    if (terminal) {
        co_await pump(of, std::move(terminal), output_stream::standard_output, false);
        co_return;
    }
    co_await with_scope([&](scope& streams) -> task<void> {
        if (standard_output) streams.spawn(pump(of, std::move(standard_output), output_stream::standard_output, true));
        if (standard_error) streams.spawn(pump(of, std::move(standard_error), output_stream::standard_error, true));
        co_return;
    });
}

task<void> output_pumps::pump(container& of, std::shared_ptr<io::pollable> source, output_stream from, bool is_pipe) {
    do {
        co_await source->readable();
    } while (co_await move_batch(of, *source, from, is_pipe));
}

task<bool> output_pumps::move_batch(container& of, io::pollable& source, output_stream from, bool is_pipe) {
    const auto turn = co_await of.log_turn.acquire();
    const auto buffer = co_await free_buffers_.acquire();

    output_chunk chunk;
    chunk.from = from;
    chunk.bytes = std::move(spare_);
    spare_.clear();
    ssize_t count = 0;
    if (is_pipe) {
        count = peek(source.fd(), chunk.bytes);
    } else {
        chunk.bytes.resize(terminal_read);
        count = ::read(source.fd(), chunk.bytes.data(), chunk.bytes.size());
    }
    const int failure = count < 0 ? errno : 0;
    if (count < 0 && (failure == EAGAIN || failure == EINTR)) {
        spare_ = std::move(chunk.bytes);
        co_return true;
    }
    // A terminal whose other side is closed answers EIO.
    if (count <= 0) co_return false;
    chunk.bytes.resize(static_cast<std::size_t>(count));
    chunk.at = std::chrono::system_clock::now();

    if (is_pipe)
        journal_.begin(of.record.id, {static_cast<std::uint32_t>(from), chunk.bytes.size(),
                                      pump_journal::hash_of(chunk.bytes), of.log->position()});
    co_await of.output.deliver(&chunk);
    bool was_cancelled = false;
    try {
        co_await of.log->append(std::span{&chunk, 1});
    } catch (const error& e) {
        was_cancelled = e.category() == errc::cancelled;
        // A log that can't be written must not stop the container: the output is dropped from it.
        if (!was_cancelled)
            log::warn("container {}: {} bytes of output are not logged: {}", of.record.id, chunk.bytes.size(),
                      e.what());
    }
    // A batch whose logging was cancelled stays in the pipe and open in the journal, for the engine that comes back.
    if (was_cancelled) throw error(errc::cancelled, "cancelled");
    if (is_pipe) {
        take(source.fd(), chunk.bytes.size());
        journal_.end(of.record.id);
        if (chunk.bytes.size() >= busy_batch && ::fcntl(source.fd(), F_GETPIPE_SZ) < busy_pipe_size)
            ::fcntl(source.fd(), F_SETPIPE_SZ, busy_pipe_size);
    }
    if (spare_.capacity() < chunk.bytes.capacity()) spare_ = std::move(chunk.bytes);
    co_return true;
}

ssize_t output_pumps::peek(int pipe, std::string& batch) {
    const ssize_t copied = ::tee(pipe, copy_writer_.get(), batch_limit, SPLICE_F_NONBLOCK);
    if (copied <= 0) return copied;
    batch.resize(static_cast<std::size_t>(copied));
    std::size_t got = 0;
    while (got < batch.size()) {
        const ssize_t count = ::read(copy_reader_.get(), batch.data() + got, batch.size() - got);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw error::system(errno, "reading a copy of a container's output");
        got += static_cast<std::size_t>(count);
    }
    return copied;
}

void output_pumps::take(int pipe, std::size_t count) {
    while (count > 0) {
        const ssize_t taken = ::splice(pipe, nullptr, null_.get(), nullptr, count, SPLICE_F_NONBLOCK);
        if (taken < 0 && errno == EINTR) continue;
        if (taken <= 0) throw error::system(errno, "taking a container's output out of its pipe");
        count -= static_cast<std::size_t>(taken);
    }
}

task<void> output_pumps::settle(container& of, int standard_output, int standard_error) {
    const auto open = journal_.unfinished(of.record.id);
    if (!open) co_return;
    const bool is_output = open->from == static_cast<std::uint32_t>(output_stream::standard_output);
    const int pipe = is_output ? standard_output : standard_error;
    std::string head;
    const ssize_t count = pipe < 0 || open->size > batch_limit ? -1 : peek(pipe, head);
    if (count > 0 && static_cast<std::size_t>(count) >= open->size) {
        head.resize(open->size);
        // Still in the pipe: whatever of it the log has comes again.
        if (pump_journal::hash_of(head) == open->hash) co_await of.log->unwind(open->log_position);
    }
    journal_.end(of.record.id);
}

} // namespace davit
