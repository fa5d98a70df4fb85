#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/task.h"

namespace davit {

/// The engine's durable state: tables of text keys and values. Memory is the working copy; a module loads its table at
/// start-up and writes what changes. Writes of one loop turn share one transaction, on a worker.
class state_store {
  public:
    virtual ~state_store() = default;

    virtual task<std::vector<std::pair<std::string, std::string>>> load(std::string table) = 0;
    /// Queues a write. Later writes to the same key win; all queued writes become durable together, in order.
    virtual void put(std::string table, std::string key, std::string value) = 0;
    virtual void erase(std::string table, std::string key) = 0;
    /// Returns when everything queued before the call survives a crash of the engine.
    /// Errors: internal when the disk refuses (full, read-only); the writes stay queued.
    virtual task<void> flush() = 0;
};

} // namespace davit
