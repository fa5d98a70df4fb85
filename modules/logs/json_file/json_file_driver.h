#pragma once

#include "core/log_driver.h"
#include "core/module.h"

namespace davit {

/// Docker's default log driver. Options: max-size (with k, m or g), max-file, compress (only false).
class json_file_driver final : public module, public log_driver {
  public:
    using provides = interfaces<log_driver>;
    using needs = interfaces<>;

    explicit json_file_driver(const module_inputs&) {}

    task<std::unique_ptr<container_log>> open(std::string container_id, std::string directory,
                                              std::map<std::string, std::string> options,
                                              std::map<std::string, std::string> attributes) override;
    void check(const std::map<std::string, std::string>& options) const override;
    std::string path(const std::string& container_id, const std::string& directory) const override;
};

} // namespace davit
