#include "modules/logs/none/none_driver.h"

#include "core/error.h"

namespace davit {

namespace {

class no_log final : public container_log {
  public:
    task<void> append(std::span<const output_chunk>) override { co_return; }
    task<void> finish() override { co_return; }
    task<std::unique_ptr<log_reader>> read(log_query) override {
        throw error(errc::unsupported, "configured logging driver does not support reading");
        co_return nullptr;
    }
    std::string position() const override { return {}; }
    task<void> unwind(std::string) override { co_return; }
};

} // namespace

task<std::unique_ptr<container_log>> none_log_driver::open(std::string, std::string, std::map<std::string, std::string>,
                                                           std::map<std::string, std::string>) {
    co_return std::make_unique<no_log>();
}

} // namespace davit
