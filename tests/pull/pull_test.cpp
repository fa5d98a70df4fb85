#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/loop.h"
#include "modules/images/blob_directory.h"
#include "modules/images/images_module.h"
#include "modules/images/local_image_store.h"
#include "modules/registry_client/registry_client_module.h"
#include "modules/storage/overlay/overlay_storage.h"
#include "tests/pull/registry_process.h"

namespace davit {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// Keeps tables in memory.
class memory_state final : public state_store {
  public:
    task<std::vector<std::pair<std::string, std::string>>> load(std::string table) override {
        const auto& rows = tables[table];
        co_return std::vector<std::pair<std::string, std::string>>{rows.begin(), rows.end()};
    }
    void put(std::string table, std::string key, std::string value) override { tables[table][key] = value; }
    void erase(std::string table, std::string key) override { tables[table].erase(key); }
    task<void> flush() override { co_return; }

    std::map<std::string, std::map<std::string, std::string>> tables;
};

task<void> sleep_a_moment() {
    co_await sleep_for(std::chrono::milliseconds{1});
}

class pulling : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        if (::geteuid() != 0 || run_program({"sh", "-c", "command -v docker-registry skopeo python3 >/dev/null"}) != 0)
            return;
        char path[] = "/var/tmp/davit-pull-XXXXXX";
        shared = ::mkdtemp(path);
        registry = std::make_unique<registry_process>(shared / "registry");
        // Two layers; the second hides a file of the first.
        const std::string script =
            "import sys; sys.path.insert(0, '" DAVIT_SOURCE_DIR "/images')\n"
            "from oci_layout import Layout, Tar\n"
            "l = Layout('" +
            (shared / "layout").string() +
            "')\n"
            "low = l.add_layer(Tar().folder('etc/').file('etc/a', 'low').file('etc/b', 'gone').bytes())\n"
            "high = l.add_layer(Tar().file('etc/a', 'high!').file('etc/.wh.b', '').bytes())\n"
            "l.add_image('latest', [low, high], {'Cmd': ['sh'], 'Labels': {'k': 'v'}})\n"
            "base = Layout('" +
            (shared / "base").string() +
            "')\n"
            "low = base.add_layer(Tar().folder('etc/').file('etc/a', 'low').file('etc/b', 'gone').bytes())\n"
            "base.add_image('latest', [low], {'Cmd': ['sh']})\n";
        ASSERT_EQ(run_program({"python3", "-c", script}), 0);
        registry->push(shared / "layout", "two:latest");
        registry->push(shared / "layout", "docker/two:1.0", "docker");
        registry->push(shared / "base", "base:latest");
        registry->push(shared / "layout", "many:1.0");
        registry->push(shared / "layout", "many:2.0");
    }
    static void TearDownTestSuite() {
        registry.reset();
        if (!shared.empty()) fs::remove_all(shared);
        shared.clear();
    }

    void SetUp() override {
        if (!registry) GTEST_SKIP() << "needs root, docker-registry, skopeo and python3";
        char path[] = "/var/tmp/davit-root-XXXXXX";
        top = ::mkdtemp(path);
        begin();
    }
    void TearDown() override {
        if (images) end();
        if (!top.empty()) fs::remove_all(top);
    }

    void begin() {
        storage = std::make_unique<overlay_storage>((top / "root").string());
        blobs = std::make_unique<blob_directory>((top / "root").string());
        store = std::make_unique<local_image_store>(state, *storage, *blobs);
        client = std::make_unique<registry_client_module>(std::vector<std::string>{}, "");
        images = std::make_unique<images_module>(
            *store, *blobs, *storage, *client, events, [this](const std::string& id) { return running.contains(id); },
            3, extraction_limits{});
        loop.run(storage->start());
        loop.run(blobs->start());
        loop.run(store->start());
    }
    void end() {
        loop.run(images->stop());
        loop.run(store->stop());
        loop.run(storage->stop());
        images.reset();
        client.reset();
        store.reset();
        blobs.reset();
        storage.reset();
    }

    std::string name(const std::string& image) { return registry->host() + "/" + image; }
    std::string pull(const std::string& image) { return pull_named(image_reference::parse_with_default_tag(image)); }
    std::string pull_named(image_reference image) {
        return loop.run(images->pull({std::move(image), {}, {}}, [this](const progress_update& update) {
            statuses.push_back(update.id.empty() ? update.status : update.id + ": " + update.status);
        }));
    }
    std::string refusal(const std::string& image, errc expected) {
        try {
            pull(image);
        } catch (const error& e) {
            EXPECT_EQ(e.category(), expected) << e.what();
            return e.what();
        }
        return "pulled";
    }
    std::vector<fs::path> kept() {
        std::vector<fs::path> all;
        for (const char* place : {"overlay/l", "overlay/chains", "overlay/t", "blobs/sha256"})
            for (const auto& entry : fs::directory_iterator(top / "root" / place)) all.push_back(entry.path());
        return all;
    }
    std::string layer_text(const image_record& image, std::size_t layer, const std::string& path) {
        const auto hex = image.chain_ids.at(layer).substr(7);
        const auto id = fs::read_symlink(top / "root/overlay/chains" / hex);
        std::ifstream file{top / "root/overlay/l" / id / path};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    std::vector<std::string> removed(const std::string& image, bool force) {
        std::vector<std::string> all;
        for (const removed_image& one : loop.run(images->remove(image, force)))
            all.push_back(one.deleted.empty() ? "-" + one.untagged : one.deleted);
        return all;
    }
    task<void> pull_for(std::chrono::nanoseconds limit, pull_request asked, int* cancelled) {
        try {
            co_await with_timeout(limit, "the pull", images->pull(std::move(asked), [](const progress_update&) {}));
        } catch (const error& e) {
            if (e.category() != errc::timed_out) throw;
            ++*cancelled;
        }
    }
    task<void> remove_after(std::chrono::nanoseconds delay, std::string image) {
        co_await sleep_for(delay);
        co_await images->remove(std::move(image), true);
    }
    std::string removal_refusal(const std::string& image, bool force) {
        try {
            loop.run(images->remove(image, force));
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::conflict) << e.what();
            return std::string{e.text()};
        }
        return "removed";
    }
    std::vector<std::string> told_events() {
        std::vector<std::string> all;
        for (auto at = events.begin(); at != events.end(); ++at)
            all.push_back(events.find(at)->action + " " + events.find(at)->actor_id);
        return all;
    }

    static inline fs::path shared;
    static inline std::unique_ptr<registry_process> registry;
    fs::path top;
    io::loop loop;
    memory_state state;
    event_bus events;
    std::set<std::string> running; // containers
    std::unique_ptr<overlay_storage> storage;
    std::unique_ptr<blob_directory> blobs;
    std::unique_ptr<local_image_store> store;
    std::unique_ptr<registry_client_module> client;
    std::unique_ptr<images_module> images;
    std::vector<std::string> statuses;
};

