#include "modules/state/sqlite_state.h"

#include <array>
#include <chrono>
#include <string_view>

#include "core/error.h"
#include "core/log.h"
#include "core/timeout.h"
#include "io/file.h"
#include "io/offload.h"
#include "io/sqlite.h"

namespace davit {

namespace {

using namespace std::chrono_literals;

constexpr auto retry_delay = 1s;

constexpr std::array<std::string_view, 1> schema = {
    "CREATE TABLE entry (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, name)) "
    "WITHOUT ROWID",
};

} // namespace

sqlite_state::sqlite_state(std::string directory) : directory_{std::move(directory)} {}

sqlite_state::~sqlite_state() = default;

task<void> sqlite_state::start() {
    co_await io::make_directories(directory_, 0710);
    database_ = co_await io::offload([path = directory_ + "/state.db"] {
        auto opened = std::make_shared<io::database>(path);
        opened->migrate(schema);
        return opened;
    });
    writer_.spawn(write_queued());
}

task<void> sqlite_state::stop() {
    try {
        co_await flush();
    } catch (const error& e) {
        log::error("the last changes of the engine's state are not stored: {}", e.what());
    }
    co_await writer_.end();
    // Closing writes the log back into the file.
    co_await io::offload([closing = std::move(database_)]() mutable { closing.reset(); });
}

task<module_health> sqlite_state::health() {
    if (!failure_) co_return module_health{};
    try {
        std::rethrow_exception(failure_);
    } catch (const std::exception& e) {
        co_return module_health{false, e.what()};
    }
}

task<std::vector<std::pair<std::string, std::string>>> sqlite_state::load(std::string table) {
    co_await flush();
    while (is_busy_) co_await idle_.wait();
    is_busy_ = true;
    std::vector<std::pair<std::string, std::string>> rows;
    std::exception_ptr failure;
    try {
        rows = co_await io::offload([database = database_, table] {
            std::vector<std::pair<std::string, std::string>> found;
            auto query = database->query("SELECT name, value FROM entry WHERE kind = ? ORDER BY name", table);
            while (query.step()) found.emplace_back(query.get<std::string>(0), query.get<std::string>(1));
            return found;
        });
    } catch (...) {
        failure = std::current_exception();
    }
    is_busy_ = false;
    idle_.wake_all();
    if (failure) std::rethrow_exception(failure);
    co_return rows;
}

void sqlite_state::put(std::string table, std::string key, std::string value) {
    queue({std::move(table), std::move(key)}, std::move(value));
}

void sqlite_state::erase(std::string table, std::string key) {
    queue({std::move(table), std::move(key)}, std::nullopt);
}

void sqlite_state::queue(row_name name, std::optional<std::string> value) {
    queued_.insert_or_assign(std::move(name), std::move(value));
    ++last_queued_;
    asked_.wake_all();
}

task<void> sqlite_state::flush() {
    const std::uint64_t wanted = last_queued_;
    const std::uint64_t attempts = attempts_;
    while (last_durable_ < wanted) {
        // An attempt that began before this call says nothing; the second one to end has seen all that is wanted.
        if (failure_ && attempts_ >= attempts + 2) std::rethrow_exception(failure_);
        asked_.wake_all();
        co_await attempted_.wait();
    }
}

task<void> sqlite_state::write_queued() {
    for (;;) {
        while (queued_.empty()) co_await asked_.wait();
        // From here no await lies between what this turn queued and the batch: it is one transaction.
        while (is_busy_) co_await idle_.wait();
        co_await write(std::exchange(queued_, {}), last_queued_);
        if (!failure_) continue;
        try {
            co_await with_timeout(retry_delay, "waiting to write again",
                                  [](wait_list* asked) -> task<void> { co_await asked->wait(); }(&asked_));
        } catch (const error& e) {
            if (e.category() != errc::timed_out) throw;
        }
    }
}

task<void> sqlite_state::write(changes batch, std::uint64_t last) {
    is_busy_ = true;
    const auto shared = std::make_shared<changes>(std::move(batch));
    std::exception_ptr failure;
    bool was_cancelled = false;
    try {
        co_await io::offload([database = database_, shared] {
            io::transaction all{*database};
            for (const auto& [name, value] : *shared) {
                if (value)
                    database->run("INSERT INTO entry (kind, name, value) VALUES (?, ?, ?) "
                                  "ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value",
                                  name.first, name.second, *value);
                else
                    database->run("DELETE FROM entry WHERE kind = ? AND name = ?", name.first, name.second);
            }
            all.commit();
        });
    } catch (const error& e) {
        was_cancelled = e.category() == errc::cancelled;
        failure = std::current_exception();
    }
    is_busy_ = false;
    idle_.wake_all();
    if (failure) {
        // Back into the queue, below what came later.
        queued_.merge(*shared);
        if (!failure_ && !was_cancelled) log::error("the engine's state can't be written; trying again");
    } else {
        last_durable_ = last;
        if (failure_) log::info("the engine's state is written again");
    }
    failure_ = failure;
    ++attempts_;
    attempted_.wake_all();
    if (was_cancelled) std::rethrow_exception(failure);
}

} // namespace davit
