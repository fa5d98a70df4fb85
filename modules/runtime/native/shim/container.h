#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "modules/runtime/native/shim/cgroup.h"
#include "modules/runtime/native/shim/channel.h"

namespace davit::shim {

class container;
class zygote;

/// How an answer to a launch, or to another request that a sandbox carries out, finds its way back.
class container_owner {
  public:
    /// The sandbox has carried out what `request` asked for, or could not.
    virtual void on_answer(std::uint64_t connection, std::uint64_t request, std::optional<failure> failed) = 0;
    virtual void on_launch_ended(container& one, std::uint64_t connection, std::uint64_t request,
                                 std::optional<failure> failed) = 0;

  protected:
    ~container_owner() = default;
};

/// What a sandbox gets from the shim that made it.
struct sandbox_surroundings {
    loop& on;
    cgroup_system* cgroups; ///< Null on a host without control groups
    const std::string& stage_path;
    int inherited_oom_score;
};

/// A child of the shim from its clone to its release: first a sandbox that waits, then a container's process, then
/// its exit status.
class container final : public channel::listener {
  public:
    enum class stage_of_life : std::uint8_t { waiting, launching, running, ended };

    container(const sandbox_surroundings& around, container_owner& owner, std::uint64_t sandbox,
              std::uint64_t connection);
    ~container();

    /// Asks for the process; once more when the answer can't come any more.
    std::optional<failure> ask_for_clone(zygote& from, const shim_protocol::sandbox_template& shape);
    /// The process is there: makes its cgroups.
    std::optional<failure> on_cloned(int pid, const shim_protocol::sandbox_template& shape);
    void configure_network(std::uint64_t request, const std::string& payload);
    /// Carries a plan out as far as the process's privileges and execve; `payload` is the plan as it came. What fails
    /// is told by the launch.
    void prepare(launch_plan plan, const std::string& payload);
    /// Lets the process that was prepared begin.
    void launch(std::uint64_t request);
    /// Ends a launch that is under way, for nobody waits for it any more.
    void abandon_launch();
    /// Ends a sandbox that was not launched.
    void discard();
    /// Its process has ended, with an exit code as a shell counts it, and is reaped next: its number means nothing
    /// then.
    void on_exit(int code);

    int pid() const { return pid_; }
    std::uint64_t sandbox() const { return sandbox_; }
    std::uint64_t connection() const { return connection_; }
    /// Of the container, from its preparation on.
    const std::string& id() const { return id_; }
    stage_of_life life() const { return life_; }
    long long started_at() const { return started_at_; }
    long long started_after() const { return started_after_; }
    const shim_protocol::exited& end() const { return end_; }
    const cgroup_membership& cgroups() const { return membership_; }
    /// Those that it had before its launch and that could not be removed then.
    const cgroup_membership& left_behind() const { return left_behind_; }
    std::vector<shim_protocol::phase> take_phases();

    /// The descriptors of its streams that the shim holds, in the protocol's order.
    std::vector<int> streams(std::uint8_t& bits) const;
    /// The same for the answer to its launch, with the root file system's descriptor where there is one.
    std::vector<int> launched_descriptors(std::uint8_t& bits) const;
    /// The engine has the root's descriptor, or does not want it: closing the last one would hold the shim up.
    void close_root();
    void close_stdin();
    std::optional<failure> resize(std::uint16_t rows, std::uint16_t columns) const;
    std::optional<failure> signal(int number, bool all) const;

    void on_frame(incoming_frame frame) override;
    void on_end() override;

  private:
    std::optional<failure> make_streams(const launch_plan& plan, std::vector<int>& for_child);
    /// Makes the cgroups, puts the process there and reads that back.
    std::optional<failure> make_cgroups(const std::string& path);
    std::optional<failure> check_placement() const;
    /// Puts the process into the cgroups of its plan.
    void place();
    void proceed();
    /// Ends a sandbox whose plan can't be carried out; the launch fails when it has ended: what it said last is the
    /// better reason.
    void give_up(failure why);
    void answer_waiting_request(std::optional<failure> failed);
    void end_launch(std::optional<failure> failed);
    void close_streams();

    const sandbox_surroundings& around_;
    container_owner& owner_;
    std::uint64_t sandbox_;
    std::uint64_t connection_;
    int pid_ = -1;
    stage_of_life life_ = stage_of_life::waiting;
    bool has_ended_ = false;
    bool shares_pids_ = false;
    unsigned answers_awaited_ = 0;   ///< `done` frames that the sandbox still owes
    unsigned answer_of_request_ = 0; ///< Which of them answers `request_`; 0: none
    std::uint64_t request_ = 0;
    std::unique_ptr<channel> channel_;  ///< Gone once the process runs
    std::unique_ptr<launch_plan> plan_; ///< While the cgroups are not placed that it asks for
    std::optional<failure> failure_;
    cgroup_membership membership_;
    cgroup_membership left_behind_;
    std::string id_;
    int stdin_ = -1;
    int stdout_ = -1;
    int stderr_ = -1;
    int terminal_ = -1;
    int root_ = -1; ///< Until the engine has it
    long long started_at_ = 0;
    long long started_after_ = 0;
    long long launch_began_ = 0;
    std::vector<shim_protocol::phase> phases_;
    shim_protocol::exited end_;
};

} // namespace davit::shim
