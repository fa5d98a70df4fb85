#include "modules/registry/registry_routes.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "core/scope.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "io/socket.h"
#include "tests/modules/digest_of.h"

namespace davit {
namespace {

namespace fs = std::filesystem;

class registry_requests : public ::testing::Test {
  protected:
    registry_requests() {
        std::string pattern = (fs::temp_directory_path() / "davit-registry-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~registry_requests() override {
        ::umount2(directory_.c_str(), MNT_DETACH);
        fs::remove_all(directory_);
    }

    /// The status of one request to a registry that lives as long as it and takes blobs of 64 KiB.
    unsigned ask(io::http_method method, std::string target, std::string body, std::string type = {}) {
        registry_storage storage{directory_};
        registry_routes routes{storage, 64u << 10};
        unsigned status = 0;
        loop_.run(storage.prepare());
        loop_.run(with_scope([&](scope&) -> task<void> {
            const auto listening = co_await io::listen_tcp("127.0.0.1", 0);
            const auto port = listening->address().port();
            routes.allow_host("127.0.0.1", port);
            const auto handle = [&routes](io::http_exchange& exchange) { return routes.handle(exchange); };
            co_await with_scope([&](scope& serving) -> task<void> {
                serving.spawn(io::serve(*listening, handle, registry_routes::server_options()));
                io::http_client client{io::make_connector()};
                io::http_request_head head;
                head.method = method;
                if (!type.empty()) head.headers.set("Content-Type", type);
                head.target = target;
                head.headers.set("Host", "127.0.0.1:" + std::to_string(port));
                auto response = co_await client.request({"http", "127.0.0.1", port}, std::move(head), body);
                status = response.status();
                said_ = co_await response.read_all(1u << 20);
                co_await routes.uploads().settle();
                uploads_left_ = static_cast<std::size_t>(
                    std::distance(fs::directory_iterator{directory_ + "/uploads"}, fs::directory_iterator{}));
                serving.cancel();
            });
            co_await routes.uploads().end();
        }));
        return status;
    }

    io::loop loop_;
    std::string directory_;
    std::size_t uploads_left_ = 0;
    std::string said_;
};

TEST_F(registry_requests, a_refused_upload_in_one_request_leaves_no_upload_that_nobody_knows_of) {
    EXPECT_EQ(ask(io::http_method::post, "/v2/a/blobs/uploads/?digest=no-digest", "bytes"), 400u);
    EXPECT_EQ(uploads_left_, 0u);
    EXPECT_FALSE(fs::exists(directory_ + "/repositories/a"));
}

TEST_F(registry_requests, a_blob_beyond_the_bound_is_refused_and_nothing_of_it_stays) {
    const std::string largest(64u << 10, 'x');
    const std::string target = "/v2/a/blobs/uploads/?digest=" + digest_of(largest).text();
    EXPECT_EQ(ask(io::http_method::post, target, largest), 201u);
    EXPECT_EQ(ask(io::http_method::post, target, largest + 'x'), 413u);
    EXPECT_TRUE(said_.starts_with("{\"errors\":[{\"code\":\"SIZE_INVALID\"")) << said_;
    EXPECT_EQ(uploads_left_, 0u);
}

TEST_F(registry_requests, a_full_disk_is_told_as_one_and_nothing_of_the_blob_stays) {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << "tests run as root";
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=32k"), 0);
    const std::string large(60u << 10, 'x');
    EXPECT_EQ(ask(io::http_method::post, "/v2/a/blobs/uploads/?digest=" + digest_of(large).text(), large), 507u);
    EXPECT_TRUE(said_.starts_with("{\"errors\":[{\"code\":\"UNAVAILABLE\"")) << said_;
    EXPECT_EQ(uploads_left_, 0u);
    EXPECT_TRUE(fs::is_empty(directory_ + "/blobs"));
}

TEST_F(registry_requests, every_manifest_that_is_taken_can_be_read_again) {
    for (const std::size_t size : {1024u, 1025u}) {
        const std::string target = "/v2/a/manifests/of-" + std::to_string(size);
        const bool is_taken = ask(io::http_method::put, target, "{\"layers\": []}", std::string(size, 'x')) == 201u;
        EXPECT_EQ(is_taken, size == 1024u);
        EXPECT_EQ(ask(io::http_method::get, target, ""), is_taken ? 200u : 404u) << size;
    }
}

} // namespace
} // namespace davit
