#pragma once

namespace davit::api {

/// Makes this process fit to be an engine, before any thread or loop exists: standard streams that are open, no
/// descriptor beyond them that somebody left open, as many descriptors as the host allows, no SIGPIPE, a plain umask,
/// an allocator that gives memory back, and a worker pool that fits the machine.
void set_up_process();

/// Gives what start-up used and no longer needs back to the kernel.
void trim_memory();

} // namespace davit::api
