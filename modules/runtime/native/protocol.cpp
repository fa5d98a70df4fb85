#include "modules/runtime/native/protocol.h"

#include <cstring>
#include <type_traits>

namespace davit::shim_protocol {
namespace {

/// Bytes that are no text: they may hold NUL.
struct blob {
    std::string& bytes;
};
struct const_blob {
    const std::string& bytes;
};

// Each message says its fields once, in `fields`; writer and reader walk the same list.

class writer {
  public:
    template <class... T> void operator()(const T&... values) { (put(values), ...); }

    std::string take() && { return std::move(out_); }

  private:
    template <class T>
        requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
    void put(const T& value) {
        out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put(const std::string& text) {
        put(static_cast<std::uint32_t>(text.size()));
        out_.append(text);
    }
    void put(const const_blob& bytes) { put(bytes.bytes); }
    template <class A, class B> void put(const std::pair<A, B>& both) {
        put(both.first);
        put(both.second);
    }
    template <class T> void put(const std::vector<T>& values) {
        put(static_cast<std::uint32_t>(values.size()));
        for (const auto& value : values) put(value);
    }
    template <class T>
        requires std::is_class_v<T>
    void put(const T& value) {
        fields(*this, value);
    }

    std::string out_;
};

class reader {
  public:
    explicit reader(std::string_view in) : in_{in} {}

    template <class... T> void operator()(T&&... values) { (get(values), ...); }

    /// Everything was there, was right, and nothing is left.
    bool is_complete() const { return is_good_ && in_.empty(); }

  private:
    template <class T>
        requires std::is_arithmetic_v<T>
    void get(T& value) {
        if (in_.size() < sizeof value) return fail();
        std::memcpy(&value, in_.data(), sizeof value);
        in_.remove_prefix(sizeof value);
    }
    void get(bool& value) {
        std::uint8_t byte = 0;
        get(byte);
        if (byte > 1) return fail();
        value = byte == 1;
    }
    void get(mount_kind& value) { get_enum(value, mount_kind::tmpfs); }
    void get(failure_kind& value) { get_enum(value, failure_kind::internal); }
    void get(std::string& text) {
        get_bytes(text);
        if (text.find('\0') != std::string::npos) fail();
    }
    void get(blob& bytes) { get_bytes(bytes.bytes); }
    template <class A, class B> void get(std::pair<A, B>& both) {
        get(both.first);
        get(both.second);
    }
    template <class T> void get(std::vector<T>& values) {
        std::uint32_t count = 0;
        get(count);
        // Every element takes a byte at least, so a count above what is left is a lie.
        if (!is_good_ || count > in_.size()) return fail();
        for (std::uint32_t i = 0; i < count && is_good_; ++i) get(values.emplace_back());
    }
    template <class T>
        requires std::is_class_v<T>
    void get(T& value) {
        fields(*this, value);
    }
    template <class T> void get_enum(T& value, T last) {
        std::underlying_type_t<T> number = 0;
        get(number);
        if (number > static_cast<std::underlying_type_t<T>>(last)) return fail();
        value = static_cast<T>(number);
    }
    void get_bytes(std::string& bytes) {
        std::uint32_t length = 0;
        get(length);
        if (!is_good_ || length > in_.size()) return fail();
        bytes.assign(in_.data(), length);
        in_.remove_prefix(length);
    }
    void fail() {
        is_good_ = false;
        in_ = {};
    }

