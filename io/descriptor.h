#pragma once

#include <utility>

namespace davit::io {

/// Owns one file descriptor and closes it.
class [[nodiscard]] descriptor {
  public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept : fd_{fd} {}
    descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor() { close(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Gives the descriptor away.
    int release() noexcept { return std::exchange(fd_, -1); }
    void close() noexcept;

  private:
    int fd_ = -1;
};

/// Makes a descriptor non-blocking. Errors: internal with the errno.
void set_nonblocking(int fd);

} // namespace davit::io
