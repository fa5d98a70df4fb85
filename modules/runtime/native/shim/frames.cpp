#include "modules/runtime/native/shim/frames.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace davit::shim {

using shim_protocol::frame_header;
using shim_protocol::maximum_descriptors;

namespace {

/// How much to read at once: what waits there, and never so little that a small frame would take two reads.
std::size_t read_size(int socket) {
    constexpr int least = 2048;
    constexpr int most = 64 << 10;
    int waiting = 0;
    if (ioctl(socket, FIONREAD, &waiting) < 0) waiting = 0;
    return static_cast<std::size_t>(std::clamp(waiting, least, most));
}

} // namespace

frame_reader::~frame_reader() {
    for (const int descriptor : descriptors_) close(descriptor);
}

frame_reader::outcome frame_reader::read_from(int socket) {
    bytes_.erase(0, std::exchange(start_, 0));
    // A large frame must not keep its memory for ever.
    if (bytes_.empty() && bytes_.capacity() > 65536) bytes_.shrink_to_fit();
    // Straight to the heap: what the shim reads must not stay behind on a stack that its children have as well.
    const auto had = bytes_.size();
    bytes_.resize(had + read_size(socket));
    received_descriptors came;
    const auto count = receive_with_descriptors(socket, bytes_.data() + had, bytes_.size() - had, came);
    const int error = errno;
    bytes_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0) return error == EAGAIN ? outcome::would_block : outcome::ended;
    descriptors_.insert(descriptors_.end(), came.numbers.begin(), came.numbers.begin() + came.count);
    return count == 0 ? outcome::ended : outcome::got_bytes;
}

bool frame_reader::next(incoming_frame& frame) {
    frame_header header;
    const auto left = bytes_.size() - start_;
    if (is_broken_ || left < sizeof header) return false;
    std::memcpy(&header, bytes_.data() + start_, sizeof header);
    if (header.length < shim_protocol::empty_length ||
        header.length - shim_protocol::empty_length > shim_protocol::maximum_frame ||
        header.descriptors > maximum_descriptors) {
        is_broken_ = true;
        return false;
    }
    const std::size_t payload = header.length - shim_protocol::empty_length;
    if (left < sizeof header + payload) return false;
    if (descriptors_.size() < header.descriptors) {
        is_broken_ = true;
        return false;
    }
    frame.type = static_cast<message_type>(header.type);
    frame.request = header.request;
    frame.payload.assign(bytes_, start_ + sizeof header, payload);
    frame.descriptors.assign(descriptors_.begin(), descriptors_.begin() + header.descriptors);
    descriptors_.erase(descriptors_.begin(), descriptors_.begin() + header.descriptors);
    start_ += sizeof header + payload;
    return true;
}

ssize_t send_with_descriptors(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * maximum_descriptors)];
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
        auto* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        std::memcpy(CMSG_DATA(part), descriptors.data(), sizeof(int) * descriptors.size());
    }
    ssize_t count = 0;
    do count = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    return count;
}

ssize_t receive_with_descriptors(int socket, void* into, std::size_t size, received_descriptors& came) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * maximum_descriptors)];
    iovec piece{into, size};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t count = 0;
    do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0) return count;
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const auto number = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int); // As many at most as there is room for
        std::memcpy(came.numbers.data() + came.count, CMSG_DATA(part), number * sizeof(int));
        came.count += number;
    }
    return count;
}

bool send_frame(int socket, message_type type, std::string_view payload, const std::vector<int>& descriptors) {
    const auto bytes = shim_protocol::frame(type, 0, static_cast<std::uint16_t>(descriptors.size()), payload);
    std::string_view left = bytes;
    auto count = send_with_descriptors(socket, left, descriptors);
    while (count > 0 && static_cast<std::size_t>(count) < left.size()) {
        left.remove_prefix(static_cast<std::size_t>(count));
        count = send_with_descriptors(socket, left, {});
    }
    return count > 0;
}

bool receive_frame(int socket, frame_reader& reader, incoming_frame& frame) {
    while (!reader.next(frame)) {
        if (reader.is_broken() || reader.read_from(socket) != frame_reader::outcome::got_bytes) return false;
    }
    return true;
}

} // namespace davit::shim