TEST_F(pulling, a_repository_without_a_tag_is_pulled_with_all_its_tags) {
    const std::string id = pull_named(image_reference::parse(name("many")));
    EXPECT_THAT(store->get(id).repo_tags, testing::UnorderedElementsAre(name("many:1.0"), name("many:2.0")));
    EXPECT_THAT(statuses, Contains("1.0: Pulling from many"));
    EXPECT_THAT(statuses, Contains("2.0: Pulling from many"));
    EXPECT_EQ(statuses.back(), "Status: Downloaded newer image for " + name("many"));
    EXPECT_THAT(statuses, Contains(StartsWith("Status: ")).Times(1));
    EXPECT_THROW(pull_named(image_reference::parse(name("nothing"))), error);
}

TEST_F(pulling, an_image_arrives_whole_under_its_names) {
    const std::string id = pull(name("two:latest"));
    const image_record& image = store->get(name("two"));
    EXPECT_EQ(image.id, id);
    EXPECT_THAT(image.repo_tags, ElementsAre(name("two:latest")));
    EXPECT_THAT(image.repo_digests, ElementsAre(StartsWith(name("two@sha256:"))));
    EXPECT_EQ(image.size, 12); // "low", "gone", "high!"
    ASSERT_EQ(image.chain_ids.size(), 2u);
    EXPECT_EQ(layer_text(image, 0, "etc/b"), "gone");
    EXPECT_EQ(layer_text(image, 1, "etc/a"), "high!");
    EXPECT_EQ(image.config.config->labels->at("k"), "v");
    EXPECT_EQ(store->find(id), &image);
    EXPECT_EQ(store->find(id.substr(7, 12)), &image);
    EXPECT_EQ(store->find(image.repo_digests[0]), &image);
    EXPECT_EQ(store->find("nothing"), nullptr);
    EXPECT_THAT(statuses, Contains("latest: Pulling from two"));
    EXPECT_THAT(statuses, Contains(HasSubstr(": Pulling fs layer")).Times(2));
    EXPECT_THAT(statuses, Contains(HasSubstr(": Pull complete")).Times(2));
    EXPECT_EQ(statuses.back(), "Status: Downloaded newer image for " + name("two:latest"));
    EXPECT_THAT(told_events(), ElementsAre("pull " + name("two:latest")));
}

