#include "modules/logs/json_file/unfinished_lines.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"
#include "modules/logs/json_file/record_encoder.h"

namespace davit {

namespace {

struct slot_head {
    std::uint64_t sequence;
    std::uint64_t generation;
    std::uint64_t log_size;
    std::uint32_t sizes[2];
};

constexpr std::size_t slot_size = sizeof(slot_head) + 2 * record_encoder::longest_part;

} // namespace

bool unfinished_lines::open(int flags) {
    if (file_) return true;
    file_ = io::descriptor{::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600)};
    if (!file_ && errno != ENOENT) throw error::system(errno, "opening {}", path_);
    return static_cast<bool>(file_);
}

bool unfinished_lines::read(std::size_t slot, unfinished_state& into) const {
    slot_head head{};
    const auto at = static_cast<off_t>(slot * slot_size);
    if (::pread(file_.get(), &head, sizeof head, at) != sizeof head || head.sequence == 0) return false;
    into = {head.sequence, head.generation, head.log_size, {}};
    auto text_at = at + static_cast<off_t>(sizeof head);
    for (std::size_t i = 0; i < 2; ++i) {
        if (head.sizes[i] > record_encoder::longest_part) return false;
        into.lines[i].resize(head.sizes[i]);
        if (::pread(file_.get(), into.lines[i].data(), head.sizes[i], text_at) != static_cast<ssize_t>(head.sizes[i]))
            return false;
        text_at += static_cast<off_t>(head.sizes[i]);
    }
    return true;
}

unfinished_state unfinished_lines::load() {
    unfinished_state newest;
    unfinished_state other;
    if (!open(0)) return newest;
    read(0, newest);
    if (read(1, other) && other.sequence > newest.sequence) newest = std::move(other);
    return newest;
}

void unfinished_lines::save(const unfinished_state& state) {
    if (!open(O_CREAT)) throw error(errc::internal, "the directory of {} is gone", path_);
    slot_head head{state.sequence, state.generation, state.log_size, {}};
    std::string bytes(sizeof head, '\0');
    for (std::size_t i = 0; i < 2; ++i) {
        head.sizes[i] = static_cast<std::uint32_t>(state.lines[i].size());
        bytes += state.lines[i];
    }
    std::memcpy(bytes.data(), &head, sizeof head);
    const auto at = static_cast<off_t>((state.sequence % 2) * slot_size);
    if (::pwrite(file_.get(), bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size()))
        throw error::system(errno, "writing {}", path_);
}

unfinished_state unfinished_lines::find(std::uint64_t sequence) {
    unfinished_state found;
    if (sequence == 0) return found;
    if (open(0) && read(sequence % 2, found) && found.sequence == sequence) return found;
    throw error(errc::internal, "{} has no state {} any more", path_, sequence);
}

} // namespace davit
