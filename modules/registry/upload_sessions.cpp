#include "modules/registry/upload_sessions.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"
#include "core/timeout.h"
#include "io/offload.h"
#include "modules/registry/registry_names.h"

namespace davit {

namespace {

constexpr std::size_t most_sessions = 100;

} // namespace

upload_session::upload_session(std::string id, std::string repository, std::string path)
    : id_{std::move(id)},
      repository_{std::move(repository)},
      path_{std::move(path)},
      file_{::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)},
      last_used_{std::chrono::steady_clock::now()} {
    if (!file_) throw error::system(errno, "making the upload file {}", path_);
}

upload_session::~upload_session() {
    if (!is_committed_) ::unlink(path_.c_str());
}

task<void> upload_session::append(io::const_bytes bytes) {
    last_used_ = std::chrono::steady_clock::now();
    // What fails or is cancelled has not happened: size, hash and content change together.
    io::sha256 hash = hash_;
    co_await io::offload([&] {
        hash.update(bytes);
        for (std::size_t written = 0; written < bytes.size();) {
            const ssize_t n = ::pwrite(file_.get(), bytes.data() + written, bytes.size() - written,
                                       static_cast<off_t>(size_ + written));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) {
                const error failure = error::system(errno, "writing the upload file {}", path_);
                cut();
                throw error{failure};
            }
            written += static_cast<std::size_t>(n);
        }
    });
    hash_ = hash;
    size_ += bytes.size();
}

void upload_session::cut() const {
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
        throw error::system(errno, "cutting the upload file {}", path_);
}

task<digest> upload_session::finish() {
    co_await io::offload([this] {
        cut();
        if (::fdatasync(file_.get()) != 0) throw error::system(errno, "syncing the upload file {}", path_);
        file_.close();
    });
    co_return digest::of_sha256(hash_.finish());
}

void upload_sessions::drop_abandoned() {
    const auto oldest_allowed = std::chrono::steady_clock::now() - idle_limit_;
    std::erase_if(sessions_, [&](const auto& entry) {
        return !entry.second->is_busy && entry.second->last_used() < oldest_allowed;
    });
}

task<void> upload_sessions::expire() {
    for (;;) {
        co_await sleep_for(idle_limit_);
        drop_abandoned();
    }
}

std::shared_ptr<upload_session> upload_sessions::hold(std::unique_ptr<upload_session> session) {
    const auto destroy = [](std::unique_ptr<upload_session> last) -> task<void> {
        co_await io::offload([&last] { last.reset(); });
    };
    return {session.release(),
            [this, destroy](upload_session* last) { ending_.spawn(destroy(std::unique_ptr<upload_session>{last})); }};
}

task<std::shared_ptr<upload_session>> upload_sessions::begin(std::string repository) {
    drop_abandoned();
    if (sessions_.size() + beginning_ >= most_sessions)
        throw error(errc::unavailable, "{} uploads are under way; finish or cancel some first", most_sessions);
    struct count {
        std::size_t& of;
        explicit count(std::size_t& counted) : of{counted} { ++of; }
        ~count() { --of; }
    } const here{beginning_};
    std::string id = make_upload_id();
    auto session = hold(co_await io::offload(
        [&] { return std::make_unique<upload_session>(id, std::move(repository), storage_.upload_path(id)); }));
    sessions_.emplace(std::move(id), session);
    co_return session;
}

task<void> upload_sessions::end() {
    sessions_.clear();
    co_await ending_.drain();
}

std::shared_ptr<upload_session> upload_sessions::find(const std::string& id, const std::string& repository) const {
    const auto at = sessions_.find(id);
    return at == sessions_.end() || at->second->repository() != repository ? nullptr : at->second;
}

} // namespace davit
