#pragma once

#include <array>
#include <memory>
#include <string>

#include "core/module.h"
#include "core/registry_client.h"
#include "modules/registry_client/registry_network.h"
#include "modules/registry_client/token_cache.h"

namespace davit {

/// Opens sessions with registries (OCI distribution-spec; the token flow is that of Docker's registry).
class registry_client_module final : public module, public registry_client {
  public:
    using provides = interfaces<registry_client>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{.name = "insecure-registry",
                    .default_value = "",
                    .help = "A registry (HOST[:PORT], or a network) that may be talked to without verified TLS",
                    .is_list = true},
        setting_key{"registry-certs", "/etc/davit/certs.d", "Directory of registries' certificates: HOST[:PORT]/*.crt"},
    };

    explicit registry_client_module(const module_inputs& given)
        : registry_client_module{given.config().list("insecure-registry"), given.config().text("registry-certs")} {}
    registry_client_module(const std::vector<std::string>& insecure, std::string certificate_directory)
        : trust_{std::make_shared<registry_trust>(insecure, std::move(certificate_directory))},
          tokens_{std::make_shared<token_cache>()} {}

    task<std::unique_ptr<registry_session>> open(image_reference repository,
                                                 std::optional<registry_credentials> credentials) override;

  private:
    std::shared_ptr<registry_trust> trust_;
    std::shared_ptr<token_cache> tokens_;
};

} // namespace davit
