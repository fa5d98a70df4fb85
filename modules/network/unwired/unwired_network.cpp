#include "modules/network/unwired/unwired_network.h"

#include <utility>

#include "core/network_id.h"
#include "core/object_id.h"

namespace davit {

unwired_network::unwired_network(state_store& store, std::string name) : store_{store} {
    facts_.driver = name == "none" ? "null" : name; // what Docker calls it
    facts_.name = std::move(name);
}

task<void> unwired_network::start() {
    facts_.id = co_await kept_network_id(store_, facts_.name);
}

task<attached_endpoint> unwired_network::attach(std::int32_t) {
    attached_endpoint attached;
    attached.where.id = new_object_id();
    attached.where.network_id = facts_.id;
    attached.where.network_name = facts_.name;
    co_return attached;
}

task<void> unwired_network::detach(endpoint) {
    co_return;
}

task<void> unwired_network::restore(endpoint) {
    co_return;
}

task<void> unwired_network::reconcile() {
    co_return;
}

} // namespace davit
