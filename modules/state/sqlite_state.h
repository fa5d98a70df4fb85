#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/background.h"
#include "core/module.h"
#include "core/state_store.h"
#include "core/wait_list.h"

namespace davit::io {
class database;
}

namespace davit {

/// The state store on SQLite. Memory holds only what is not written yet.
class sqlite_state final : public module, public state_store {
  public:
    using provides = interfaces<state_store>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{"data-root", "/var/lib/davit", "Root directory of persistent state"}};

    explicit sqlite_state(const module_inputs& given) : sqlite_state{given.config().text("data-root")} {}
    explicit sqlite_state(std::string directory);
    ~sqlite_state() override;

    task<void> start() override;
    task<void> stop() override;
    task<module_health> health() override;

    task<std::vector<std::pair<std::string, std::string>>> load(std::string table) override;
    void put(std::string table, std::string key, std::string value) override;
    void erase(std::string table, std::string key) override;
    task<void> flush() override;

  private:
    using row_name = std::pair<std::string, std::string>;           // table, key
    using changes = std::map<row_name, std::optional<std::string>>; // nothing: erased

    void queue(row_name name, std::optional<std::string> value);
    task<void> write_queued();
    task<void> write(changes batch, std::uint64_t last);

    std::string directory_;
    std::shared_ptr<io::database> database_; // used by one worker job at a time: `is_busy_`
    bool is_busy_ = false;
    wait_list idle_;

    changes queued_;
    std::uint64_t last_queued_ = 0;  // counts changes
    std::uint64_t last_durable_ = 0; // all up to this one survive
    std::uint64_t attempts_ = 0;     // of writing a batch, ended
    std::exception_ptr failure_;     // of the last attempt
    wait_list asked_;
    wait_list attempted_;
    background writer_{"the state store"};
};

} // namespace davit
