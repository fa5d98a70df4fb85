#include "modules/runtime/native/shim/sandbox_process.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/runtime/native/shim/devices.h"
#include "modules/runtime/native/shim/exec.h"
#include "modules/runtime/native/shim/extra_mounts.h"
#include "modules/runtime/native/shim/frames.h"
#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/memory.h"
#include "modules/runtime/native/shim/network.h"
#include "modules/runtime/native/shim/privileges.h"
#include "modules/runtime/native/shim/rootfs.h"
#include "modules/runtime/native/shim/small_file.h"
#include "modules/runtime/native/shim/staging.h"
#include "modules/runtime/native/shim/sysctls.h"
#include "modules/runtime/native/shim/terminal.h"
#include "modules/runtime/native/shim/user_lookup.h"

namespace davit::shim {
namespace {

using shim_protocol::decode;
using shim_protocol::encode;

/// Names each phase of a launch with the time since the one before.
class stopwatch {
  public:
    void start() { last_ = monotonic_microseconds(); }
    void lap(const char* name) {
        const auto now = monotonic_microseconds();
        phases_.push_back({name, now - last_});
        last_ = now;
    }
    const std::vector<shim_protocol::phase>& phases() const { return phases_; }

  private:
    long long last_ = 0;
    std::vector<shim_protocol::phase> phases_;
};

class sandbox {
  public:
    explicit sandbox(int channel) : channel_{channel} {}

    [[noreturn]] void run() {
        begin_afresh();
        learn_beginning();
        stage_ = stage(template_, stage_path_);
        if (template_.shape.own_network) {
            bring_loopback_up();
            allow_unprivileged_network(stage_);
        }
        touch_memory_ahead();
        while (true) {
            const auto frame = receive();
            switch (frame.type) {
            case message_type::cgroups_ready:
                place_cgroups(frame.payload, false, false);
                break;
            case message_type::configure_network: {
                const auto request = decode<shim_protocol::network_request>(frame.payload);
                if (!request) fail(failure_kind::internal, 0, "the network plan is malformed");
                configure_network(request->plan, stage_.settings);
                break;
            }
            case message_type::prepare_launch:
                carry_out(frame);
            default:
                fail(failure_kind::internal, 0, "a sandbox got a message that is not for it");
            }
            if (!send_frame(channel_, message_type::done, encode(shim_protocol::nothing{}))) _exit(0);
        }
    }

  private:
    void begin_afresh() {
        for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        umask(022);
        setsid();
        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS)
            fail(failure_kind::internal, errno, "making a session keyring");
    }

    void learn_beginning() {
        const auto frame = receive();
        auto beginning = decode<shim_protocol::sandbox_beginning>(frame.payload);
        if (frame.type != message_type::begin || !beginning)
            fail(failure_kind::internal, 0, "a sandbox began with a message that is not for it");
        template_ = std::move(beginning->shape);
        stage_path_ = std::move(beginning->stage_path);
        inherited_oom_score_ = beginning->oom_score;
    }

    incoming_frame receive() {
        incoming_frame frame;
        // A shim that has gone needs no sandbox.
        if (!receive_frame(channel_, reader_, frame)) _exit(0);
        return frame;
    }

    incoming_frame await(message_type type) {
        auto frame = receive();
        if (frame.type != type) fail(failure_kind::internal, 0, "a sandbox got a message that is not for it");
        return frame;
    }

    void place_cgroups(const std::string& payload, bool must_mount, bool are_writable) {
        const auto message = decode<shim_protocol::cgroup_directories>(payload);
        if (!message) fail(failure_kind::internal, 0, "the cgroup directories are malformed");
        const bool is_first = !has_cgroups_ && !message->directories.empty();
        // The namespace's root is the cgroup that this process is in now, so it comes after the placement.
        if ((is_first || message->have_moved) && template_.shape.own_cgroup && unshare(CLONE_NEWCGROUP) < 0)
            fail(failure_kind::internal, errno, "making a cgroup namespace");
        if (has_cgroups_ && message->have_moved && !must_mount) unstage_cgroups(stage_);
        if (!message->directories.empty() && (is_first || message->have_moved || must_mount))
            stage_cgroups(stage_, message->directories, are_writable);
        has_cgroups_ |= is_first;
    }

    [[noreturn]] void carry_out(const incoming_frame& frame) {
        stopwatch clock;
        clock.start();
        auto request = decode<shim_protocol::launch_request>(frame.payload);
        if (!request) fail(failure_kind::internal, 0, "the launch plan is malformed");
        auto& plan = request->plan;
        auto& process = plan.process;
        clock.lap("decode");

        const int root = mount_rootfs(stage_, plan.rootfs);
        clock.lap("rootfs");
        const bool was_restaged = prepare_staged(plan);
        const auto terminal = process.wants_tty ? open_terminal(stage_.directory, process.tty_rows, process.tty_columns)
                                                : shim::terminal{};
        if (process.wants_tty) {
            send_frame(channel_, message_type::terminal_opened, encode(shim_protocol::nothing{}),
                       {terminal.controller});
            close(terminal.controller);
        }
        clock.lap("prepare");
        place_cgroups(await(message_type::cgroups_ready).payload, was_restaged, plan.is_privileged);
        clock.lap("cgroup");
        move_standard_mounts(stage_, root);
        make_devices(root, plan.devices);
        make_extra_mounts(stage_, root, plan.mounts);
        protect_root(stage_, root, plan.masked_paths, plan.read_only_paths);
        if (plan.rootfs.is_read_only) make_root_read_only(root);
        clock.lap("mounts");

        take_names(plan);
        write_sysctls(stage_, template_.shape, plan.sysctls);
        if (process.oom_score_adjust != inherited_oom_score_) set_oom_score(process.oom_score_adjust);
        enter_root(stage_, root);
        take_streams(frame.descriptors, terminal);
        close_all_but_channel();
        clock.lap("enter");

        const auto who = look_up(process.user, process.additional_groups);
        enter_working_directory(process.working_directory);
        add_home(process.environment, who.home);
        if (who.uid != 0) give_streams_to(who);
        clock.lap("user");
        const auto reference = root_reference(plan);
        await(message_type::launch_may_proceed);
        clock.lap("wait");
        set_limits(process.rlimits); // The program's, not those of what is done for it before
        take_privileges(who, process.bounding_capabilities, process.no_new_privileges, process.seccomp_filter);
        clock.lap("privileges");
        const shim_protocol::exec_notice notice{clock.phases()};
        if (!send_frame(channel_, message_type::about_to_exec, encode(notice), reference)) _exit(1);
        execute(process.arguments, process.environment);
    }

