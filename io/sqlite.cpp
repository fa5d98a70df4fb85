#include "io/sqlite.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

namespace davit::io {
namespace {

constexpr std::size_t most_cached_statements = 128;

errc category_of(int code) {
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return errc::conflict;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
        return errc::unavailable;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return errc::denied;
    case SQLITE_TOOBIG:
        return errc::too_large;
    default:
        return errc::internal;
    }
}

[[noreturn]] void fail(sqlite3* connection, int code, std::string_view doing) {
    const char* path = sqlite3_db_filename(connection, "main");
    throw error(category_of(code), "store {}: {}: {}", path != nullptr && *path != '\0' ? path : "in memory", doing,
                sqlite3_errmsg(connection));
}

void check(sqlite3* connection, int code, std::string_view doing) {
    if (code != SQLITE_OK) fail(connection, code, doing);
}

/// Makes the file with its mode before SQLite can make it with another; its log and index take their modes from it.
void make_private_file(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) throw error::system(errno, "opening the store {}", path);
    const int failure = ::fchmod(descriptor, 0600) == 0 ? 0 : errno;
    ::close(descriptor);
    if (failure != 0) throw error::system(failure, "setting the mode of the store {}", path);
}

} // namespace

statement::~statement() {
    if (handle_ == nullptr) return; // moved away
    if (is_lent_ == nullptr) {
        sqlite3_finalize(handle_);
        return;
    }
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
    *is_lent_ = false;
}

bool statement::step() {
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) fail(connection_, code, sqlite3_sql(handle_));
    return false;
}

void statement::bind_at(int index, double value) {
    check(connection_, sqlite3_bind_double(handle_, index, value), sqlite3_sql(handle_));
}

void statement::bind_at(int index, std::string_view value) {
    const char* bytes = value.data() != nullptr ? value.data() : ""; // a null pointer would be a NULL
    check(connection_, sqlite3_bind_text64(handle_, index, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8),
          sqlite3_sql(handle_));
}

void statement::bind_at(int index, std::span<const std::byte> value) {
    const void* bytes = value.data() != nullptr ? static_cast<const void*>(value.data()) : "";
    check(connection_, sqlite3_bind_blob64(handle_, index, bytes, value.size(), SQLITE_TRANSIENT),
          sqlite3_sql(handle_));
}

void statement::bind_integer(int index, std::int64_t value) {
    check(connection_, sqlite3_bind_int64(handle_, index, value), sqlite3_sql(handle_));
}

void statement::bind_null(int index) {
    check(connection_, sqlite3_bind_null(handle_, index), sqlite3_sql(handle_));
}

void statement::check_bound(int count) const {
    if (const int wanted = sqlite3_bind_parameter_count(handle_); count != wanted)
        throw error(errc::internal, "{} values are given for the {} parameters of: {}", count, wanted,
                    sqlite3_sql(handle_));
}

void statement::refuse_large_number(int index) const {
    throw error(errc::internal, "value {} is over 2^63 - 1, the most that a column holds: {}", index,
                sqlite3_sql(handle_));
}

