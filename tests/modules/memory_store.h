#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/state_store.h"

namespace davit {

/// A state store that forgets everything with the test.
class memory_store final : public state_store {
  public:
    task<std::vector<std::pair<std::string, std::string>>> load(std::string table) override {
        co_return std::vector<std::pair<std::string, std::string>>(tables_[table].begin(), tables_[table].end());
    }
    void put(std::string table, std::string key, std::string value) override { tables_[table][key] = std::move(value); }
    void erase(std::string table, std::string key) override { tables_[table].erase(key); }
    task<void> flush() override { co_return; }

  private:
    std::map<std::string, std::map<std::string, std::string>> tables_;
};

} // namespace davit
