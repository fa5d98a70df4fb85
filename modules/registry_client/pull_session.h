#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/registry_client.h"
#include "modules/registry_client/auth_challenge.h"
#include "modules/registry_client/registry_network.h"
#include "modules/registry_client/token_cache.h"

namespace davit {

/// A session for pulling from one repository.
class pull_session final : public registry_session, public std::enable_shared_from_this<pull_session> {
  public:
    pull_session(image_reference repository, registry_credentials credentials, std::shared_ptr<registry_trust> trust,
                 std::shared_ptr<token_cache> tokens, registry_endpoint endpoint);

    task<fetched_manifest> manifest(image_reference of) override;
    task<fetched_manifest> manifest(digest of) override;
    task<std::vector<std::string>> tags() override;
    task<std::unique_ptr<blob_download>> blob(digest of) override;

    /// A response to a GET below /v2/REPOSITORY/, authorized as the registry asks. Errors as registry_network::get.
    task<io::http_client_response> get(std::string path, io::http_headers headers, std::string query = {});
    /// The error that a response of another status than 200 stands for.
    task<error> refusal(io::http_client_response response, std::string what);

  private:
    task<fetched_manifest> fetch_manifest(std::string version, image_reference shown);
    task<void> authorize(io::http_headers challenge);
    task<void> get_token(auth_challenge challenge);

    image_reference repository_;
    registry_credentials credentials_;
    std::shared_ptr<token_cache> tokens_;
    registry_network network_;
    std::string scope_;
    std::string token_key_;
    std::string authorization_;
};

} // namespace davit
