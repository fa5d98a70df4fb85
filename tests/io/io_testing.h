#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/task.h"
#include "io/loop.h"
#include "io/stream.h"

namespace davit::io {

/// A directory of the test's own, gone with it.
class scratch_directory {
  public:
    scratch_directory() {
        std::string name = (std::filesystem::temp_directory_path() / "davit-io-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        path_ = name;
    }
    scratch_directory(const scratch_directory&) = delete;
    ~scratch_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }
    std::string operator/(std::string_view name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

/// What a file's owner, group and others may do, and its set-id and sticky bits; of a link itself.
inline mode_t permissions_of(const std::string& path) {
    struct stat about{};
    EXPECT_EQ(::lstat(path.c_str(), &about), 0) << path;
    return about.st_mode & 07777;
}

inline std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

inline task<std::string> read_to_end(stream* from) {
    std::string all;
    std::string piece(4096, '\0');
    for (;;) {
        const std::size_t got = co_await from->read(std::as_writable_bytes(std::span{piece}));
        if (got == 0) co_return all;
        all.append(piece, 0, got);
    }
}

/// Reads until `all` has ended with `end`, or the flow has.
inline task<std::string> read_until(stream* from, std::string end) {
    std::string all;
    char byte = 0;
    while (!all.ends_with(end)) {
        if (co_await from->read(std::as_writable_bytes(std::span{&byte, 1})) == 0) break;
        all += byte;
    }
    co_return all;
}

inline task<void> write_text(stream* to, std::string text) {
    co_await to->write(as_bytes(text));
}

/// Writes and half-closes. A peer that has broken off in between is no fault of the writer.
inline task<void> write_and_end(stream* to, std::string text) {
    try {
        co_await to->write(as_bytes(text));
        co_await to->shutdown_write();
    } catch (const error& e) {
        if (e.category() != errc::unavailable) throw;
    }
}

/// The error that a task ends with.
template <class T> task<error> failure_of(task<T> work) {
    try {
        co_await std::move(work);
    } catch (const error& e) {
        co_return e;
    }
    ADD_FAILURE() << "nothing was thrown";
    co_return error(errc::internal, "nothing was thrown");
}

} // namespace davit::io
