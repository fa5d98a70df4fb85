#pragma once

#include "core/launch_plan.h"

namespace davit::shim {

/// Brings the loopback interface of this network namespace up.
void bring_loopback_up();

/// Configures the interfaces of this network namespace by rtnetlink(7), all messages in one send.
/// `settings` is the sandbox's /proc/sys, by which IPv6 is switched off on quiet interfaces.
void configure_network(const network_plan& plan, int settings);

} // namespace davit::shim
