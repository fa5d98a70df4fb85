#include "api/types/container_inspect.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "cli/filters.h"
#include "cli/output_writer.h"

namespace davit::cli {

namespace {

class logs_command final : public command {
  public:
    void declare(flag_set& flags) override {
        flags.boolean("details", 0, shows_details_, "Show extra details provided to logs");
        flags.boolean("follow", 'f', follows_, "Follow log output");
        flags.text(
            "since", 0, since_,
            "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)");
        flags.text("tail", 'n', tail_, "Number of lines to show from the end of the logs (default \"all\")");
        flags.boolean("timestamps", 't', shows_times_, "Show timestamps");
        flags.text(
            "until", 0, until_,
            "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)");
    }

    task<int> run(invocation call) override {
        const std::string container = container_path(call.words[0]);
        const auto details = co_await call.api.get<api::container_inspect>(container + "/json");
        std::string path = fmt::format("{}/logs?stdout=1&stderr=1&follow={:d}&timestamps={:d}&details={:d}&tail={}",
                                       container, follows_, shows_times_, shows_details_, encoded(tail_));
        if (!since_.empty()) path += "&since=" + moment_parameter(since_, "invalid value for \"since\": ");
        if (!until_.empty()) path += "&until=" + moment_parameter(until_, "invalid value for \"until\": ");
        auto response = co_await call.api.open(io::http_method::get, std::move(path));
        attached_streams streams;
        streams.is_tty = details.config.tty;
        output_writer writer{streams};
        std::vector<std::byte> buffer(256 * 1024);
        for (;;) {
            const std::size_t got = co_await response.read(buffer);
            if (got == 0) co_return 0;
            writer.write({reinterpret_cast<const char*>(buffer.data()), got});
        }
    }

  private:
    bool shows_details_ = false, follows_ = false, shows_times_ = false;
    std::string since_, until_, tail_ = "all";
};

} // namespace

std::unique_ptr<command> make_logs() {
    return std::make_unique<logs_command>();
}

} // namespace davit::cli