TEST_F(pulling, an_image_that_is_here_is_not_fetched_again) {
    pull(name("two"));
    statuses.clear();
    pull(name("two"));
    EXPECT_THAT(statuses, Contains(HasSubstr("fs layer")).Times(0));
    EXPECT_EQ(statuses.back(), "Status: Image is up to date for " + name("two:latest"));
}

TEST_F(pulling, docker_s_own_manifest_and_a_digest_lead_to_the_same_image) {
    const std::string id = pull(name("docker/two:1.0"));
    const std::string by_digest = store->get(id).repo_digests.at(0);
    end();
    fs::remove_all(top / "root");
    state.tables.clear();
    begin();
    EXPECT_EQ(pull(by_digest), id);
    EXPECT_THAT(store->get(id).repo_tags, IsEmpty());
    EXPECT_THAT(store->get(by_digest).repo_digests, ElementsAre(by_digest));
}

TEST_F(pulling, what_is_not_there_is_told_in_docker_s_words_and_leaves_nothing) {
    EXPECT_THAT(refusal(name("two:nope"), errc::not_found),
                HasSubstr("manifest for " + name("two:nope") + " not found: manifest unknown"));
    EXPECT_THAT(kept(), IsEmpty());
    EXPECT_THAT(refusal("127.0.0.1:1/x:latest", errc::unavailable), HasSubstr("127.0.0.1:1"));
}

TEST_F(pulling, a_restart_keeps_images_and_drops_what_no_image_has) {
    const std::string id = pull(name("two"));
    auto staging = loop.run(storage->begin_layer());
    loop.run(storage->commit_layer(staging, digest::parse("sha256:" + std::string(64, 'f'))));
    end();
    std::ofstream{top / "root/blobs/sha256" / std::string(64, 'e')} << "x";
    begin();
    EXPECT_EQ(store->get(name("two")).id, id);
    EXPECT_EQ(storage->layers().size(), 2u);
    EXPECT_FALSE(fs::exists(top / "root/blobs/sha256" / std::string(64, 'e')));
}

TEST_F(pulling, after_a_crash_of_the_host_an_image_that_was_not_on_the_disk_yet_is_forgotten) {
    const std::string id = pull(name("two"));
    while (!state.tables["unsynced-images"].empty()) loop.run(sleep_a_moment()); // written in the background
    state.tables["unsynced-images"][id] = "another boot";
    end();
    begin();
    EXPECT_THAT(store->list(), IsEmpty());
    EXPECT_THAT(kept(), IsEmpty());
    EXPECT_THAT(state.tables["unsynced-images"], IsEmpty());
    EXPECT_EQ(pull(name("two")), id);
}

