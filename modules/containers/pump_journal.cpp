#include "modules/containers/pump_journal.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

namespace davit {

/// One slot, 256 bytes. `is_open` is written last when a batch begins and first when it ends.
struct pump_journal::slot {
    char container_id[64];
    std::atomic<std::uint32_t> is_open;
    std::uint32_t from;
    std::uint64_t size;
    std::uint64_t hash;
    std::uint32_t position_size;
    char position[164];
};

namespace {
constexpr std::size_t slots_at_first = 64;
}

pump_journal::~pump_journal() {
    if (slots_) ::munmap(slots_, count_ * sizeof(slot));
    if (file_ >= 0) ::close(file_);
}

void pump_journal::open() {
    static_assert(sizeof(slot) == 256);
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file_ < 0) throw error::system(errno, "opening {}", path_);
    struct stat facts{};
    if (::fstat(file_, &facts) != 0) throw error::system(errno, "looking at {}", path_);
    map(std::max<std::size_t>(slots_at_first, static_cast<std::size_t>(facts.st_size) / sizeof(slot)));
    for (std::size_t i = 0; i < count_; ++i)
        if (slots_[i].container_id[0] != '\0')
            used_.emplace(std::string{slots_[i].container_id, sizeof slots_[i].container_id}, i);
}

void pump_journal::map(std::size_t slots) {
    if (::ftruncate(file_, static_cast<off_t>(slots * sizeof(slot))) != 0)
        throw error::system(errno, "growing {}", path_);
    void* mapped = ::mmap(nullptr, slots * sizeof(slot), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (mapped == MAP_FAILED) throw error::system(errno, "mapping {}", path_);
    if (slots_) ::munmap(slots_, count_ * sizeof(slot));
    slots_ = static_cast<slot*>(mapped);
    count_ = slots;
}

pump_journal::slot& pump_journal::slot_of(const std::string& container_id) {
    if (const auto known = used_.find(container_id); known != used_.end()) return slots_[known->second];
    while (first_free_ < count_ && slots_[first_free_].container_id[0] != '\0') ++first_free_;
    if (first_free_ == count_) map(count_ * 2);
    slot& taken = slots_[first_free_];
    taken.is_open.store(0, std::memory_order_release);
    std::memset(taken.container_id, 0, sizeof taken.container_id);
    std::memcpy(taken.container_id, container_id.data(), std::min(container_id.size(), sizeof taken.container_id));
    used_.emplace(container_id, first_free_);
    return taken;
}

std::optional<pump_journal::batch> pump_journal::unfinished(const std::string& container_id) const {
    const auto known = used_.find(container_id);
    if (known == used_.end()) return std::nullopt;
    const slot& found = slots_[known->second];
    if (found.is_open.load(std::memory_order_acquire) == 0) return std::nullopt;
    const std::size_t length = std::min<std::size_t>(found.position_size, sizeof found.position);
    return batch{found.from, found.size, found.hash, std::string{found.position, length}};
}

void pump_journal::begin(const std::string& container_id, const batch& begun) {
    slot& into = slot_of(container_id);
    if (begun.log_position.size() > sizeof into.position)
        throw error(errc::internal, "a log position of {} bytes does not fit the journal", begun.log_position.size());
    into.from = begun.from;
    into.size = begun.size;
    into.hash = begun.hash;
    into.position_size = static_cast<std::uint32_t>(begun.log_position.size());
    std::memcpy(into.position, begun.log_position.data(), begun.log_position.size());
    into.is_open.store(1, std::memory_order_release);
}

void pump_journal::end(const std::string& container_id) noexcept {
    const auto known = used_.find(container_id);
    if (known != used_.end()) slots_[known->second].is_open.store(0, std::memory_order_release);
}

void pump_journal::forget(const std::string& container_id) noexcept {
    const auto known = used_.find(container_id);
    if (known == used_.end()) return;
    slots_[known->second].is_open.store(0, std::memory_order_release);
    slots_[known->second].container_id[0] = '\0';
    first_free_ = std::min(first_free_, known->second);
    used_.erase(known);
}

std::uint64_t pump_journal::hash_of(std::string_view bytes) noexcept {
    // Not for adversaries: it tells whether a pipe still begins with the batch that was logged.
    constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15;
    std::uint64_t hash = bytes.size() * multiplier;
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, 8);
        hash = (hash ^ word) * multiplier;
        hash ^= hash >> 29;
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, at, left);
    hash = (hash ^ rest) * multiplier;
    return hash ^ (hash >> 32);
}

} // namespace davit
