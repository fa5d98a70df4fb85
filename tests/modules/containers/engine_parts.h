#pragma once

#include <csignal>
#include <fcntl.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/event.h"
#include "core/image_store.h"
#include "core/log_driver.h"
#include "core/module.h"
#include "core/network_driver.h"
#include "core/runtime.h"
#include "core/sandbox_provider.h"
#include "core/security_profiles.h"
#include "core/storage_driver.h"
#include "io/descriptor.h"
#include "tests/modules/memory_store.h"

// What the life of containers stands on, made of nothing: each part does at once what is asked of it, or, when the test
// says so, refuses it, or hangs as a worker does that waits for a disk: until the test lets go, whoever cancels.

namespace davit {

/// A place where a call hangs, for as long as the test wants.
class hanging_point {
  public:
    hanging_point() { open(); }
    void close() { gate_.reset(); }
    void open() { gate_.set(); }
    task<void> pass() { co_await gate_.wait().under(nullptr); }

  private:
    event gate_;
};

class refusing_store final : public module, public state_store {
  public:
    using provides = interfaces<state_store>;
    using needs = interfaces<>;
    explicit refusing_store(const module_inputs&) {}

    task<std::vector<std::pair<std::string, std::string>>> load(std::string table) override {
        return kept_.load(std::move(table));
    }
    void put(std::string table, std::string key, std::string value) override {
        kept_.put(std::move(table), std::move(key), std::move(value));
    }
    void erase(std::string table, std::string key) override { kept_.erase(std::move(table), std::move(key)); }
    task<void> flush() override {
        if (refuses) throw error(errc::internal, "the disk is full");
        co_return;
    }

    bool refuses = false;

  private:
    memory_store kept_;
};

/// Has one image, "image".
class one_image final : public module, public image_store {
  public:
    using provides = interfaces<image_store>;
    using needs = interfaces<>;
    explicit one_image(const module_inputs&) { image_.id = "sha256:" + std::string(64, 'a'); }

    const image_record* find(std::string_view) const override { return &image_; }
    const image_record& get(std::string_view) const override { return image_; }
    std::vector<const image_record*> list() const override { return {&image_}; }
    task<void> record(image_record, std::optional<image_reference>) override { co_return; }
    task<bool> untag(std::string, image_reference) override { co_return false; }
    task<std::vector<std::string>> remove(std::string) override { co_return std::vector<std::string>{}; }
    void hold(const std::string&, const std::string&) override {}
    void release(const std::string&, const std::string&) override {}
    std::vector<std::string> holders(const std::string&) const override { return {}; }

  private:
    image_record image_;
};

class bodiless_storage final : public module, public storage_driver {
  public:
    using provides = interfaces<storage_driver>;
    using needs = interfaces<>;
    explicit bodiless_storage(const module_inputs&) {}

    std::string docker_name() const override { return "none"; }
    task<layer_staging> begin_layer() override { co_return layer_staging{}; }
    task<void> commit_layer(layer_staging, digest) override { co_return; }
    task<void> discard_layer(layer_staging) override { co_return; }
    task<void> sync() override { co_return; }
    bool has_layer(const digest&) const override { return true; }
    std::vector<digest> layers() const override { return {}; }
    task<bool> remove_layer(digest) override { co_return true; }
    string_map image_places(const std::vector<digest>&) const override { return {}; }
    string_map container_places(const std::string&) const override { return {}; }
    task<void> make_container(std::string id, std::vector<digest>) override {
        made->insert(std::move(id));
        co_return;
    }
    task<rootfs_plan> container_rootfs(std::string) override { co_return rootfs_plan{}; }
    task<void> remove_container(std::string id) override {
        made->erase(id);
        co_return;
    }
    std::vector<std::string> containers() const override { return {made->begin(), made->end()}; }

    std::shared_ptr<std::set<std::string>> made = std::make_shared<std::set<std::string>>(); ///< Outlives it
};

/// Its processes are nothing but the pipes they would write to.
class puppet_runtime final : public module, public runtime {
  public:
    using provides = interfaces<runtime>;
    using needs = interfaces<>;
    explicit puppet_runtime(const module_inputs&) {}

    struct puppet {
        io::descriptor output; ///< Writing end
        io::descriptor errors;
        event has_ended;
        exit_status how;
    };