    std::string_view in_;
    bool is_good_ = true;
};

blob bytes(std::string& text) {
    return {text};
}
const_blob bytes(const std::string& text) {
    return {text};
}

// `V` is the message, const when it is written. One overload for each message, by its concrete type.
template <class V, class Message>
concept is_message = std::is_same_v<std::remove_const_t<V>, Message>;

template <class A, is_message<hello> V> void fields(A& a, V& v) {
    a(v.version, v.pid);
}
template <class A, is_message<sandbox_shape> V> void fields(A& a, V& v) {
    a(v.own_network, v.own_pid, v.own_ipc, v.own_uts, v.own_cgroup);
}
template <class A, is_message<sandbox_template> V> void fields(A& a, V& v) {
    a(v.shape, v.masked_paths, v.read_only_paths, v.shm_size, v.cgroup_parent);
}
template <class A, is_message<sandbox_beginning> V> void fields(A& a, V& v) {
    a(v.shape, v.stage_path, v.oom_score);
}
template <class A, is_message<made_sandbox> V> void fields(A& a, V& v) {
    a(v.id, v.pid);
}
template <class A, is_message<sandbox_number> V> void fields(A& a, V& v) {
    a(v.id);
}
template <class A, is_message<neighbour_plan> V> void fields(A& a, V& v) {
    a(v.address, v.mac);
}
template <class A, is_message<interface_plan> V> void fields(A& a, V& v) {
    a(v.name, v.addresses, v.gateways, v.neighbours, v.ipv6_is_quiet);
}
template <class A, is_message<network_plan> V> void fields(A& a, V& v) {
    a(v.interfaces);
}
template <class A, is_message<network_request> V> void fields(A& a, V& v) {
    a(v.sandbox, v.plan);
}
template <class A, is_message<rootfs_plan> V> void fields(A& a, V& v) {
    a(v.host_layers, v.host_upper, v.host_work, v.is_read_only);
}
template <class A, is_message<mount_plan> V> void fields(A& a, V& v) {
    a(v.kind, v.host_source, v.target, v.options, v.is_read_only, v.is_recursive, v.is_engine_file);
}
template <class A, is_message<rlimit_plan> V> void fields(A& a, V& v) {
    a(v.resource, v.soft, v.hard);
}
template <class A, is_message<process_plan> V> void fields(A& a, V& v) {
    a(v.arguments, v.environment, v.working_directory, v.user, v.additional_groups, v.bounding_capabilities,
      v.no_new_privileges, bytes(v.seccomp_filter), v.rlimits, v.oom_score_adjust, v.wants_tty, v.wants_stdin,
      v.tty_rows, v.tty_columns);
}
template <class A, is_message<cgroup_setting> V> void fields(A& a, V& v) {
    a(v.controller, v.file, v.value);
}
template <class A, is_message<cgroup_plan> V> void fields(A& a, V& v) {
    a(v.path, v.settings, v.devices_are_open);
}
template <class A, is_message<device_plan> V> void fields(A& a, V& v) {
    a(v.path, v.kind, v.major, v.minor, v.mode);
}
template <class A, is_message<launch_plan> V> void fields(A& a, V& v) {
    a(v.container_id, v.hostname, v.domain_name, v.rootfs, v.mounts, v.devices, v.masked_paths, v.read_only_paths,
      v.sysctls, v.shm_size, v.is_privileged, v.process, v.cgroup);
}
template <class A, is_message<launch_request> V> void fields(A& a, V& v) {
    a(v.sandbox, v.plan);
}
template <class A, is_message<phase> V> void fields(A& a, V& v) {
    a(v.name, v.microseconds);
}
template <class A, is_message<launched> V> void fields(A& a, V& v) {
    a(v.pid, v.started_at, v.started_after, v.streams, v.phases);
}
template <class A, is_message<streams> V> void fields(A& a, V& v) {
    a(v.streams);
}
template <class A, is_message<failure> V> void fields(A& a, V& v) {
    a(v.kind, v.number, v.sentence);
}
template <class A, is_message<container_name> V> void fields(A& a, V& v) {
    a(v.id);
}
template <class A, is_message<cgroup_removal> V> void fields(A& a, V& v) {
    a(v.path);
}
template <class A, is_message<signal_request> V> void fields(A& a, V& v) {
    a(v.id, v.number, v.all);
}
template <class A, is_message<resize_request> V> void fields(A& a, V& v) {
    a(v.id, v.rows, v.columns);
}
template <class A, is_message<exited> V> void fields(A& a, V& v) {
    a(v.id, v.code, v.was_oom_killed, v.finished_at);
}
template <class A, is_message<listed_process> V> void fields(A& a, V& v) {
    a(v.id, v.pid, v.started_at, v.started_after, v.cgroup_path, v.has_ended, v.end);
}
template <class A, is_message<process_list> V> void fields(A& a, V& v) {
    a(v.processes);
}
template <class A, is_message<cgroup_directory> V> void fields(A& a, V& v) {
    a(v.name, v.host_path);
}
template <class A, is_message<cgroup_directories> V> void fields(A& a, V& v) {
    a(v.directories, v.have_moved);
}
template <class A, is_message<exec_notice> V> void fields(A& a, V& v) {
    a(v.phases);
}
template <class A, is_message<nothing> V> void fields(A& a, V&) {
    a();
}

} // namespace

template <class Message> std::string encode(const Message& message) {
    writer out;
    fields(out, message);
    return std::move(out).take();
}

template <class Message> std::optional<Message> decode(std::string_view payload) {
    if (payload.size() > maximum_frame) return std::nullopt;
    reader in{payload};
    std::optional<Message> message{std::in_place};
    fields(in, *message);
    if (!in.is_complete()) message.reset();
    return message;
}

#define DAVIT_MESSAGE(type)                                                                                            \
    template std::string encode(const type&);                                                                          \
    template std::optional<type> decode(std::string_view);
DAVIT_MESSAGE(hello)
DAVIT_MESSAGE(sandbox_template)
DAVIT_MESSAGE(sandbox_beginning)
DAVIT_MESSAGE(made_sandbox)
DAVIT_MESSAGE(sandbox_number)
DAVIT_MESSAGE(network_request)
DAVIT_MESSAGE(launch_request)
DAVIT_MESSAGE(launched)
DAVIT_MESSAGE(streams)
DAVIT_MESSAGE(failure)
DAVIT_MESSAGE(container_name)
DAVIT_MESSAGE(cgroup_removal)
DAVIT_MESSAGE(signal_request)
DAVIT_MESSAGE(resize_request)
DAVIT_MESSAGE(exited)
DAVIT_MESSAGE(process_list)
DAVIT_MESSAGE(cgroup_directories)
DAVIT_MESSAGE(exec_notice)
DAVIT_MESSAGE(nothing)
#undef DAVIT_MESSAGE

std::string frame(message_type type, std::uint64_t request, std::uint16_t descriptors, std::string_view payload) {
    const frame_header header{static_cast<std::uint32_t>(empty_length + payload.size()),
                              static_cast<std::uint16_t>(type), descriptors, request};
    std::string out;
    out.reserve(sizeof header + payload.size());
    out.append(reinterpret_cast<const char*>(&header), sizeof header);
    out.append(payload);
    return out;
}

std::string unmeasured_frame(message_type type, std::uint64_t request, std::string_view payload) {
    return frame(type, request, 0, payload).substr(sizeof(std::uint32_t));
}

std::optional<frame_parts> split(std::string_view unmeasured) {
    if (unmeasured.size() < empty_length) return std::nullopt;
    frame_header header;
    std::memcpy(reinterpret_cast<char*>(&header) + sizeof header.length, unmeasured.data(), empty_length);
    return frame_parts{static_cast<message_type>(header.type), header.descriptors, header.request,
                       unmeasured.substr(empty_length)};
}

} // namespace davit::shim_protocol
