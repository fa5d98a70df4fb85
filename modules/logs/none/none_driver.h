#pragma once

#include "core/log_driver.h"
#include "core/module.h"

namespace davit {

/// "none": output goes to attached clients only, and there is nothing to read later.
class none_log_driver final : public module, public log_driver {
  public:
    using provides = interfaces<log_driver>;
    using needs = interfaces<>;

    explicit none_log_driver(const module_inputs&) {}

    task<std::unique_ptr<container_log>> open(std::string container_id, std::string directory,
                                              std::map<std::string, std::string> options,
                                              std::map<std::string, std::string> attributes) override;
    /// Takes whatever is asked, as Docker's does: options of another driver may come with a switched-off log.
    void check(const std::map<std::string, std::string>&) const override {}
    std::string path(const std::string&, const std::string&) const override { return {}; }
};

} // namespace davit
