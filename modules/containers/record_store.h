#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/container_service.h"
#include "core/state_store.h"
#include "core/task.h"

namespace davit {

/// A container's record as the text that is stored. What is true only while the engine runs is left out.
std::string to_stored(const container_record& record);
/// Errors: invalid when the text is no record.
container_record from_stored(std::string_view text);

/// The containers in the engine's durable state, one row each. Writes of one loop turn become one transaction.
class record_store {
  public:
    explicit record_store(state_store& store) noexcept : store_{store} {}

    /// A row that can't be read is logged and left where it is: see is_left_aside.
    task<std::vector<container_record>> load();
    /// Whether there is a record of that id that could not be read. What it owns must stay: an older or a newer engine,
    /// or a user who mends the row, may still know what to do with it.
    bool is_left_aside(const std::string& id) const { return left_aside_.contains(id); }
    void put(const container_record& record);
    void erase(const std::string& id);
    /// Returns when everything above survives a crash of the engine.
    task<void> flush() { return store_.flush(); }

  private:
    state_store& store_;
    std::set<std::string> left_aside_;
};

} // namespace davit