TEST_F(pulling, removing_untags_then_deletes_and_frees_all) {
    const std::string id = pull(name("two"));
    pull(name("docker/two:1.0")); // the same image
    auto gone = loop.run(images->remove(name("two"), false));
    ASSERT_GE(gone.size(), 1u);
    EXPECT_EQ(gone[0].untagged, name("two:latest"));
    store->hold(id, "container1");
    EXPECT_THROW(loop.run(images->remove(name("docker/two:1.0"), false)), error);
    store->release(id, "container1");
    gone = loop.run(images->remove(id.substr(7, 10), false));
    EXPECT_EQ(gone.back().deleted.substr(0, 7), "sha256:");
    EXPECT_THAT(store->list(), IsEmpty());
    EXPECT_THAT(kept(), IsEmpty());
    EXPECT_THAT(told_events(), Contains("untag " + id));
    EXPECT_THAT(told_events(), Contains("delete " + id));
    EXPECT_THROW(loop.run(images->remove(id, false)), error);
}

TEST_F(pulling, an_image_that_a_container_runs_loses_its_names_only) {
    const std::string id = pull(name("two"));
    const std::string shown = id.substr(7, 12);
    const std::string in_use = "conflict: unable to remove repository reference \"" + name("two") +
                               "\" (must force) - container container1 is using its referenced image " + shown;
    const std::string runs = "conflict: unable to delete " + shown +
                             " (cannot be forced) - image is being used by running container container1";
    store->hold(id, "container1");
    running.insert("container1");
    EXPECT_EQ(removal_refusal(name("two"), false), in_use);
    EXPECT_EQ(removal_refusal(id, false), runs);
    EXPECT_EQ(removal_refusal(id, true), runs);
    EXPECT_THAT(removed(name("two"), true),
                ElementsAre("-" + name("two:latest"), StartsWith("-" + name("two@sha256:"))));
    EXPECT_EQ(removal_refusal(id, true), runs);
    EXPECT_EQ(store->get(id).repo_tags.size(), 0u);
}

TEST_F(pulling, an_image_of_stopped_containers_goes_by_force_and_leaves_them_their_layers) {
    const std::string id = pull(name("two"));
    const auto chain_ids = store->get(id).chain_ids;
    loop.run(storage->make_container("container1", {digest::parse(chain_ids[0]), digest::parse(chain_ids[1])}));
    store->hold(id, "container1");
    EXPECT_EQ(removal_refusal(id, false),
              "conflict: unable to delete " + id.substr(7, 12) +
                  " (must be forced) - image is being used by stopped container container1");
    EXPECT_THAT(removed(name("two"), true),
                ElementsAre("-" + name("two:latest"), StartsWith("-" + name("two@sha256:")), id));
    EXPECT_THAT(store->list(), IsEmpty());
    EXPECT_THAT(storage->layers(), IsEmpty());
    end();
    begin();
    const auto below = loop.run(storage->container_rootfs("container1")).host_layers;
    std::ifstream file{below.at(0) + "/etc/a"};
    EXPECT_EQ((std::string{std::istreambuf_iterator<char>{file}, {}}), "high!");
    EXPECT_EQ(pull(name("two")), id); // as if it had never been here
    EXPECT_EQ(layer_text(store->get(id), 1, "etc/a"), "high!");
    loop.run(storage->remove_container("container1"));
    EXPECT_FALSE(fs::exists(below.at(0)));
    store->release(id, "container1");
    EXPECT_THAT(removed(name("two"), true), testing::SizeIs(5)); // two names, the image, two layers
}

