#include "modules/state/sqlite_state.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "io/loop.h"

namespace davit {
namespace {

using rows = std::vector<std::pair<std::string, std::string>>;

class sqlite_states : public ::testing::Test {
  protected:
    sqlite_states() {
        std::string pattern = (std::filesystem::temp_directory_path() / "davit-state-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~sqlite_states() override { std::filesystem::remove_all(directory_); }

    io::loop loop_;
    std::string directory_;
};

TEST_F(sqlite_states, what_was_flushed_is_there_in_the_next_life) {
    {
        sqlite_state store{directory_};
        loop_.run(store.start());
        store.put("containers", "b", "old");
        store.put("containers", "a", "1");
        store.put("containers", "b", "2");
        store.put("images", "a", "other");
        store.put("containers", "c", "3");
        store.erase("containers", "c");
        loop_.run(store.flush());
        loop_.run(store.stop());
    }
    sqlite_state store{directory_};
    loop_.run(store.start());
    EXPECT_EQ(loop_.run(store.load("containers")), (rows{{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(loop_.run(store.load("images")), (rows{{"a", "other"}}));
    store.erase("containers", "a");
    EXPECT_EQ(loop_.run(store.load("containers")), (rows{{"b", "2"}}));
    loop_.run(store.stop());
    struct stat facts{};
    ASSERT_EQ(::stat((directory_ + "/state.db").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(sqlite_states, a_stop_writes_what_is_queued) {
    {
        sqlite_state store{directory_};
        loop_.run(store.start());
        store.put("t", "k", "v");
        loop_.run(store.stop());
    }
    sqlite_state store{directory_};
    loop_.run(store.start());
    EXPECT_EQ(loop_.run(store.load("t")), (rows{{"k", "v"}}));
    loop_.run(store.stop());
}

} // namespace
} // namespace davit
