#pragma once

namespace davit::shim {

// The shim's heap is not for the sandboxes that its zygote clones. They know nothing of other containers then, and a
// launch is spared the page faults that pages in common cost both sides when they are next written (15 to 20 µs each on
// a virtual machine without hardware page tables).
//
// A sandbox has what is on the shim's stack and in its static variables. What else it needs comes through its channel.

/// Once, before anything is put on the heap that a sandbox may not see.
void begin_private_heap();

/// Before the clone of the zygote: leaves the heap out of it, and so of what it clones (MADV_DONTFORK, madvise(2)).
void keep_heap_from_children();

/// The first thing in a sandbox: from here on `new` takes memory of its own, and `delete` gives nothing back, for a
/// sandbox is short-lived. The C library's malloc must not be called any more.
void use_own_memory();

/// Has the pages of stack and memory that a launch will write, while nobody waits for them yet.
void touch_memory_ahead();

} // namespace davit::shim