bool statement::is_null(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

void statement::expect_type(int column, int type) const {
    constexpr const char* names[] = {"", "an integer", "a real number", "a text", "a blob", "NULL"};
    if (const int found = sqlite3_column_type(handle_, column); found != type)
        throw error(errc::internal, "column {} is {} where {} is expected: {}", column, names[found], names[type],
                    sqlite3_sql(handle_));
}

std::int64_t statement::integer(int column, std::int64_t least, std::int64_t most) const {
    expect_type(column, SQLITE_INTEGER);
    const std::int64_t value = sqlite3_column_int64(handle_, column);
    if (value < least || value > most)
        throw error(errc::internal, "column {} is {}, not between {} and {}: {}", column, value, least, most,
                    sqlite3_sql(handle_));
    return value;
}

double statement::real(int column) const {
    expect_type(column, SQLITE_FLOAT);
    return sqlite3_column_double(handle_, column);
}

std::string_view statement::text(int column) const {
    expect_type(column, SQLITE_TEXT);
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::span<const std::byte> statement::blob(int column) const {
    expect_type(column, SQLITE_BLOB);
    const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

database::database(const std::string& path, database_options options) : path_{path} {
    const bool is_in_memory = path == ":memory:";
    if (!is_in_memory) make_private_file(path);
    const int code = sqlite3_open_v2(path.c_str(), &connection_,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    try {
        check(connection_, code, "opening");
        check(connection_, sqlite3_busy_timeout(connection_, static_cast<int>(options.busy_timeout.count())),
              "opening");
        execute("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous = NORMAL;"
                "PRAGMA journal_size_limit = 4194304;" +
                fmt::format("PRAGMA cache_size = -{};", options.cache_bytes / 1024));
        auto mode = query("PRAGMA journal_mode = WAL");
        if (mode.step(); !is_in_memory && mode.get<std::string_view>(0) != "wal")
            throw error(errc::unsupported, "store {}: its file system can't carry a write-ahead log", path);
    } catch (...) {
        for (const auto& [sql, entry] : statements_) sqlite3_finalize(entry->handle);
        sqlite3_close_v2(connection_);
        throw;
    }
}

database::~database() {
    for (const auto& [sql, entry] : statements_) sqlite3_finalize(entry->handle);
    sqlite3_close_v2(connection_);
}

sqlite3_stmt* database::compile(std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    check(connection_,
          sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &handle,
                             nullptr),
          sql);
    if (handle == nullptr) throw error(errc::internal, "store {}: no statement in: {}", path_, sql);
    return handle;
}

statement database::prepare(std::string_view sql) {
    std::string key{sql};
    auto found = statements_.find(key);
    if (found == statements_.end()) {
        make_room();
        auto fresh = std::make_unique<cached>();
        fresh->handle = compile(sql);
        found = statements_.emplace(std::move(key), std::move(fresh)).first;
    }
    auto& entry = *found->second;
    if (std::exchange(entry.is_lent, true))
        return {connection_, compile(sql), nullptr}; // the same statement is in the middle of its rows
    return {connection_, entry.handle, &entry.is_lent};
}

void database::make_room() {
    if (statements_.size() < most_cached_statements) return;
    std::erase_if(statements_, [](const auto& one) {
        if (one.second->is_lent) return false;
        sqlite3_finalize(one.second->handle);
        return true;
    });
}

std::int64_t database::finish(statement& running) {
    const auto before = sqlite3_total_changes64(connection_);
    while (running.step()) {
    }
    // The connection's count of the last change also stands after a statement that changed nothing.
    return sqlite3_total_changes64(connection_) == before ? 0 : sqlite3_changes64(connection_);
}

void database::execute(const std::string& sql) {
    check(connection_, sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr), sql);
}

std::int64_t database::last_insert_id() const noexcept {
    return sqlite3_last_insert_rowid(connection_);
}

void database::migrate(std::span<const std::string_view> steps) {
    const auto version = [&] {
        auto row = query("PRAGMA user_version");
        row.step();
        return row.get<std::size_t>(0);
    };
    transaction change{*this};
    const auto present = version();
    if (present > steps.size())
        throw error(errc::conflict,
                    "store {}: schema version {} was written by a newer Davit, this one knows {}; start the newer one",
                    path_, present, steps.size());
    for (auto at = present; at < steps.size(); ++at) {
        try {
            execute(std::string{steps[at]});
        } catch (error& failed) {
            failed.while_doing("bringing the schema from version {} to {}", at, at + 1);
            throw;
        }
    }
    if (present < steps.size()) execute(fmt::format("PRAGMA user_version = {}", steps.size()));
    change.commit();
}

transaction::transaction(database& store) : store_{store} {
    if (sqlite3_get_autocommit(store.connection_) == 0)
        throw error(errc::internal, "store {}: a transaction is open already", store.path());
    store_.run("BEGIN IMMEDIATE");
}

transaction::~transaction() {
    // A failed statement may have rolled back already; then there is nothing left to undo.
    if (is_open_ && sqlite3_get_autocommit(store_.connection_) == 0)
        sqlite3_exec(store_.connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void transaction::commit() {
    store_.run("COMMIT");
    is_open_ = false;
}

} // namespace davit::io
