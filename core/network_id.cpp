#include "core/network_id.h"

#include <utility>

#include "core/object_id.h"

namespace davit {

task<std::string> kept_network_id(state_store& store, std::string name) {
    static constexpr auto table = "network_ids";
    for (auto& [network, id] : co_await store.load(table))
        if (network == name) co_return std::move(id);
    std::string made = new_object_id();
    store.put(table, std::move(name), made);
    co_return made;
}

} // namespace davit
