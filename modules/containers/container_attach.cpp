// Attached clients, and readers of the log.

#include <functional>

#include "core/error.h"
#include "modules/containers/container.h"
#include "modules/containers/containers_module.h"

namespace davit {

namespace {

/// A client's view of a container: its past from the log, its present from the pump. It holds nobody up: what it has
/// not read is kept for it (output_listener).
class container_attachment final : public attachment {
  public:
    container_attachment(container_ptr of, runtime& runs, attach_request request, const std::string& directory,
                         std::function<void()> tells_detached)
        : of_{std::move(of)},
          runtime_{runs},
          wants_input_{request.standard_input && of_->record.config.open_stdin},
          starts_{of_->starts},
          was_running_{of_->input.is_open() || of_->record.pid != 0},
          tells_detached_{std::move(tells_detached)} {
        if (!request.wants_stream) return;
        live_ = std::make_shared<output_listener>(request.standard_output, request.standard_error, directory);
        of_->output.add(live_);
    }

    void read_first(std::unique_ptr<log_reader> past) { past_ = std::move(past); }

    bool is_tty() const override { return of_->record.config.tty; }

    task<std::optional<output_chunk>> next() override {
        while (past_) {
            if (batch_ && next_past_ < batch_->messages.size()) {
                const auto& message = batch_->messages[next_past_++];
                co_return output_chunk{message.from, batch_->bytes.substr(message.offset, message.length), message.at};
            }
            batch_ = co_await past_->next();
            next_past_ = 0;
            if (!batch_) past_.reset();
        }
        if (!live_) co_return std::nullopt;
        co_return co_await live_->next();
    }

    task<void> write(std::string bytes) override {
        if (!wants_input_) co_return;
        co_await await_start();
        co_await of_->input.write(std::move(bytes));
    }

    task<bool> close_input() override {
        if (!wants_input_) co_return true;
        const container_config& config = of_->record.config;
        if (!config.stdin_once || config.tty) co_return false;
        co_await await_start();
        if (of_->input.is_open()) {
            of_->input.close();
            co_await runtime_.close_stdin(of_->record.id);
        }
        co_return true;
    }

    void detached() override { tells_detached_(); }

  private:
    /// Clients attach before the start, and what they type then waits for it.
    task<void> await_start() {
        while (!was_running_ && of_->starts == starts_ && !of_->is_removed) co_await of_->changed.wait();
    }

    container_ptr of_;
    runtime& runtime_;
    bool wants_input_;
    std::uint64_t starts_;
    bool was_running_;
    std::function<void()> tells_detached_;
    std::shared_ptr<output_listener> live_;
    std::unique_ptr<log_reader> past_;
    const log_batch* batch_ = nullptr; ///< Of past_
    std::size_t next_past_ = 0;
};

} // namespace

task<std::unique_ptr<attachment>> containers_module::attach(std::string name, attach_request request) {
    const auto found = index_.get(name);
    switch (found->record.state) {
    case container_state::paused:
        throw error(errc::conflict, "container {} is paused, unpause the container before attach", name);
    case container_state::restarting:
        throw error(errc::conflict, "container {} is restarting, wait until the container is running", name);
    case container_state::removing:
    case container_state::dead:
        throw error(errc::conflict, "container {} is being removed", name);
    case container_state::created:
    case container_state::running:
    case container_state::exited:
        break;
    }
    const auto attach_client = [&] {
        return std::make_unique<container_attachment>(found, runtime_, request, directory_of(found->record.id),
                                                      [this, found] { publish(*found, "detach"); });
    };
    std::unique_ptr<container_attachment> attached;
    if (request.wants_logs) {
        if (!found->log) co_await prepare_log(found);
        // While nothing is being moved, what is in the log and what will be delivered meet without gap or overlap.
        const auto turn = co_await found->log_turn.acquire();
        log_query query;
        query.standard_output = request.standard_output;
        query.standard_error = request.standard_error;
        auto past = co_await found->log->read(query);
        attached = attach_client();
        attached->read_first(std::move(past));
    } else {
        attached = attach_client();
    }
    publish(*found, "attach");
    co_return attached;
}

task<std::unique_ptr<log_reader>> containers_module::logs(std::string name, log_query query) {
    const auto found = index_.get(name);
    if (found->is_removed || found->record.state == container_state::removing)
        throw error(errc::conflict, "can not get logs from container which is dead or marked for removal");
    if (!found->log) co_await prepare_log(found);
    // What does not run writes no more: there is nothing to follow.
    query.follow = query.follow && found->record.pid != 0;
    co_return co_await found->log->read(query);
}

} // namespace davit
