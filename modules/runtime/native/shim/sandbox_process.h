#pragma once

namespace davit::shim {

/// The life of a sandbox from the inside: learns its shape, prepares what does not depend on a plan, then waits for its
/// network and its plan, carries them out and becomes the container's process. `channel` is its only descriptor beyond
/// the standard three.
[[noreturn]] void run_sandbox(int channel);

} // namespace davit::shim
