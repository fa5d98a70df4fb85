#include "io/message_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <utility>

#include "core/error.h"

namespace davit::io {

namespace {

constexpr std::size_t length_bytes = 4;

void append_length(std::string& to, std::uint32_t length) {
    for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<char>(length >> shift));
}

std::uint32_t length_of(std::string_view bytes) noexcept {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < length_bytes; ++i)
        length |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return length;
}

/// Room for one SCM_RIGHTS message of the largest size.
union rights_buffer {
    std::array<char, CMSG_SPACE(message_socket::max_descriptors * sizeof(int))> bytes;
    cmsghdr aligned;
};

/// One sendmsg(2). Returns how much went out, or -1 with errno.
ssize_t send_once(int socket, std::string_view data, const std::vector<int>& descriptors) noexcept {
    iovec part{const_cast<char*>(data.data()), data.size()}; // sendmsg(2) does not write to it
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    rights_buffer rights{};
    if (!descriptors.empty()) {
        message.msg_control = &rights;
        message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

void take_descriptors(msghdr& message, std::vector<descriptor>& into) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        into.reserve(into.size() + count);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            into.emplace_back(fd);
        }
    }
}

[[noreturn]] void throw_send_error(int number) {
    if (number == EPIPE || number == ECONNRESET)
        throw error(errc::unavailable, "the peer has closed its end of the socket");
    throw error::system(number, "sending a message");
}

} // namespace

message_socket::message_socket(descriptor unix_stream, std::uint32_t max_payload)
    : socket_{std::move(unix_stream)}, max_payload_{max_payload} {}

/// Receives what is still missing of the length or of the payload, never more: so descriptors that come with the bytes
/// belong to this message. False at the end of the flow.
task<bool> message_socket::receive_some() {
    std::array<char, length_bytes> length;
    char* const to = arriving_size_ ? arriving_.payload.data() + arrived_ : length.data();
    const std::size_t missing = arriving_size_ ? *arriving_size_ - arrived_ : length_bytes - arriving_length_.size();
    for (;;) {
        iovec part{to, missing};
        rights_buffer rights;
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = &rights;
        header.msg_controllen = sizeof rights;
        const ssize_t got = ::recvmsg(socket_.fd(), &header, MSG_CMSG_CLOEXEC);
        if (got < 0) {
            if (errno == EINTR) continue;
            if (errno == ECONNRESET) throw error(errc::unavailable, "the peer has closed its end of the socket");
            if (errno != EAGAIN) throw error::system(errno, "receiving a message");
            co_await socket_.readable();
            continue;
        }
        take_descriptors(header, arriving_.descriptors);
        if (header.msg_flags & MSG_CTRUNC)
            throw error(errc::too_large, "descriptors of a message were lost: too many, or no free ones here");
        if (got == 0) co_return false;
        if (arriving_size_)
            arrived_ += static_cast<std::size_t>(got);
        else
            arriving_length_.append(length.data(), static_cast<std::size_t>(got));
        co_return true;
    }
}

task<std::optional<message_socket::message>> message_socket::receive() {
    while (!arriving_size_ || arrived_ < *arriving_size_) {
        if (!co_await receive_some()) {
            if (!arriving_size_ && arriving_length_.empty()) co_return std::nullopt;
            throw error(errc::invalid, "the peer closed its end of the socket inside a message");
        }
        if (arriving_size_ || arriving_length_.size() < length_bytes) continue;
        const std::uint32_t size = length_of(arriving_length_);
        if (size > max_payload_)
            throw error(errc::too_large, "a message of {} bytes was announced; at most {} are taken", size,
                        max_payload_);
        arriving_.payload.resize(size);
        arriving_size_ = size;
    }
    arriving_length_.clear();
    arriving_size_.reset();
    arrived_ = 0;
    co_return std::exchange(arriving_, {});
}

/// Sends what `unsent_` holds. What a cancellation leaves stays there, for the next sender.
task<void> message_socket::send_rest() {
    while (!unsent_.empty()) {
        const ssize_t put = send_once(socket_.fd(), unsent_, {});
        if (put >= 0) {
            unsent_.erase(0, static_cast<std::size_t>(put));
        } else if (errno == EAGAIN) {
            co_await socket_.writable();
        } else if (errno != EINTR) {
            throw_send_error(errno);
        }
    }
}

task<void> message_socket::send(std::string payload, std::vector<int> descriptors) {
    if (payload.size() > max_payload_ || descriptors.size() > max_descriptors)
        throw error(errc::too_large, "a message of {} bytes and {} descriptors is too large; the bounds are {} and {}",
                    payload.size(), descriptors.size(), max_payload_, max_descriptors);
    const auto turn = co_await sending_.acquire();
    co_await send_rest();
    std::string frame;
    frame.reserve(length_bytes + payload.size());
    append_length(frame, static_cast<std::uint32_t>(payload.size()));
    frame += payload;
    for (;;) {
        const ssize_t put = send_once(socket_.fd(), frame, descriptors);
        if (put >= 0) {
            // The kernel has taken the descriptors with the first bytes.
            frame.erase(0, static_cast<std::size_t>(put));
            unsent_ = std::move(frame);
            break;
        }
        if (errno == EAGAIN)
            co_await socket_.writable();
        else if (errno != EINTR)
            throw_send_error(errno);
    }
    co_await send_rest();
}

} // namespace davit::io
