#include "modules/runtime/native/shim/memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace davit::shim {
namespace {

constexpr std::size_t alignment = alignof(std::max_align_t);
constexpr std::size_t block_size = 256u << 10;

/// Of a sandbox. Nobody writes it in the shim, so that it has no page before.
struct own_memory {
    bool is_used;
    char* next;
    std::size_t left;
    alignas(alignment) char first_block[128u << 10];
};
alignas(4096) own_memory own; // Its fields lie in the page that is needed first anyway

std::uintptr_t heap_begin = 0;

std::uintptr_t page_after(std::uintptr_t address) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    return (address + page - 1) / page * page;
}

void* take(std::size_t size) {
    size = (size + alignment - 1) / alignment * alignment;
    if (size > own.left) {
        const auto whole = std::max(size, block_size);
        void* const block = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED) return nullptr;
        own.next = static_cast<char*>(block);
        own.left = whole;
    }
    own.left -= size;
    return std::exchange(own.next, own.next + size);
}

} // namespace

void begin_private_heap() {
    // The thread's own variables lie at the heap's beginning in a static program: what comes after this block is ours.
    heap_begin = page_after(reinterpret_cast<std::uintptr_t>(std::malloc(1)));
}

void keep_heap_from_children() {
    const auto end = page_after(reinterpret_cast<std::uintptr_t>(sbrk(0)));
    if (heap_begin == 0 || end <= heap_begin) return;
    madvise(reinterpret_cast<void*>(heap_begin), end - heap_begin, MADV_DONTFORK);
}

void use_own_memory() {
    own.is_used = true;
    own.next = own.first_block;
    own.left = sizeof own.first_block;
}

void touch_memory_ahead() {
    constexpr std::size_t page = 4096; // Where pages are larger, some are touched twice
    constexpr std::size_t usual_launch = 8 * page;
    for (std::size_t at = 0; at < std::min(own.left, usual_launch); at += page)
        *const_cast<volatile char*>(own.next + at) = 0;
    volatile char stack[usual_launch];
    for (std::size_t at = 0; at < sizeof stack; at += page) stack[at] = 0;
}

} // namespace davit::shim

void* operator new(std::size_t size) {
    void* const made = davit::shim::own.is_used ? davit::shim::take(size) : std::malloc(size);
    if (made == nullptr) std::abort();
    return made;
}

void operator delete(void* given) noexcept {
    if (!davit::shim::own.is_used) std::free(given);
}

void operator delete(void* given, std::size_t) noexcept {
    operator delete(given);
}
