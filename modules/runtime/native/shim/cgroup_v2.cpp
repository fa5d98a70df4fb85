#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/runtime/native/shim/cgroup.h"
#include "modules/runtime/native/shim/small_file.h"

namespace davit::shim {
namespace {

bpf_insn instruction(int code, int destination, int source, int offset, int immediate) {
    bpf_insn made{};
    made.code = static_cast<std::uint8_t>(code);
    made.dst_reg = static_cast<std::uint8_t>(destination) & 0xf;
    made.src_reg = static_cast<std::uint8_t>(source) & 0xf;
    made.off = static_cast<short>(offset);
    made.imm = immediate;
    return made;
}

/// A program that returns 1 for the allowed devices and 0 for all others (BPF_PROG_TYPE_CGROUP_DEVICE:
/// the context is struct bpf_cgroup_dev_ctx, access_type's low 16 bits are the device's kind).
std::vector<bpf_insn> device_program(const std::vector<device_rule>& allowed) {
    std::vector<bpf_insn> code{
        instruction(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(bpf_cgroup_dev_ctx, access_type), 0),
        instruction(BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff),
        instruction(BPF_LDX | BPF_MEM | BPF_W, 3, 1, offsetof(bpf_cgroup_dev_ctx, major), 0),
        instruction(BPF_LDX | BPF_MEM | BPF_W, 4, 1, offsetof(bpf_cgroup_dev_ctx, minor), 0),
    };
    for (const auto& rule : allowed) {
        const int skip_minor = rule.minor < 0 ? 0 : 1;
        const int kind = rule.kind == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
        code.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 3 + skip_minor, kind));
        code.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, 3, 0, 2 + skip_minor, static_cast<int>(rule.major)));
        if (skip_minor != 0) code.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 2, rule.minor));
        code.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1));
        code.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    }
    code.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0));
    code.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return code;
}

/// Loads the program and attaches it to the cgroup. 0 or an errno.
int attach_device_program(const std::string& directory, const std::vector<device_rule>& allowed) {
    const auto code = device_program(allowed);
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<std::uint64_t>(code.data());
    load.insn_cnt = static_cast<std::uint32_t>(code.size());
    load.license = reinterpret_cast<std::uint64_t>("GPL");
    const auto program = static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load));
    if (program < 0) return errno;
    const int cgroup = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = cgroup < 0 ? errno : 0;
    if (error == 0) {
        bpf_attr attach{};
        attach.target_fd = static_cast<std::uint32_t>(cgroup);
        attach.attach_bpf_fd = static_cast<std::uint32_t>(program);
        attach.attach_type = BPF_CGROUP_DEVICE;
        attach.attach_flags = BPF_F_ALLOW_MULTI;
        if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0) error = errno;
        close(cgroup);
    }
    close(program);
    return error;
}

class cgroup_v2 final : public cgroup_system {
  public:
    explicit cgroup_v2(std::string root) : root_{std::move(root)} {}

    std::optional<failure> make(cgroup_membership& membership, const std::string& path, int pid) override {
        membership.path = path;
        const auto base = root_ + "/" + path;
        if (const int error = make_with_controllers(path))
            return make_failure(failure_kind::internal, error, "making cgroup %s", base.c_str());
        membership.hierarchies = 1;
        if (const int error = write_file(base + "/cgroup.procs", std::to_string(pid)))
            return make_failure(failure_kind::internal, error, "moving process %d into cgroup %s", pid, base.c_str());
        return std::nullopt;
    }

    bool can_rename() const override { return false; }

    bool rename(cgroup_membership&, const std::string&) override { return false; }

    std::optional<failure> apply(cgroup_membership& membership, const launch_plan& plan, int) override {
        const auto base = root_ + "/" + membership.path;
        for (const auto& setting : plan.cgroup.settings) {
            const auto file = base + "/" + setting.file;
            if (const int error = write_file(file, setting.value))
                return make_failure(failure_kind::invalid, error, "writing %s to cgroup file %s", setting.value.c_str(),
                                    file.c_str());
        }
        if (plan.cgroup.devices_are_open) return std::nullopt;
        auto allowed = default_device_rules();
        for (const auto& device : plan.devices)
            allowed.push_back({device.kind, device.major, static_cast<int>(device.minor)});
        if (const int error = attach_device_program(base, allowed))
            return make_failure(failure_kind::internal, error, "attaching the device rules to cgroup %s", base.c_str());
        return std::nullopt;
    }

    bool is_placed(const cgroup_membership& membership, int pid) override {
        const auto table = read_file("/proc/" + std::to_string(pid) + "/cgroup");
        const auto at = table ? table->find("0::") : std::string::npos;
        if (at == std::string::npos) return false;
        const auto end = table->find('\n', at);
        return table->substr(at, end == std::string::npos ? end : end - at).ends_with("/" + membership.path);
    }

    std::vector<shim_protocol::cgroup_directory> directories(const cgroup_membership& membership) override {
        return {{"", root_ + "/" + membership.path}};
    }

    bool was_oom_killed(const cgroup_membership& membership) override {
        const auto text = read_file(root_ + "/" + membership.path + "/memory.events");
        const auto at = text ? text->find("oom_kill ") : std::string::npos;
        return at != std::string::npos && text->compare(at + 9, 1, "0") != 0;
    }

    void signal_all(const cgroup_membership& membership, int number) override {
        const auto base = root_ + "/" + membership.path;
        if (number == SIGKILL && write_file(base + "/cgroup.kill", "1") == 0) return;
        signal_members(base + "/cgroup.procs", membership.path, number);
    }

    bool remove(const cgroup_membership& membership) override {
        return remove_directory(root_ + "/" + membership.path);
    }

    bool sweep(const std::string& parent) override { return sweep_directory(root_, parent); }

  private:
    /// Makes the path; each part above the last gives the controllers that it has on to its children.
    int make_with_controllers(const std::string& path) {
        std::string above = root_;
        std::size_t start = 0;
        while (true) {
            const auto end = path.find('/', start);
            const bool is_last = end == std::string::npos;
            const auto here = root_ + "/" + path.substr(0, end);
            delegate(above);
            if (access(here.c_str(), F_OK) < 0) std::erase(delegated_, here); // Made anew, it gives nothing on yet
            if (const int error = make_directories(above, path.substr(start, is_last ? end : end - start)))
                return error;
            if (is_last) return 0;
            above = here;
            start = end + 1;
        }
    }

    void delegate(const std::string& directory) {
        if (std::find(delegated_.begin(), delegated_.end(), directory) != delegated_.end()) return;
        const auto has = read_file(directory + "/cgroup.controllers");
        const auto gives = read_file(directory + "/cgroup.subtree_control");
        if (!has || !gives) return;
        bool gives_all = true;
        for (const char* controller : {"cpu", "cpuset", "io", "memory", "pids"}) {
            if (has->find(controller) == std::string::npos) continue;
            const std::string name = controller;
            // "cpu" is found in "cpuset" too; asking again for what is given already changes nothing.
            if ((" " + *gives).find(" " + name) == std::string::npos || name == "cpu")
                gives_all &= write_file(directory + "/cgroup.subtree_control", "+" + name) == 0;
        }
        if (gives_all) delegated_.push_back(directory); // Otherwise it may be possible next time
    }

    std::string root_;
    std::vector<std::string> delegated_; ///< Few: the parents that containers have had
};

} // namespace

std::unique_ptr<cgroup_system> make_cgroup_v2(const std::string& root) {
    return std::make_unique<cgroup_v2>(root);
}

} // namespace davit::shim
