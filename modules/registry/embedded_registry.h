#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "core/background.h"
#include "core/module.h"

namespace davit {

/// Serves the OCI distribution API on `--registry HOST:PORT`; does nothing without it.
class embedded_registry final : public module {
  public:
    using provides = interfaces<>;
    using needs = interfaces<>;
    static constexpr std::array keys = {
        setting_key{"registry", "", "Serve a registry of its own at this address (HOST:PORT), below the data root"},
        setting_key{"registry-max-blob-size", "68719476736", "How many bytes a blob in the registry may have"},
        setting_key{"data-root", "/var/lib/davit", "Root directory of persistent state"},
    };

    explicit embedded_registry(const module_inputs& given);
    ~embedded_registry() override;

    /// Errors: invalid for an address that is none; conflict when it is in use.
    task<void> start() override;
    task<void> stop() override;

  private:
    struct server;

    std::string address_;
    std::string directory_;
    std::uint64_t longest_blob_;
    std::unique_ptr<server> server_;
    background serving_{"the embedded registry"};
};

} // namespace davit
