#include "modules/containers/container_index.h"

#include "core/error.h"
#include "modules/containers/container.h"

namespace davit {

void container_index::reserve_name(const std::string& name, const std::string& id) {
    const auto [at, is_new] = names_.try_emplace(name, id);
    if (!is_new && at->second != id)
        throw error(errc::conflict,
                    "Conflict. The container name \"/{}\" is already in use by container \"{}\". You have to remove "
                    "(or rename) that container to be able to reuse that name.",
                    name, at->second);
}

void container_index::release_name(const std::string& name, const std::string& id) {
    const auto at = names_.find(name);
    if (at != names_.end() && at->second == id) names_.erase(at);
}

void container_index::add(std::shared_ptr<container> added) {
    std::string id = added->record.id;
    by_id_.insert_or_assign(std::move(id), std::move(added));
}

void container_index::erase(const std::string& id) {
    by_id_.erase(id);
}

std::shared_ptr<container> container_index::find(std::string_view name) const {
    if (const auto exact = by_id_.find(name); exact != by_id_.end()) return exact->second;
    const std::string_view plain = name.starts_with('/') ? name.substr(1) : name;
    if (const auto named = names_.find(plain); named != names_.end())
        if (const auto held = by_id_.find(named->second); held != by_id_.end()) return held->second;
    if (name.empty()) return nullptr;
    const auto first = by_id_.lower_bound(name);
    if (first == by_id_.end() || !first->first.starts_with(name)) return nullptr;
    const auto second = std::next(first);
    if (second != by_id_.end() && second->first.starts_with(name))
        throw error(errc::invalid, "multiple IDs found with provided prefix: {}", name);
    return first->second;
}

std::shared_ptr<container> container_index::get(std::string_view name) const {
    if (auto found = find(name)) return found;
    throw error(errc::not_found, "No such container: {}", name);
}

} // namespace davit