    /// Adapts what was staged to the plan. True when /proc and /sys had to be made anew.
    bool prepare_staged(const launch_plan& plan) {
        const bool differs = plan.is_privileged || plan.masked_paths != template_.masked_paths ||
                             plan.read_only_paths != template_.read_only_paths;
        if (differs)
            restage_proc_and_sys(stage_, template_.shape, plan.masked_paths, plan.read_only_paths, plan.is_privileged);
        if (template_.shape.own_ipc && plan.shm_size == 0)
            remove_shm(stage_.path);
        else if (template_.shape.own_ipc && plan.shm_size != template_.shm_size)
            resize_shm(stage_.directory, plan.shm_size);
        return differs;
    }

    void take_names(const launch_plan& plan) {
        if (!template_.shape.own_uts) return;
        if (!plan.hostname.empty() && sethostname(plan.hostname.c_str(), plan.hostname.size()) < 0)
            fail(failure_kind::invalid, errno, "setting the hostname %s", plan.hostname.c_str());
        if (!plan.domain_name.empty() && setdomainname(plan.domain_name.c_str(), plan.domain_name.size()) < 0)
            fail(failure_kind::invalid, errno, "setting the domain name %s", plan.domain_name.c_str());
    }

    void set_oom_score(int score) {
        const int error = write_proc(stage_.own_proc, "oom_score_adj", std::to_string(score));
        // Without CAP_SYS_RESOURCE the score can't go below its start; then it stays there.
        if (error != 0 && error != EACCES && error != EPERM)
            fail(failure_kind::invalid, error, "setting the OOM score to %d", score);
    }

    /// Descriptors that came with the plan: with stdin asked for three, otherwise stdout and stderr.
    void take_streams(const std::vector<int>& given, const terminal& from) {
        if (from.device >= 0) return use_terminal(from.device);
        const int first = given.size() == 3 ? 0 : 1;
        if (given.size() < 2) fail(failure_kind::internal, 0, "the launch plan came without its streams");
        for (std::size_t i = 0; i < given.size(); ++i)
            if (dup2(given[i], first + static_cast<int>(i)) < 0)
                fail(failure_kind::internal, errno, "taking the standard streams");
        if (first == 0) return;
        if (dup2(stage_.null_reader, 0) < 0) fail(failure_kind::internal, errno, "taking /dev/null as stdin");
    }

    void close_all_but_channel() {
        // Everything is closed, not only marked, before the first name of the image is looked up as itself.
        const auto channel = static_cast<unsigned>(channel_);
        if (channel > 3) syscall(SYS_close_range, 3U, channel - 1, 0U);
        syscall(SYS_close_range, channel + 1, ~0U, 0U);
        stage_.first_root = stage_.directory = stage_.own_proc = stage_.settings = stage_.null_device =
            stage_.null_reader = -1;
    }

    /// A descriptor of the root for the engine, where its closing costs something: see launched_process::root. Not
    /// where stdin is a pipe: three descriptors are what a running container may cost the engine.
    static std::vector<int> root_reference(const launch_plan& plan) {
        if (plan.rootfs.host_upper.empty() || (plan.process.wants_stdin && !plan.process.wants_tty)) return {};
        const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0) fail(failure_kind::internal, errno, "opening the container's root");
        return {root};
    }

    static void add_home(std::vector<std::string>& environment, const std::string& home) {
        for (const auto& entry : environment)
            if (entry.rfind("HOME=", 0) == 0) return;
        environment.push_back("HOME=" + home);
    }

    /// The streams belong to the user, so that the container may open /dev/stdout again.
    static void give_streams_to(const identity& who) {
        for (int stream = 0; stream < 3; ++stream) {
            struct stat about{};
            if (fstat(stream, &about) < 0 || about.st_uid == who.uid) continue;
            if (S_ISCHR(about.st_mode) && isatty(stream) == 0) continue; // /dev/null stays root's
            if (fchown(stream, who.uid, static_cast<gid_t>(-1)) < 0 && errno != EINVAL && errno != EPERM)
                fail(failure_kind::internal, errno, "giving the standard streams to the user");
        }
    }

    int channel_;
    shim_protocol::sandbox_template template_;
    std::string stage_path_;
    int inherited_oom_score_ = 0;
    staging stage_;
    bool has_cgroups_ = false;
    frame_reader reader_;
};

} // namespace

void run_sandbox(int channel) {
    report_failures_on(channel);
    sandbox{channel}.run();
}

} // namespace davit::shim
