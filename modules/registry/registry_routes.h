#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/task.h"
#include "io/http_server.h"
#include "io/url.h"
#include "modules/registry/registry_storage.h"
#include "modules/registry/upload_sessions.h"

namespace davit {

/// Answers the requests of the OCI distribution API (OCI distribution-spec §API): end-1 to end-11 but for deletion,
/// which answers 405, and the catalog of Docker's registry.
class registry_routes {
  public:
    /// `longest_blob`: in bytes.
    explicit registry_routes(registry_storage& storage, std::uint64_t longest_blob = UINT64_MAX)
        : storage_{storage}, longest_blob_{longest_blob}, uploads_{storage} {}

    /// Requests must name this host (or localhost, when it is a loopback address): a page that a browser was lured to
    /// can't reach the registry under a name of its own.
    void allow_host(const std::string& host, std::uint16_t port);

    task<void> handle(io::http_exchange& exchange);
    /// How a server has to serve them.
    static io::http_server_options server_options();

    upload_sessions& uploads() noexcept { return uploads_; }

  private:
    /// A request that passed the checks: its repository, and what follows the word that ends it.
    struct request {
        io::http_exchange& exchange;
        std::string repository;
        std::string kind; ///< "blobs", "uploads", "manifests", "tags"
        std::string item; ///< A digest, a tag, an upload id; empty
        io::url_query query;
    };

    task<void> dispatch(io::http_exchange& exchange);
    task<void> blob(request& asked);
    task<void> send_blob(request& asked, stored_blob found, digest of);
    task<void> begin_upload(request& asked);
    task<void> go_on_with_upload(request& asked);
    task<void> finish_upload(request& asked, std::shared_ptr<upload_session> session);
    /// As `receive`; an upload that does not fit, into the bound or onto the disk, is dropped.
    task<void> take_in(request& asked, std::shared_ptr<upload_session> session);
    task<void> receive(request& asked, upload_session& session);
    task<void> manifest(request& asked);
    task<void> put_manifest(request& asked);
    task<void> list_tags(request& asked);
    task<void> list_repositories(io::http_exchange& exchange, const io::url_query& query);

    registry_storage& storage_;
    std::uint64_t longest_blob_;
    upload_sessions uploads_;
    std::vector<std::string> allowed_hosts_;
};

} // namespace davit
