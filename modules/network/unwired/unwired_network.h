#pragma once

#include <string>

#include "core/module.h"
#include "core/network_driver.h"
#include "core/state_store.h"

namespace davit {

/// A network that connects nothing: its endpoints have an id and no interface, and there is nothing to undo.
class unwired_network : public module, public network_driver {
  public:
    using provides = interfaces<network_driver>;
    using needs = interfaces<state_store>;

    task<void> start() override;

    network_facts facts() const override { return facts_; }
    task<attached_endpoint> attach(std::int32_t pid) override;
    task<void> detach(endpoint where) override;
    task<void> restore(endpoint where) override;
    task<void> reconcile() override;

  protected:
    unwired_network(state_store& store, std::string name);

  private:
    state_store& store_;
    network_facts facts_;
};

/// "none": a network namespace with loopback only.
class none_network final : public unwired_network {
  public:
    explicit none_network(const module_inputs& given) : none_network{given.get<state_store>()} {}
    explicit none_network(state_store& store) : unwired_network{store, "none"} {}
};

/// "host": the host's own network namespace.
class host_network final : public unwired_network {
  public:
    explicit host_network(const module_inputs& given) : host_network{given.get<state_store>()} {}
    explicit host_network(state_store& store) : unwired_network{store, "host"} {}
    bool has_own_namespace() const override { return false; }
};

} // namespace davit
