#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "io/descriptor.h"
#include "modules/runtime/native/shim/frames.h"

namespace davit::shim::testing {

/// A shim of its own for a test, on a socket in a directory of its own, and a connection to it that waits for each
/// answer. Ends the shim and all its children when it dies.
class shim_client {
  public:
    explicit shim_client(const std::string& program, std::string cgroup_root = "/sys/fs/cgroup");
    ~shim_client();
    shim_client(const shim_client&) = delete;
    shim_client& operator=(const shim_client&) = delete;

    struct answer {
        incoming_frame frame;
        std::optional<shim_protocol::failure> failed;
    };

    answer ask(message_type type, const std::string& payload);
    /// Sends a request and waits for no answer; its number.
    std::uint64_t tell(message_type type, const std::string& payload);
    /// Waits for the answer to what was told before.
    answer answer_to(std::uint64_t request);

    shim_protocol::made_sandbox make_sandbox(const shim_protocol::sandbox_template& shape);

    struct outcome {
        std::optional<shim_protocol::failure> failed;
        shim_protocol::launched launched;
        int stdin_writer = -1;
        int terminal = -1;
        int output = -1; ///< stdout's reader, blocking
        int errors = -1;
        io::descriptor root; ///< Of the root file system
    };
    outcome launch(std::uint64_t sandbox, const launch_plan& plan);
    /// Asks for a launch and waits for no answer; the number of the request that has one.
    std::uint64_t tell_launch(std::uint64_t sandbox, const launch_plan& plan);

    shim_protocol::exited wait(const std::string& id);
    std::optional<shim_protocol::failure> release(const std::string& id);

    /// Drops the connection and makes a new one.
    void reconnect();
    void disconnect();

    int pid() const { return pid_; }
    const std::string& directory() const { return directory_; }

  private:
    void connect_again();

    std::string directory_;
    int socket_ = -1;
    int pid_ = -1;
    std::uint64_t next_request_ = 1;
    std::unique_ptr<frame_reader> reader_;
    std::map<std::string, shim_protocol::exited> exits_;
};

/// All that can be read until the end of the stream; closes the descriptor.
std::string read_all(int descriptor);

} // namespace davit::shim::testing
