#include "modules/runtime/native/shim/container.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modules/runtime/native/shim/small_file.h"
#include "modules/runtime/native/shim/zygote.h"

namespace davit::shim {
namespace {

constexpr int output_pipe_size = 256 << 10;

std::uint64_t clone_flags(const sandbox_shape& shape) {
    std::uint64_t flags = CLONE_NEWNS;
    if (shape.own_network) flags |= CLONE_NEWNET;
    if (shape.own_pid) flags |= CLONE_NEWPID;
    if (shape.own_ipc) flags |= CLONE_NEWIPC;
    if (shape.own_uts) flags |= CLONE_NEWUTS;
    return flags;
}

void set_non_blocking(int descriptor) {
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

} // namespace

container::container(const sandbox_surroundings& around, container_owner& owner, std::uint64_t sandbox,
                     std::uint64_t connection)
    : around_{around}, owner_{owner}, sandbox_{sandbox}, connection_{connection} {}

container::~container() {
    close_streams();
}

std::optional<failure> container::ask_for_clone(zygote& from, const shim_protocol::sandbox_template& shape) {
    failure_.reset();
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return make_failure(failure_kind::internal, errno, "making a sandbox's channel");
    set_non_blocking(ends[0]);
    channel_ = std::make_unique<channel>(around_.on, ends[0], *this);
    const int error = from.clone(clone_flags(shape.shape), ends[1]);
    close(ends[1]);
    if (error != 0) return make_failure(failure_kind::internal, error, "asking for the clone of a sandbox");
    channel_->send(message_type::begin, 0,
                   encode(shim_protocol::sandbox_beginning{shape, around_.stage_path, around_.inherited_oom_score}));
    return std::nullopt;
}

std::optional<failure> container::on_cloned(int pid, const shim_protocol::sandbox_template& shape) {
    pid_ = pid;
    shares_pids_ = !shape.shape.own_pid;
    if (channel_ == nullptr) return failure_; // It has ended already
    if (around_.cgroups != nullptr && around_.cgroups->can_rename() && !shape.cgroup_parent.empty()) {
        const auto path = shape.cgroup_parent + "/" + name_made_ahead(getpid(), sandbox_);
        failure_ = make_cgroups(path);
        if (failure_) {
            channel_->drain(); // What it said itself is the better reason
            return failure_;
        }
        channel_->send(message_type::cgroups_ready, 0,
                       encode(shim_protocol::cgroup_directories{around_.cgroups->directories(membership_), false}));
        ++answers_awaited_;
    }
    return std::nullopt;
}

void container::configure_network(std::uint64_t request, const std::string& payload) {
    if (life_ != stage_of_life::waiting || channel_ == nullptr || request_ != 0) {
        auto why = failure_ ? *failure_ : make_failure(failure_kind::conflict, 0, "the sandbox is not waiting");
        return owner_.on_answer(connection_, request, std::move(why));
    }
    request_ = request;
    answer_of_request_ = ++answers_awaited_;
    channel_->send(message_type::configure_network, 0, payload);
}

std::optional<failure> container::make_streams(const launch_plan& plan, std::vector<int>& for_child) {
    if (plan.process.wants_tty) return std::nullopt;
    const auto add = [&](int& ours, bool child_reads) -> bool {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0) return false;
        ours = ends[child_reads ? 1 : 0];
        for_child.push_back(ends[child_reads ? 0 : 1]);
        set_non_blocking(ours);
        return true;
    };
    const bool made = (!plan.process.wants_stdin || add(stdin_, true)) && add(stdout_, false) && add(stderr_, false);
    if (!made) return make_failure(failure_kind::internal, errno, "making the container's streams");
    return std::nullopt;
}

void container::prepare(launch_plan plan, const std::string& payload) {
    if (life_ != stage_of_life::waiting || channel_ == nullptr || has_ended_) return; // The launch finds it so
    if (!id_.empty() || plan.container_id.empty())
        return give_up(make_failure(failure_kind::conflict, 0, "a sandbox carries out one plan for one container"));
    launch_began_ = monotonic_microseconds();
    id_ = plan.container_id;
    std::vector<int> for_child;
    auto failed = make_streams(plan, for_child);
    if (!failed) channel_->send(message_type::prepare_launch, 0, payload, for_child);
    for (const int descriptor : for_child) close(descriptor);
    if (failed) return give_up(std::move(*failed));
    plan_ = std::make_unique<launch_plan>(std::move(plan));
    // Cgroups made ahead may be renamed only when the sandbox has mounted them.
    if (answers_awaited_ == 0) place();
}

void container::launch(std::uint64_t request) {
    request_ = request;
    answer_of_request_ = 0;
    if (channel_ == nullptr || has_ended_)
        return end_launch(failure_ ? *failure_ : make_failure(failure_kind::internal, 0, "the sandbox has ended"));
    if (id_.empty())
        return end_launch(failure_ ? *failure_ : make_failure(failure_kind::conflict, 0, "the sandbox has no plan"));
    life_ = stage_of_life::launching;
    // Given up, its end is the launch's; not placed yet, it is told when it is.
    if (!failure_ && plan_ == nullptr) proceed();
}

void container::proceed() {
    channel_->send(message_type::launch_may_proceed, 0, encode(shim_protocol::nothing{}));
    channel_->wait_for_end_only();
}

std::optional<failure> container::make_cgroups(const std::string& path) {
    if (auto failed = around_.cgroups->make(membership_, path, pid_)) return failed;
    return check_placement();
}

std::optional<failure> container::check_placement() const {
    if (around_.cgroups->is_placed(membership_, pid_)) return std::nullopt;
    return make_failure(failure_kind::internal, 0, "process %d is not in cgroup %s after it was put there", pid_,
                        membership_.path.c_str());
}

void container::place() {
    const auto began = monotonic_microseconds();
    shim_protocol::cgroup_directories directories;
    if (around_.cgroups != nullptr && !plan_->cgroup.path.empty()) {
        auto& system = *around_.cgroups;
        std::optional<failure> failed;
        // Renamed, they are the cgroups that the process was put into and read back from when it was made.
        if (membership_.hierarchies == 0 || !system.rename(membership_, plan_->cgroup.path)) {
            const auto before = std::exchange(membership_, {});
            failed = make_cgroups(plan_->cgroup.path);
            directories.have_moved = before.hierarchies != 0;
            // Busy when the process could not leave it.
            if (directories.have_moved && !system.remove(before)) left_behind_ = before;
        }
        const auto ahead = membership_.hierarchies;
        if (!failed) failed = system.apply(membership_, *plan_, pid_);
        if (!failed && membership_.hierarchies != ahead) {
            directories.have_moved = true;
            failed = check_placement();
        }
        if (failed) return give_up(std::move(*failed));
        directories.directories = system.directories(membership_);
    }
    phases_.push_back({"shim: cgroup", monotonic_microseconds() - began});
    channel_->send(message_type::cgroups_ready, 0, encode(directories));
    plan_.reset();
    if (life_ == stage_of_life::launching) proceed();
}

void container::give_up(failure why) {
    failure_ = std::move(why);
    plan_.reset();
    if (!has_ended_) kill(pid_, SIGKILL);
}

void container::on_frame(incoming_frame frame) {
    switch (frame.type) {
    case message_type::done:
        if (answers_awaited_ == 0) break;
        if (answer_of_request_ == 1) answer_waiting_request(std::nullopt);
        if (answer_of_request_ > 0) --answer_of_request_;
        if (--answers_awaited_ == 0 && plan_ != nullptr) place();
        break;
    case message_type::terminal_opened:
        if (frame.descriptors.size() == 1 && terminal_ < 0) {
            terminal_ = std::exchange(frame.descriptors.front(), -1);
            set_non_blocking(terminal_);
        }
        break;
    case message_type::about_to_exec:
        if (const auto notice = shim_protocol::decode<shim_protocol::exec_notice>(frame.payload))
            phases_.insert(phases_.end(), notice->phases.begin(), notice->phases.end());
        if (frame.descriptors.size() == 1 && root_ < 0) root_ = std::exchange(frame.descriptors.front(), -1);
        break;
    case message_type::failed:
        if (auto why = shim_protocol::decode<failure>(frame.payload)) failure_ = std::move(*why);
        break;
    default:
        break;
    }
    for (const int descriptor : frame.descriptors)
        if (descriptor >= 0) close(descriptor);
}

void container::on_end() {
    // The last descriptor of the channel in the sandbox is closed: by its execve, or because it ended.
    channel_.reset();
    if (life_ == stage_of_life::launching) {
        const bool has_executed = !failure_ && !phases_.empty() && phases_.back().name == "privileges";
        if (has_executed) {
            phases_.push_back({"shim: whole", monotonic_microseconds() - launch_began_});
            return end_launch(std::nullopt);
        }
        return end_launch(failure_
                              ? *failure_
                              : make_failure(failure_kind::internal, 0, "the sandbox ended before its process began"));
    }
    if (!failure_) failure_ = make_failure(failure_kind::internal, 0, "the sandbox has ended");
    if (request_ != 0) answer_waiting_request(failure_);
}

void container::answer_waiting_request(std::optional<failure> failed) {
    owner_.on_answer(connection_, std::exchange(request_, 0), std::move(failed));
}

void container::end_launch(std::optional<failure> failed) {
    plan_.reset();
    if (failed) {
        life_ = stage_of_life::ended;
        id_.clear();
        channel_.reset();
        if (!has_ended_) kill(pid_, SIGKILL);
        close_streams();
    } else {
        life_ = stage_of_life::running;
        started_at_ = epoch_microseconds();
        started_after_ = boot_microseconds();
        for (const int stream : {stdout_, stderr_})
            if (stream >= 0) fcntl(stream, F_SETPIPE_SZ, output_pipe_size);
    }
    owner_.on_launch_ended(*this, connection_, std::exchange(request_, 0), std::move(failed));
}

void container::abandon_launch() {
    end_launch(make_failure(failure_kind::conflict, 0, "the engine that launched the container has gone"));
}

void container::discard() {
    life_ = stage_of_life::ended;
    id_.clear();
    plan_.reset();
    channel_.reset();
    if (!has_ended_) kill(pid_, SIGKILL);
}

void container::on_exit(int code) {
    // What the process said last, before its end is believed.
    if (channel_ != nullptr) channel_->drain();
    has_ended_ = true;
    if (life_ != stage_of_life::running) return;
    life_ = stage_of_life::ended;
    end_.id = id_;
    end_.code = code;
    end_.finished_at = epoch_microseconds();
    if (around_.cgroups == nullptr || membership_.hierarchies == 0) return;
    end_.was_oom_killed = around_.cgroups->was_oom_killed(membership_);
    // Without a pid namespace of its own its children outlive it.
    if (shares_pids_) around_.cgroups->signal_all(membership_, SIGKILL);
}

std::vector<shim_protocol::phase> container::take_phases() {
    return std::exchange(phases_, {});
}

std::vector<int> container::launched_descriptors(std::uint8_t& bits) const {
    auto all = streams(bits);
    if (root_ >= 0) {
        all.push_back(root_);
        bits |= shim_protocol::has_root;
    }
    return all;
}

void container::close_root() {
    if (root_ >= 0) close(std::exchange(root_, -1));
}

std::vector<int> container::streams(std::uint8_t& bits) const {
    std::vector<int> all;
    const auto add = [&](int descriptor, std::uint8_t bit) {
        if (descriptor < 0) return;
        all.push_back(descriptor);
        bits = static_cast<std::uint8_t>(bits | bit);
    };
    bits = 0;
    add(stdin_, shim_protocol::has_stdin);
    add(stdout_, shim_protocol::has_stdout);
    add(stderr_, shim_protocol::has_stderr);
    add(terminal_, shim_protocol::has_terminal);
    return all;
}

void container::close_streams() {
    for (int* descriptor : {&stdin_, &stdout_, &stderr_, &terminal_})
        if (*descriptor >= 0) close(std::exchange(*descriptor, -1));
    close_root();
}

void container::close_stdin() {
    if (stdin_ >= 0) close(std::exchange(stdin_, -1));
}

std::optional<failure> container::resize(std::uint16_t rows, std::uint16_t columns) const {
    if (terminal_ < 0) return make_failure(failure_kind::conflict, 0, "container %s has no terminal", id_.c_str());
    winsize size{rows, columns, 0, 0};
    if (ioctl(terminal_, TIOCSWINSZ, &size) < 0)
        return make_failure(failure_kind::internal, errno, "resizing the terminal");
    return std::nullopt;
}

std::optional<failure> container::signal(int number, bool all) const {
    if (number < 1 || number > SIGRTMAX) return make_failure(failure_kind::invalid, 0, "there is no signal %d", number);
    // Until it is reaped, which the shim alone can do, the pid is this process's and nobody else's.
    if (has_ended_ || life_ != stage_of_life::running)
        return make_failure(failure_kind::not_found, 0, "container %s is not running", id_.c_str());
    if (all && around_.cgroups != nullptr && membership_.hierarchies != 0) {
        around_.cgroups->signal_all(membership_, number);
        return std::nullopt;
    }
    if (kill(pid_, number) < 0)
        return make_failure(failure_kind::internal, errno, "signalling container %s", id_.c_str());
    return std::nullopt;
}

} // namespace davit::shim
