#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/background.h"
#include "core/digest.h"
#include "core/task.h"
#include "io/descriptor.h"
#include "io/sha256.h"
#include "io/stream.h"
#include "modules/registry/registry_storage.h"

namespace davit {

/// A blob that is arriving. Its file is removed with it unless it was committed; for a large one that takes a while, so
/// sessions are made and destroyed on workers.
class upload_session {
  public:
    upload_session(std::string id, std::string repository, std::string path);
    upload_session(const upload_session&) = delete;
    upload_session& operator=(const upload_session&) = delete;
    ~upload_session();

    const std::string& id() const noexcept { return id_; }
    const std::string& repository() const noexcept { return repository_; }
    std::uint64_t size() const noexcept { return size_; }
    std::chrono::steady_clock::time_point last_used() const noexcept { return last_used_; }

    /// Hashes and writes bytes, on a worker. One call at a time. What fails leaves the upload as it was.
    task<void> append(io::const_bytes bytes);
    /// The digest of all that arrived, which is on the disk then; ends the writing.
    task<digest> finish();
    /// The file has got its final name.
    void committed() noexcept { is_committed_ = true; }

    bool is_busy = false; ///< A request is writing to it

  private:
    /// Drops what is in the file beyond `size_`.
    void cut() const;

    std::string id_;
    std::string repository_;
    std::string path_;
    io::descriptor file_;
    io::sha256 hash_;
    std::uint64_t size_ = 0;
    std::chrono::steady_clock::time_point last_used_;
    bool is_committed_ = false;
};

/// The uploads that are under way: at most 100. One that has got no byte for a while goes, when the next begins at the
/// latest.
class upload_sessions {
  public:
    explicit upload_sessions(const registry_storage& storage,
                             std::chrono::milliseconds idle_limit = std::chrono::minutes{5})
        : storage_{storage}, idle_limit_{idle_limit} {}

    /// Errors: unavailable when too many are under way; those of the file system.
    task<std::shared_ptr<upload_session>> begin(std::string repository);
    /// Null when there is none of that id in that repository.
    std::shared_ptr<upload_session> find(const std::string& id, const std::string& repository) const;
    void drop(const std::string& id) { sessions_.erase(id); }

    /// Drops what was abandoned, again and again; ends only by cancellation.
    task<void> expire();
    /// Returns when nothing is left of the sessions that were dropped and that nobody uses any more.
    task<void> settle() { return ending_.drain(); }
    /// Drops all of them. They must not be in use; called once, before this is destroyed.
    task<void> end();

  private:
    std::shared_ptr<upload_session> hold(std::unique_ptr<upload_session> session);
    void drop_abandoned();

    const registry_storage& storage_;
    std::chrono::milliseconds idle_limit_;
    std::map<std::string, std::shared_ptr<upload_session>> sessions_;
    std::size_t beginning_ = 0;
    background ending_{"uploads to the registry"};
};

} // namespace davit
