#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/container_config.h"
#include "core/container_state.h"
#include "core/log_driver.h"
#include "core/network_driver.h"
#include "core/runtime.h"
#include "core/task.h"

namespace davit {

/// One container, as it is stored and as everybody sees it.
struct container_record {
    std::string id;   ///< 64 hexadecimal digits
    std::string name; ///< Without the leading slash
    std::chrono::system_clock::time_point created_at{};
    std::string image_id;
    container_config config; ///< Merged with the image's
    host_config host;

    container_state state = container_state::created;
    std::int32_t pid = 0; ///< 0 unless running
    int exit_code = 0;
    bool was_oom_killed = false;
    std::string error; ///< Why the last start failed, or why it is dead
    std::chrono::system_clock::time_point started_at{};
    std::chrono::system_clock::time_point finished_at{};
    std::int64_t restart_count = 0;
    bool was_stopped_by_user = false;
    endpoint network;               ///< Its place in its network, while it runs
    std::vector<phase_time> phases; ///< Of the last start; not stored
};

struct create_request {
    std::string name; ///< Empty: one is made up
    container_config config;
    host_config host;
    std::string platform;
};

struct create_result {
    std::string id;
    std::vector<std::string> warnings;
};

struct remove_options {
    bool force = false;
    bool remove_volumes = false;
};

enum class wait_condition : std::uint8_t { not_running, next_exit, removed };

struct wait_result {
    int code = 0;
    std::string error;
};

struct attach_request {
    bool wants_logs = false;   ///< What was written before, first
    bool wants_stream = false; ///< What is written from now on
    bool standard_input = false;
    bool standard_output = false;
    bool standard_error = false;
};

/// One attached client. It must be read, or it loses nothing but lags behind; it never holds up the container.
class attachment {
  public:
    virtual ~attachment() = default;
    virtual bool is_tty() const = 0;
    /// The next output; nothing when the container has ended and all was read.
    virtual task<std::optional<output_chunk>> next() = 0;
    /// Feeds the container's standard input; waits while its pipe is full. Errors: unavailable when it has ended.
    virtual task<void> write(std::string bytes) = 0;
    /// The client's input has ended: with StdinOnce the container's does too. False when the container's goes on
    /// without this client, whose session is over then.
    virtual task<bool> close_input() = 0;
    /// The client has typed the detach keys.
    virtual void detached() = 0;
};

/// What users do with containers. `name` is a full id, an unambiguous id prefix, or a name (with or without a slash).
/// Errors everywhere: not_found ("No such container: NAME"), invalid for an ambiguous prefix.
class container_service {
  public:
    virtual ~container_service() = default;

    /// Errors: not_found ("No such image: …"), conflict (the name is taken), invalid.
    virtual task<create_result> create(create_request request) = 0;
    /// False when it runs already. Errors: invalid when the command can't be run (the text names the file).
    virtual task<bool> start(std::string name) = 0;
    /// False when it does not run. `timeout`: seconds until SIGKILL; negative waits for ever; nothing is the
    /// container's own or 10. `signal`: name or number, empty for the container's own or SIGTERM.
    virtual task<bool> stop(std::string name, std::optional<std::int64_t> timeout, std::string signal) = 0;
    virtual task<void> restart(std::string name, std::optional<std::int64_t> timeout, std::string signal) = 0;
    /// Errors: conflict when it does not run; invalid for an unknown signal.
    virtual task<void> kill(std::string name, std::string signal) = 0;
    /// `accepted` is called when the wait is in place, before it may take long.
    virtual task<wait_result> wait(std::string name, wait_condition until, std::function<void()> accepted) = 0;
    /// Errors: conflict when it runs and `force` is not set, or when its removal is under way.
    virtual task<void> remove(std::string name, remove_options options) = 0;
    virtual task<void> resize(std::string name, std::uint16_t rows, std::uint16_t columns) = 0;
    virtual task<std::unique_ptr<attachment>> attach(std::string name, attach_request request) = 0;
    virtual task<std::unique_ptr<log_reader>> logs(std::string name, log_query query) = 0;

    /// Null when there is none. The pointer is valid until the next await.
    virtual const container_record* find(std::string_view name) const = 0;
    virtual const container_record& get(std::string_view name) const = 0;
    /// Newest first. Valid until the next await.
    virtual std::vector<const container_record*> list() const = 0;
    /// Paths and facts that only the service knows: what inspect tells of where things lie.
    virtual std::string log_path(const container_record& of) const = 0;
    virtual std::string state_directory(const container_record& of) const = 0;
    /// What its log options choose of its labels and variables, to be told beside each message of its log.
    virtual string_map log_attributes(const container_record& of) const = 0;
};

} // namespace davit