TEST_F(pulling, two_pulls_share_and_a_cancelled_one_leaves_nothing) {
    const auto quiet = [](const progress_update&) {};
    const pull_request asked{image_reference::parse(name("two:latest")), {}, {}};
    loop.run([](images_module& from, pull_request of, progress_sink sink) -> task<void> {
        co_await with_scope([&](scope& both) -> task<void> {
            for (int i = 0; i < 4; ++i)
                both.spawn([](images_module& by, pull_request what, progress_sink to) -> task<void> {
                    co_await by.pull(what, to);
                }(from, of, sink));
            co_return;
        });
    }(*images, asked, quiet));
    EXPECT_EQ(store->list().size(), 1u);
    EXPECT_EQ(storage->layers().size(), 2u);
    loop.run(images->remove(name("two"), true));
    for (int delay = 0; delay < 30; ++delay) {
        try {
            loop.run(with_timeout(std::chrono::microseconds{delay * 700}, "the pull", images->pull(asked, quiet)));
        } catch (const error& e) {
            EXPECT_EQ(e.category(), errc::timed_out) << e.what();
            EXPECT_THAT(store->list(), IsEmpty());
            EXPECT_THAT(kept(), testing::Each(testing::ResultOf([](const fs::path& path) { return path.string(); },
                                                                HasSubstr("/blobs/"))));
            continue;
        }
        loop.run(images->remove(name("two"), true));
    }
}

TEST_F(pulling, a_pull_goes_on_when_the_one_that_began_its_download_is_cancelled) {
    const pull_request asked{image_reference::parse(name("two:latest")), {}, {}};
    int cancelled = 0;
    for (int delay = 0; delay < 30; ++delay) {
        loop.run(with_scope([&](scope& both) -> task<void> {
            both.spawn(pull_for(std::chrono::microseconds{delay * 700}, asked, &cancelled));
            co_await images->pull(asked, [](const progress_update&) {});
        }));
        const image_record& image = store->get(name("two"));
        EXPECT_EQ(layer_text(image, 1, "etc/a"), "high!");
        EXPECT_EQ(kept().size(), 6u) << delay; // two layers with their links, the manifest and the configuration
        loop.run(images->remove(name("two"), true));
        EXPECT_THAT(kept(), IsEmpty()) << delay;
    }
    EXPECT_GT(cancelled, 0);
}

TEST_F(pulling, an_image_arrives_whole_while_another_with_a_layer_of_it_is_removed) {
    for (int delay = 0; delay < 30; ++delay) {
        pull(name("base"));
        loop.run(with_scope([&](scope& both) -> task<void> {
            both.spawn(remove_after(std::chrono::microseconds{delay * 500}, name("base")));
            co_await images->pull({image_reference::parse(name("two:latest")), {}, {}}, [](const progress_update&) {});
        }));
        const image_record& image = store->get(name("two"));
        EXPECT_EQ(layer_text(image, 0, "etc/b"), "gone");
        EXPECT_EQ(layer_text(image, 1, "etc/a"), "high!");
        EXPECT_EQ(kept().size(), 6u) << delay;
        loop.run(images->remove(name("two"), true));
        EXPECT_THAT(kept(), IsEmpty()) << delay;
    }
}

TEST_F(pulling, the_image_of_the_benchmark_when_one_is_named) {
    const char* const layout = std::getenv("DAVIT_BENCH_IMAGE");
    if (!layout) GTEST_SKIP() << "DAVIT_BENCH_IMAGE names no OCI layout";
    registry->push(layout, "bench:latest");
    const auto begin = std::chrono::steady_clock::now();
    const std::string id = pull(name("bench"));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const auto size = static_cast<double>(store->get(id).size) / 1e6;
    struct rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    std::printf("%.0f MB unpacked in %.2f s: %.0f MB/s; %.2f s of user and %.2f s of system time\n", size, took.count(),
                size / took.count(), seconds(used.ru_utime), seconds(used.ru_stime));
}

} // namespace
} // namespace davit
