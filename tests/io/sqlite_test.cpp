#include "io/sqlite.h"

#include <array>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/error.h"
#include "tests/io/io_testing.h"

namespace davit::io {
namespace {

class sqlite : public testing::Test {
  protected:
    sqlite() {
        std::string pattern = testing::TempDir() + "/davit-sqlite-XXXXXX";
        directory = ::mkdtemp(pattern.data());
    }
    ~sqlite() override { std::filesystem::remove_all(directory); }

    std::string path() const { return directory + "/store.db"; }

    std::string directory;
};

template <class Call> errc category_of(Call call) {
    try {
        call();
    } catch (const error& failed) {
        return failed.category();
    }
    ADD_FAILURE() << "nothing was refused";
    return errc::internal;
}

TEST_F(sqlite, every_type_comes_back_as_it_went_in) {
    database store{path()};
    store.execute("CREATE TABLE t (a, b, c, d, e, f)");
    const std::array bytes{std::byte{0}, std::byte{255}};
    const std::string text{"a\0b'", 4};
    EXPECT_EQ(store.run("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", std::numeric_limits<std::int64_t>::min(), 2.5, text,
                        std::span<const std::byte>{bytes}, nullptr, std::optional<std::string>{}),
              1);
    auto row = store.query("SELECT * FROM t WHERE c = ? AND e IS NULL", text);
    ASSERT_TRUE(row.step());
    EXPECT_EQ(row.get<std::int64_t>(0), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(row.get<double>(1), 2.5);
    EXPECT_EQ(row.get<std::string>(2), text);
    EXPECT_EQ(row.get<std::span<const std::byte>>(3)[1], std::byte{255});
    EXPECT_TRUE(row.is_null(4));
    EXPECT_EQ(row.get<std::optional<std::string>>(5), std::nullopt);
    EXPECT_EQ(row.get<std::optional<double>>(1), 2.5);
    EXPECT_FALSE(row.step());
}

TEST_F(sqlite, empty_texts_and_blobs_are_not_null) {
    database store{":memory:"};
    auto row = store.query("SELECT ?, ?", std::string_view{}, std::span<const std::byte>{});
    ASSERT_TRUE(row.step());
    EXPECT_EQ(row.get<std::string>(0), "");
    EXPECT_TRUE(row.get<std::span<const std::byte>>(1).empty());
}

TEST_F(sqlite, a_column_of_another_type_is_refused) {
    database store{":memory:"};
    auto row = store.query("SELECT 'text', 300, NULL, -1");
    ASSERT_TRUE(row.step());
    EXPECT_EQ(category_of([&] { row.get<int>(0); }), errc::internal);
    EXPECT_EQ(category_of([&] { row.get<std::uint8_t>(1); }), errc::internal);
    EXPECT_EQ(category_of([&] { row.get<std::string>(2); }), errc::internal);
    EXPECT_EQ(category_of([&] { row.get<std::uint64_t>(3); }), errc::internal);
    EXPECT_EQ(row.get<std::uint16_t>(1), 300);
}

TEST_F(sqlite, the_number_of_values_must_be_that_of_the_parameters) {
    database store{":memory:"};
    EXPECT_EQ(category_of([&] { store.query("SELECT ?, ?", 1); }), errc::internal);
    EXPECT_EQ(category_of([&] { store.run("SELECT 1", 1); }), errc::internal);
    EXPECT_EQ(category_of([&] { store.run("SELECT ?", std::numeric_limits<std::uint64_t>::max()); }), errc::internal);
}

TEST_F(sqlite, the_file_and_its_log_are_private_whatever_the_umask) {
    const auto before = ::umask(0);
    {
        database store{path()};
        store.execute("CREATE TABLE t (a)");
        EXPECT_EQ(permissions_of(path()), 0600u);
        EXPECT_EQ(permissions_of(path() + "-wal"), 0600u);
        EXPECT_EQ(permissions_of(path() + "-shm"), 0600u);
    }
    ::chmod(path().c_str(), 0644);
    database again{path()};
    ::umask(before);
    EXPECT_EQ(permissions_of(path()), 0600u);
}

TEST_F(sqlite, a_link_in_the_place_of_the_file_is_refused) {
    std::filesystem::create_symlink(directory + "/elsewhere", path());
    EXPECT_THROW(database{path()}, error);
    EXPECT_FALSE(std::filesystem::exists(directory + "/elsewhere"));
}

TEST_F(sqlite, a_file_that_is_no_database_is_refused_and_kept) {
    std::ofstream{path()} << std::string(4096, 'x');
    EXPECT_EQ(category_of([&] { database{path()}; }), errc::internal);
    EXPECT_EQ(std::filesystem::file_size(path()), 4096u);
}

TEST_F(sqlite, a_missing_directory_is_not_found) {
    EXPECT_EQ(category_of([&] { database{directory + "/none/store.db"}; }), errc::not_found);
}

TEST_F(sqlite, a_transaction_without_commit_leaves_nothing) {
    database store{path()};
    store.execute("CREATE TABLE t (a)");
    {
        transaction change{store};
        store.run("INSERT INTO t VALUES (1)");
        EXPECT_EQ(category_of([&] { transaction second{store}; }), errc::internal);
    }
    EXPECT_FALSE(store.query("SELECT * FROM t").step());
    {
        transaction change{store};
        store.run("INSERT INTO t VALUES (2)");
        change.commit();
    }
    database reader{path()};
    auto row = reader.query("SELECT a FROM t");
    ASSERT_TRUE(row.step());
    EXPECT_EQ(row.get<int>(0), 2);
}

TEST_F(sqlite, violated_constraints_are_conflicts) {
    database store{":memory:"};
    store.execute("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p(id))");
    store.run("INSERT INTO p VALUES (1)");
    EXPECT_EQ(category_of([&] { store.run("INSERT INTO p VALUES (1)"); }), errc::conflict);
    EXPECT_EQ(category_of([&] { store.run("INSERT INTO c VALUES (9)"); }), errc::conflict);
    EXPECT_EQ(store.run("INSERT INTO c VALUES (1)"), 1);
}

TEST_F(sqlite, run_counts_the_rows_that_the_statement_itself_changed) {
    database store{":memory:"};
    store.execute("CREATE TABLE p (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE c (p REFERENCES p(id) ON DELETE CASCADE); INSERT INTO p VALUES (1), (2);"
                  "INSERT INTO c VALUES (1), (1)");
    EXPECT_EQ(store.run("DELETE FROM p WHERE id = 1"), 1);
    EXPECT_FALSE(store.query("SELECT * FROM c").step());
    EXPECT_EQ(store.run("DELETE FROM p WHERE id = 1"), 0);
    EXPECT_EQ(store.run("SELECT 1"), 0);
}

TEST_F(sqlite, another_writer_makes_it_unavailable) {
    database first{path()};
    first.execute("CREATE TABLE t (a)");
    database second{path(), {.busy_timeout = std::chrono::milliseconds{1}}};
    transaction held{first};
    EXPECT_EQ(category_of([&] { transaction wanted{second}; }), errc::unavailable);
}

TEST_F(sqlite, one_text_can_be_in_the_middle_of_its_rows_twice) {
    database store{":memory:"};
    store.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)");
    int pairs = 0;
    for (auto outer = store.query("SELECT a FROM t"); outer.step();)
        for (auto inner = store.query("SELECT a FROM t"); inner.step();) ++pairs;
    EXPECT_EQ(pairs, 4);
}

TEST_F(sqlite, a_statement_lent_again_remembers_no_values) {
    database store{":memory:"};
    {
        auto row = store.query("SELECT ?", 5);
        row.step();
    }
    auto row = store.query("SELECT ?", std::optional<int>{});
    ASSERT_TRUE(row.step());
    EXPECT_TRUE(row.is_null(0));
}

TEST_F(sqlite, more_statements_than_the_cache_holds_still_work) {
    database store{":memory:"};
    auto lent = store.query("SELECT 'lent'");
    for (int number = 0; number < 1000; ++number) {
        auto row = store.query("SELECT " + std::to_string(number));
        ASSERT_TRUE(row.step());
        ASSERT_EQ(row.get<int>(0), number);
    }
    ASSERT_TRUE(lent.step());
    EXPECT_EQ(lent.get<std::string>(0), "lent");
}

TEST_F(sqlite, migrations_run_once_each_and_in_order) {
    constexpr std::array<std::string_view, 3> steps{
        "CREATE TABLE t (a)", "ALTER TABLE t ADD COLUMN b; INSERT INTO t VALUES (1, 2)", "UPDATE t SET b = b + 1"};
    {
        database store{path()};
        store.migrate(std::span{steps}.first(1));
    }
    {
        database store{path()};
        store.migrate(steps);
        store.migrate(steps);
        auto row = store.query("SELECT b FROM t");
        ASSERT_TRUE(row.step());
        EXPECT_EQ(row.get<int>(0), 3);
    }
    database older{path()};
    EXPECT_EQ(category_of([&] { older.migrate(std::span{steps}.first(2)); }), errc::conflict);
}

TEST_F(sqlite, a_migration_that_fails_changes_nothing) {
    constexpr std::array<std::string_view, 2> steps{"CREATE TABLE t (a)", "CREATE TABLE u (a); nonsense"};
    database store{path()};
    EXPECT_EQ(category_of([&] { store.migrate(steps); }), errc::internal);
    EXPECT_FALSE(store.query("SELECT name FROM sqlite_master").step());
    store.migrate(std::span{steps}.first(1));
    EXPECT_TRUE(store.query("SELECT name FROM sqlite_master").step());
}

} // namespace
} // namespace davit::io
