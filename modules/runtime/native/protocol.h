#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/launch_plan.h"

/// The protocol between davitd and davit-shim, and between the shim and a sandbox that waits for its plan.
///
/// Both are byte streams over unix sockets of one host: frames of a fixed header and a payload, host byte order.
/// Requests carry a number that their one reply repeats; `exited` comes unasked, with request number 0, and
/// `prepare_launch` has no reply. Descriptors ride on the first byte of their frame (SCM_RIGHTS). A connection starts
/// with `hello` both ways.
///
/// Decoding trusts nothing: every length and count is checked against the bytes that are left, text may hold no NUL,
/// a frame may not pass `maximum_frame`, and bytes left over are an error.
namespace davit::shim_protocol {

/// Raised whenever the meaning of any message changes. A shim and an engine of different versions still agree on
/// the frame header, `hello` and `quit_if_idle`.
inline constexpr std::uint32_t version = 3;

/// The most bytes that one frame's payload may hold.
inline constexpr std::size_t maximum_frame = 16u << 20;

enum class message_type : std::uint16_t {
    // From either side, first of all.
    hello = 1,
    // From the engine to the shim.
    make_sandbox,
    configure_network,
    discard_sandbox,
    prepare_launch, ///< A launch_request, as the sandbox gets it, too; what fails is told by the `launch` that follows
    launch,         ///< A sandbox_number: the process that was prepared may begin
    signal,
    resize,
    close_stdin,
    list,
    reopen_streams,
    release,
    remove_cgroups,
    quit_if_idle,
    // Answers.
    done,
    failed,
    made,
    launched,
    listed,
    streams,
    exited,
    // Between the shim and a sandbox.
    begin,
    cgroups_ready,
    launch_may_proceed,
    terminal_opened,
    about_to_exec,
};

struct frame_header {
    std::uint32_t length = 0; ///< Bytes that follow this field: the rest of the header and the payload
    std::uint16_t type = 0;
    std::uint16_t descriptors = 0;
    std::uint64_t request = 0;
};
static_assert(sizeof(frame_header) == 16);

/// What `length` says of an empty payload.
inline constexpr std::uint32_t empty_length = sizeof(frame_header) - sizeof(std::uint32_t);

/// The most descriptors that one frame may carry.
inline constexpr std::uint16_t maximum_descriptors = 4;

struct hello {
    std::uint32_t version = shim_protocol::version;
    std::int32_t pid = 0;
};

/// What a sandbox prepares ahead of its plan.
struct sandbox_template {
    sandbox_shape shape;
    std::vector<std::string> masked_paths;
    std::vector<std::string> read_only_paths;
    std::uint64_t shm_size = 64u << 20;
    /// The directory below each cgroup hierarchy where the sandbox's cgroups are made ahead, under a name of their
    /// own, to be renamed at launch where the hierarchy can do that. Empty: they are made at launch.
    std::string cgroup_parent;

    bool operator==(const sandbox_template&) const = default;
};

/// From the shim to a sandbox, the first thing: all that it needs and does not have from its clone.
struct sandbox_beginning {
    sandbox_template shape;
    std::string stage_path;     ///< An empty directory on the host that only root can reach
    std::int32_t oom_score = 0; ///< oom_score_adj, as it is inherited
};

struct made_sandbox {
    std::uint64_t id = 0;
    std::int32_t pid = 0;
};

struct sandbox_number {
    std::uint64_t id = 0;
};

struct network_request {
    std::uint64_t sandbox = 0;
    network_plan plan;
};

struct launch_request {
    std::uint64_t sandbox = 0;
    launch_plan plan;
};

struct phase {
    std::string name;
    std::int64_t microseconds = 0;

    bool operator==(const phase&) const = default;
};

/// Which descriptors come with a `launched` or `streams` frame, in this order.
enum stream_bit : std::uint8_t { has_stdin = 1, has_stdout = 2, has_stderr = 4, has_terminal = 8, has_root = 16 };

struct launched {
    std::int32_t pid = 0;
    std::int64_t started_at = 0;    ///< Microseconds since the epoch
    std::int64_t started_after = 0; ///< Microseconds of CLOCK_BOOTTIME: no later process can have begun before it
    std::uint8_t streams = 0;       ///< stream_bit
    std::vector<phase> phases;
};

struct streams {
    std::uint8_t streams = 0; ///< stream_bit
};

enum class failure_kind : std::uint8_t { invalid, not_found, conflict, internal };

/// Why a request was not carried out. `sentence` is for the user, complete.
struct failure {
    failure_kind kind = failure_kind::internal;
    std::int32_t number = 0; ///< errno, 0 when no system call failed
    std::string sentence;
};

struct container_name {
    std::string id;
};

/// Kills and removes what the shim before this one left of a container.
struct cgroup_removal {
    std::string path; ///< As the container's plan said it
};

struct signal_request {
    std::string id;
    std::int32_t number = 0;
    bool all = false;
};

struct resize_request {
    std::string id;
    std::uint16_t rows = 0;
    std::uint16_t columns = 0;
};

struct exited {
    std::string id;
    std::int32_t code = 0;
    bool was_oom_killed = false;
    std::int64_t finished_at = 0; ///< Microseconds since the epoch
};

struct listed_process {
    std::string id;
    std::int32_t pid = 0;
    std::int64_t started_at = 0;    ///< Microseconds since the epoch
    std::int64_t started_after = 0; ///< As `launched` says it
    std::string cgroup_path;        ///< As its plan said it
    bool has_ended = false;
    exited end; ///< Where `has_ended`; its `id` is empty
};

struct process_list {
    std::vector<listed_process> processes;
};

/// From the shim to a sandbox: where its cgroups are, as directories on the host, each with the name under which it
/// appears in /sys/fs/cgroup (empty: it is /sys/fs/cgroup itself, as with cgroup v2).
struct cgroup_directory {
    std::string name;
    std::string host_path;
};

/// Once ahead, where cgroups are made ahead, and once after the plan.
struct cgroup_directories {
    std::vector<cgroup_directory> directories;
    bool have_moved = false; ///< They are others than those that were named before
};

/// From a sandbox to the shim, the last thing before its execve; where `launched` brings a descriptor of the root file
/// system, with that.
struct exec_notice {
    std::vector<phase> phases;
};

struct nothing {};

// encode gives the payload of a message; decode gives the message, or nothing when the payload is not one.
// They are defined for all the messages above.
template <class Message> std::string encode(const Message& message);
template <class Message> std::optional<Message> decode(std::string_view payload);

/// The whole frame: header and payload.
std::string frame(message_type type, std::uint64_t request, std::uint16_t descriptors, std::string_view payload);

/// A frame without its length, which io::message_socket writes and reads itself.
std::string unmeasured_frame(message_type type, std::uint64_t request, std::string_view payload);

struct frame_parts {
    message_type type{};
    std::uint16_t descriptors = 0;
    std::uint64_t request = 0;
    std::string_view payload; ///< Of the given bytes
};
/// Takes such a frame apart; nothing when it is too short to be one.
std::optional<frame_parts> split(std::string_view unmeasured);

} // namespace davit::shim_protocol
