#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/launch_plan.h"
#include "core/task.h"

namespace davit {

/// A network as the API tells it.
struct network_facts {
    std::string id;     ///< 64 hexadecimal digits, kept for the life of the data root
    std::string name;   ///< "bridge"
    std::string driver; ///< "bridge"
    std::string subnet; ///< "172.17.0.0/16"; empty where there is none
    std::string gateway;
};

/// A sandbox's place in a network. A value that can be stored: given back to `restore`, it is the same endpoint again.
struct endpoint {
    std::string id; ///< 64 hexadecimal digits
    std::string network_id;
    std::string network_name;
    std::string ipv4; ///< "172.17.0.2"; empty on none and host
    int ipv4_prefix_length = 0;
    std::string gateway;
    std::string mac;
    std::string host_interface; ///< The host's end of the veth pair

    bool operator==(const endpoint&) const = default;
};

struct attached_endpoint {
    endpoint where;
    network_plan plan; ///< What the sandbox does from inside
};

/// Connects sandboxes to one network.
///
/// Life cycle: `attach` allocates an address and puts an interface into the sandbox's network namespace, which is the
/// one of process `pid`; the caller has the sandbox configure it by `plan`, and awaits `settle`. `detach` gives the
/// address back; the interface goes with its namespace, off the hot path. After a restart, `restore` tells of an
/// endpoint that still lives; addresses that nobody restored are free, and interfaces that nobody restored are removed
/// by `reconcile`.
class network_driver {
  public:
    virtual ~network_driver() = default;

    virtual network_facts facts() const = 0;
    /// Whether a sandbox of this network has a network namespace of its own (all but host).
    virtual bool has_own_namespace() const { return true; }
    virtual task<attached_endpoint> attach(std::int32_t pid) = 0;
    /// Returns when packets pass, so that the sandbox's first one is not lost. Awaited once its network is configured.
    virtual task<void> settle(endpoint) { co_return; }
    /// Idempotent.
    virtual task<void> detach(endpoint where) = 0;
    virtual task<void> restore(endpoint where) = 0;
    virtual task<void> reconcile() = 0;
};

} // namespace davit
