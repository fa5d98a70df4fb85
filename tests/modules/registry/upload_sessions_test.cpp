#include "modules/registry/upload_sessions.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <sys/mount.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/scope.h"
#include "core/timeout.h"
#include "io/descriptor.h"
#include "io/loop.h"
#include "tests/modules/digest_of.h"
#include "tests/modules/registry/places_on_disk.h"

namespace davit {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class uploading : public ::testing::Test {
  protected:
    uploading() {
        std::string pattern = std::string{"/var/tmp/davit-uploads-XXXXXX"};
        directory_ = ::mkdtemp(pattern.data());
    }
    ~uploading() override {
        if (sessions_) loop_.run(sessions_->end());
        ::umount2(directory_.c_str(), MNT_DETACH);
        fs::remove_all(directory_);
    }

    /// A disk of its own for the registry, in a mount namespace of the test program's own.
    void make_disk(const char* options) {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", directory_.c_str(), "tmpfs", 0, options) != 0)
            throw error::system(errno, "making a small disk (tests run as root)");
    }
    void append(upload_session& to, const std::string& text) { loop_.run(to.append(io::as_bytes(text))); }
    /// Ends the upload: what the registry keeps of it under its digest.
    std::string commit(upload_session& session) {
        const digest of = loop_.run(session.finish());
        loop_.run(storage_->commit_upload("a", session.id(), of));
        session.committed();
        std::ifstream file{directory_ + "/blobs/" + of.hex()};
        std::string kept{std::istreambuf_iterator<char>{file}, {}};
        EXPECT_EQ(digest_of(kept), of) << "a blob that is not what its name says";
        return kept;
    }
    void begin(std::chrono::milliseconds idle_limit = 5min) {
        storage_ = std::make_unique<registry_storage>(directory_);
        loop_.run(storage_->prepare());
        sessions_ = std::make_unique<upload_sessions>(*storage_, idle_limit);
    }
    std::shared_ptr<upload_session> begin_upload() { return loop_.run(sessions_->begin("a")); }
    /// Those that are left.
    std::size_t files_under_way() {
        loop_.run(sessions_->settle());
        return static_cast<std::size_t>(std::distance(fs::directory_iterator{directory_ + "/uploads"}, {}));
    }

    io::loop loop_;
    std::string directory_;
    std::unique_ptr<registry_storage> storage_;
    std::unique_ptr<upload_sessions> sessions_;
};

TEST_F(uploading, after_a_full_disk_an_upload_goes_on_where_it_says) {
    make_disk("size=256k");
    begin();
    const auto session = begin_upload();
    const std::string first(100'000, '1'), last(50'000, '3');
    append(*session, first);
    EXPECT_THROW(append(*session, std::string(200'000, '2')), error);
    EXPECT_EQ(session->size(), first.size());
    EXPECT_EQ(fs::file_size(storage_->upload_path(session->id())), first.size()); // its space is free for others
    append(*session, last);
    EXPECT_EQ(commit(*session), first + last);
}

TEST_F(uploading, a_write_that_was_cancelled_leaves_the_upload_where_it_was) {
    begin();
    const auto session = begin_upload();
    append(*session, "first");
    const std::string path = storage_->upload_path(session->id());
    const std::string large(64u << 20, '2');
    loop_.run(with_scope([&](scope& writing) -> task<void> {
        writing.spawn(session->append(io::as_bytes(large)));
        while (fs::file_size(path) == 5) co_await sleep_for(1ms);
        writing.cancel();
    }));
    if (session->size() != 5)
        GTEST_SKIP() << "all was written before it could be cancelled: nothing was there to be seen";
    append(*session, "last");
    EXPECT_TRUE(commit(*session) == "firstlast"); // not EXPECT_EQ, which would print what is 64 MiB when it fails
}

TEST_F(uploading, what_is_told_to_be_kept_is_on_the_disk) {
    begin();
    const auto session = begin_upload();
    append(*session, std::string(1'000'000, 'x'));
    const std::string path = storage_->upload_path(session->id());
    if (has_places_on_disk(path) != false) GTEST_SKIP() << "this file system tells nothing, or has it on the disk";
    loop_.run(session->finish());
    EXPECT_EQ(has_places_on_disk(path), true);
}

TEST_F(uploading, abandoned_uploads_go_when_another_begins) {
    begin(0ms);
    const std::string abandoned = begin_upload()->id();
    const auto busy = begin_upload();
    EXPECT_EQ(sessions_->find(abandoned, "a"), nullptr);
    EXPECT_EQ(files_under_way(), 1u);
    busy->is_busy = true;
    const auto next = begin_upload();
    EXPECT_EQ(sessions_->find(busy->id(), "a"), busy);
    EXPECT_EQ(sessions_->find(busy->id(), "b"), nullptr);
    EXPECT_EQ(files_under_way(), 2u);
}

TEST_F(uploading, abandoned_uploads_go_when_no_other_begins) {
    begin(1ms);
    begin_upload();
    EXPECT_EQ(files_under_way(), 1u);
    loop_.run(with_scope([&](scope& expiring) -> task<void> {
        expiring.spawn(sessions_->expire());
        for (int tries = 0; tries < 5000 && !fs::is_empty(directory_ + "/uploads"); ++tries) co_await sleep_for(1ms);
        expiring.cancel();
    }));
    EXPECT_EQ(files_under_way(), 0u);
}

TEST_F(uploading, those_that_begin_at_once_are_bounded_together) {
    begin();
    int refused = 0;
    loop_.run(with_scope([&](scope& clients) -> task<void> {
        for (int number = 0; number < 110; ++number)
            clients.spawn([](upload_sessions& of, int& count) -> task<void> {
                try {
                    co_await of.begin("a");
                } catch (const error& e) {
                    EXPECT_EQ(e.category(), errc::unavailable);
                    ++count;
                }
            }(*sessions_, refused));
        co_return;
    }));
    EXPECT_EQ(refused, 10);
    EXPECT_EQ(files_under_way(), 100u);
}

} // namespace
} // namespace davit