    task<sandbox_ref> make_sandbox(sandbox_shape) override { co_return sandbox_ref{1, 1}; }
    task<void> configure_network(sandbox_ref, network_plan) override { co_return; }
    task<void> discard_sandbox(sandbox_ref) override { co_return; }
    bool is_waiting(const sandbox_ref&) const noexcept override { return true; }
    task<launched_process> launch(sandbox_ref, launch_plan plan, std::optional<task<void>> condition) override {
        if (condition) co_await std::move(*condition);
        auto& started = held[plan.container_id];
        started = std::make_shared<puppet>();
        launched_process process;
        process.pid = 1000 + static_cast<int>(++launches);
        process.streams.stdout_reader = make_pipe(started->output);
        process.streams.stderr_reader = make_pipe(started->errors);
        process.started_at = std::chrono::system_clock::now();
        co_return process;
    }
    task<exit_status> wait(std::string id) override {
        const auto of = find(id);
        co_await of->has_ended.wait();
        co_return of->how;
    }
    task<void> signal(std::string id, int number) override {
        if (refuses_signals) throw error(errc::internal, "no signal gets through");
        const auto to = find(id);
        if (to->has_ended.is_set()) throw error(errc::not_found, "it has ended");
        if (number == SIGKILL || number == SIGTERM) end(id, 128 + number);
        co_return;
    }
    task<void> resize(std::string, std::uint16_t, std::uint16_t) override { co_return; }
    task<void> close_stdin(std::string) override { co_return; }
    task<std::vector<running_process>> processes() override { co_return std::vector<running_process>{}; }
    task<process_streams> reopen_streams(std::string) override { co_return process_streams{}; }
    task<void> release(std::string id) override {
        held.erase(id);
        co_return;
    }
    task<void> clear_cgroups(std::vector<std::string>, std::chrono::milliseconds) override { co_return; }

    std::shared_ptr<puppet> find(const std::string& id) const {
        const auto at = held.find(id);
        if (at == held.end()) throw error(errc::not_found, "no process of container {} is held", id);
        return at->second;
    }
    void end(const std::string& id, int code) {
        const auto ended = find(id);
        ended->how = {code, false, true, std::chrono::system_clock::now()};
        ended->output.close();
        ended->errors.close();
        ended->has_ended.set();
    }

    std::map<std::string, std::shared_ptr<puppet>> held;
    std::size_t launches = 0;
    bool refuses_signals = false;

  private:
    static int make_pipe(io::descriptor& writer) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw error::system(errno, "making a pipe");
        writer = io::descriptor{ends[1]};
        return ends[0];
    }
};

class hanging_network final : public module, public network_driver {
  public:
    using provides = interfaces<network_driver>;
    using needs = interfaces<>;
    explicit hanging_network(const module_inputs&) {}

    network_facts facts() const override { return {"", "bridge", "bridge", "", ""}; }
    task<attached_endpoint> attach(std::int32_t) override { co_return attached_endpoint{}; }
    task<void> detach(endpoint) override {
        co_await detaching.pass();
        ++detached;
    }
    task<void> restore(endpoint) override { co_return; }
    task<void> reconcile() override { co_return; }

    hanging_point detaching;
    std::size_t detached = 0;
};

class ready_sandboxes final : public module, public sandbox_provider {
  public:
    using provides = interfaces<sandbox_provider>;
    using needs = interfaces<>;
    explicit ready_sandboxes(const module_inputs&) {}

    task<ready_sandbox> take(sandbox_request request) override {
        ready_sandbox made{{1, 1}, {}};
        made.where.network_name = std::move(request.network);
        co_return made;
    }
    task<void> discard(ready_sandbox) override { co_return; }
};

class hanging_log_driver final : public module, public log_driver {
  public:
    using provides = interfaces<log_driver>;
    using needs = interfaces<>;
    explicit hanging_log_driver(const module_inputs&) {}

    task<std::unique_ptr<container_log>> open(std::string, std::string, string_map, string_map) override {
        ++opened;
        co_return std::make_unique<log>(*this);
    }
    void check(const string_map&) const override {}
    std::string path(const std::string&, const std::string&) const override { return {}; }

    hanging_point appending;
    hanging_point finishing;
    std::string text; ///< Of all logs
    std::size_t opened = 0;
    std::size_t finished = 0;

  private:
    class log final : public container_log {
      public:
        explicit log(hanging_log_driver& of) : of_{of} {}
        task<void> append(std::span<const output_chunk> chunks) override {
            co_await of_.appending.pass();
            for (const output_chunk& chunk : chunks) of_.text += chunk.bytes;
        }
        task<void> finish() override {
            co_await of_.finishing.pass();
            ++of_.finished;
        }
        task<std::unique_ptr<log_reader>> read(log_query) override { co_return nullptr; }
        std::string position() const override { return "0"; }
        task<void> unwind(std::string) override { co_return; }

      private:
        hanging_log_driver& of_;
    };
};

class no_security final : public module, public security_profiles {
  public:
    using provides = interfaces<security_profiles>;
    using needs = interfaces<>;
    explicit no_security(const module_inputs&) {}

    std::uint64_t default_capabilities() const override { return 0; }
    std::uint64_t capability_bits(const std::vector<std::string>&, const std::vector<std::string>&, bool,
                                  std::vector<std::string>&) const override {
        return 0;
    }
    const std::string& seccomp_filter(std::uint64_t) const override { return filter_; }
    const std::vector<std::string>& masked_paths() const override { return paths_; }
    const std::vector<std::string>& read_only_paths() const override { return paths_; }

  private:
    std::string filter_;
    std::vector<std::string> paths_;
};

} // namespace davit
