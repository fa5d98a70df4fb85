#pragma once

#include <string>

#include "modules/runtime/native/protocol.h"

namespace davit::shim {

using shim_protocol::failure;
using shim_protocol::failure_kind;

/// The errno's description as the tools that read our sentences know it: "no such file or directory".
std::string errno_text(int number);

/// A failure with a formatted sentence; with a `number` other than 0, ": <errno_text>" is added to it.
[[gnu::format(printf, 3, 4)]] failure make_failure(failure_kind kind, int number, const char* format, ...);

/// In a sandbox: names the channel to the shim on which `fail` reports. The descriptor is not owned.
void report_failures_on(int channel);

/// In a sandbox: reports the failure to the shim and ends this process, so that nothing half-made goes on.
[[noreturn, gnu::format(printf, 3, 4)]] void fail(failure_kind kind, int number, const char* format, ...);

} // namespace davit::shim
