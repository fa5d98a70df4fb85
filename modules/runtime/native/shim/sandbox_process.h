#pragma once

#include <string>

#include "modules/runtime/native/protocol.h"

namespace davit::shim {

/// The life of a sandbox from the inside: prepares what does not depend on a plan, then waits for its network and its
/// plan, carries them out and becomes the container's process. `channel` is its only descriptor beyond the standard
/// three.
[[noreturn]] void run_sandbox(int channel, const shim_protocol::sandbox_template& shape, const std::string& stage_path,
                              int inherited_oom_score);

} // namespace davit::shim
