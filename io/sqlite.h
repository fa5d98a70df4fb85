#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace davit::io {

// A small store on SQLite. Everything here blocks (it may wait for the disk), so it belongs on a worker; one database
// with all its statements is used by one thread at a time, whichever that is.

struct database_options {
    std::chrono::milliseconds busy_timeout{5000}; ///< How long to wait for another process's lock
    std::size_t cache_bytes = 1u << 20;           ///< Pages kept in memory
};

/// A prepared statement, borrowed from its database's cache until it is destroyed (before the database is). Texts and
/// blobs are copied when bound. Reading:
///     for (auto rows = db.query("SELECT id, name FROM container WHERE state = ?", state); rows.step();)
///         use(rows.get<std::string>(0), rows.get<std::optional<std::string>>(1));
class statement {
  public:
    ~statement();
    statement(statement&& from) noexcept
        : connection_{from.connection_}, handle_{std::exchange(from.handle_, nullptr)}, is_lent_{from.is_lent_} {}
    statement& operator=(statement&&) = delete;

    /// Binds the values to the parameters 1, 2, … A std::optional without a value and nullptr are NULL.
    template <class... Values> void bind(const Values&... values) {
        int index = 0;
        (bind_at(++index, values), ...);
        check_bound(index);
    }

    /// Goes to the next row; false when there is none. Errors: conflict (a constraint is violated), unavailable (locked
    /// by somebody else, disk full), internal.
    bool step();

    /// A column of the present row, counted from 0. Errors: internal (the column holds another type, or a NULL where T
    /// is no std::optional, or a number that T can't hold). A string_view or span lives until the next step.
    template <class T> T get(int column) const {
        if constexpr (is_optional<T>)
            return is_null(column) ? T{} : T{get<typename T::value_type>(column)};
        else if constexpr (std::same_as<T, bool>)
            return integer(column, 0, 1) != 0;
        else if constexpr (std::unsigned_integral<T> && sizeof(T) == 8)
            return static_cast<T>(integer(column, 0, std::numeric_limits<std::int64_t>::max()));
        else if constexpr (std::integral<T>)
            return static_cast<T>(integer(column, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
        else if constexpr (std::same_as<T, double>)
            return real(column);
        else if constexpr (std::same_as<T, std::span<const std::byte>>)
            return blob(column);
        else
            return T{text(column)};
    }

    bool is_null(int column) const;

  private:
    friend class database;
    template <class T> static constexpr bool is_optional = false;
    template <class T> static constexpr bool is_optional<std::optional<T>> = true;

    statement(sqlite3* connection, sqlite3_stmt* handle, bool* is_lent) noexcept
        : connection_{connection}, handle_{handle}, is_lent_{is_lent} {}

    template <std::integral T> void bind_at(int index, const T& value) {
        if constexpr (std::unsigned_integral<T> && sizeof(T) == 8) {
            if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max())) refuse_large_number(index);
        }
        bind_integer(index, static_cast<std::int64_t>(value));
    }
    template <class T> void bind_at(int index, const std::optional<T>& value) {
        if (value)
            bind_at(index, *value);
        else
            bind_null(index);
    }
    void bind_at(int index, double value);
    void bind_at(int index, std::string_view value);
    void bind_at(int index, const std::string& value) { bind_at(index, std::string_view{value}); }
    void bind_at(int index, const char* value) { bind_at(index, std::string_view{value}); }
    void bind_at(int index, std::span<const std::byte> value);
    void bind_at(int index, const std::vector<std::byte>& value) { bind_at(index, std::span{value}); }
    void bind_at(int index, std::nullptr_t) { bind_null(index); }
    void bind_integer(int index, std::int64_t value);
    void bind_null(int index);
    void check_bound(int count) const;
    [[noreturn]] void refuse_large_number(int index) const;

    std::int64_t integer(int column, std::int64_t least, std::int64_t most) const;
    double real(int column) const;
    std::string_view text(int column) const;
    std::span<const std::byte> blob(int column) const;
    void expect_type(int column, int type) const;

    sqlite3* connection_;
    sqlite3_stmt* handle_;
    bool* is_lent_; // the cache's mark; nullptr when this statement is its own
};

/// One database file: write-ahead log, synchronous=NORMAL (a crash of the host may lose the last transactions, never
/// part of one), foreign keys checked, untrusted schema functions off.
class database {
  public:
    /// Opens or makes the file, with mode 0600; a symbolic link in its place is refused. ":memory:" is a database of
    /// its own that nobody else sees. Errors: as open(2) gives them, internal (no database, or damaged).
    explicit database(const std::string& path, database_options options = {});
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// A statement with its parameters bound.
    template <class... Values> statement query(std::string_view sql, const Values&... values) {
        statement made = prepare(sql);
        made.bind(values...);
        return made;
    }

    /// Runs a statement to its end; the number of rows that it changed.
    template <class... Values> std::int64_t run(std::string_view sql, const Values&... values) {
        statement made = prepare(sql);
        made.bind(values...);
        return finish(made);
    }

    /// Runs several statements without parameters, separated by semicolons.
    void execute(const std::string& sql);

    std::int64_t last_insert_id() const noexcept;

    /// Brings the schema to the newest version: `steps[n]` takes version n to n + 1, in a transaction with the change
    /// of the version number (user_version). Steps that were ever released are never changed, only added to. Errors:
    /// conflict (the file was written by a newer version that has more steps).
    void migrate(std::span<const std::string_view> steps);

    const std::string& path() const noexcept { return path_; }

  private:
    friend class transaction;
    struct cached {
        sqlite3_stmt* handle = nullptr;
        bool is_lent = false;
    };

    statement prepare(std::string_view sql);
    sqlite3_stmt* compile(std::string_view sql);
    std::int64_t finish(statement& running);
    void make_room();

    std::string path_;
    sqlite3* connection_ = nullptr;
    std::unordered_map<std::string, std::unique_ptr<cached>> statements_;
};

/// Everything between its making and commit() happens or nothing: without commit() the destructor rolls back.
/// The write lock is taken at once (BEGIN IMMEDIATE). One at a time for a database.
class transaction {
  public:
    explicit transaction(database& store);
    ~transaction();
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;

    void commit();

  private:
    database& store_;
    bool is_open_ = true;
};

} // namespace davit::io
