#include "modules/runtime/native/process_table.h"

#include "core/error.h"

namespace davit {

process_table::entry process_table::add(const std::string& container_id) {
    auto& place = processes_[container_id];
    if (place == nullptr) {
        place = std::make_shared<known_process>();
        place->container_id = container_id;
    }
    return place;
}

process_table::entry process_table::find(const std::string& container_id) const {
    const auto at = processes_.find(container_id);
    return at == processes_.end() ? nullptr : at->second;
}

process_table::entry process_table::get(const std::string& container_id) const {
    auto found = find(container_id);
    if (found == nullptr) throw error(errc::not_found, "no process of container {} is held", container_id);
    return found;
}

std::vector<process_table::entry> process_table::all() const {
    std::vector<entry> list;
    list.reserve(processes_.size());
    for (const auto& [id, one] : processes_) list.push_back(one);
    return list;
}

void process_table::end(known_process& process, exit_status status) {
    if (process.ended) return;
    process.ended = status;
    process.has_ended.set();
}

} // namespace davit
