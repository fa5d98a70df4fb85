#include "modules/runtime/native/shim/user_lookup.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"

namespace davit::shim {
namespace {

constexpr long long most_bytes = 16LL << 20;
constexpr int most_lines = 500'000;
constexpr std::size_t longest_line = 1u << 16;
constexpr std::size_t most_groups = 65536; // NGROUPS_MAX of the kernel

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
    if (!is_number(text)) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
        if (value > 2147483647) return std::nullopt;
    }
    return static_cast<std::uint32_t>(value);
}

/// A user or group as asked for: a number in 0…2147483647, or a name.
std::optional<std::uint32_t> number_or_name(const std::string& text, const char* kind) {
    const bool looks_numeric = is_number(text) || (text.size() > 1 && (text[0] == '-' || text[0] == '+') &&
                                                   is_number(std::string_view{text}.substr(1)));
    if (!looks_numeric) return std::nullopt;
    const auto number = parse_number(text);
    if (!number)
        fail(failure_kind::invalid, 0, "%s %s is out of range: uids and gids must be in range 0-2147483647", kind,
             text.c_str());
    return number;
}

/// Calls `visit` with the parts of each line. A missing file has no lines.
template <class Visit> void for_each_line(const char* path, Visit visit) {
    // No link of /proc, which may lead to another process's root, the host's even.
    const int file = open_resolved(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_MAGICLINKS);
    if (file < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return;
        fail(failure_kind::invalid, errno, "opening %s in the container", path);
    }
    struct stat about{};
    if (fstat(file, &about) < 0) fail(failure_kind::invalid, errno, "opening %s in the container", path);
    if (!S_ISREG(about.st_mode)) fail(failure_kind::invalid, 0, "%s in the container is not a regular file", path);
    if (about.st_size > most_bytes) fail(failure_kind::invalid, 0, "%s in the container is too large", path);
    long long bytes = 0;
    int lines = 0;
    std::string pending;
    char buffer[16384];
    const auto take = [&](std::string_view line) {
        if (++lines > most_lines) fail(failure_kind::invalid, 0, "%s in the container has too many lines", path);
        std::string_view parts[7];
        std::size_t count = 0;
        while (count < 7) {
            const auto end = count == 6 ? std::string_view::npos : line.find(':');
            parts[count++] = line.substr(0, end);
            if (end == std::string_view::npos) break;
            line.remove_prefix(end + 1);
        }
        visit(parts);
    };
    ssize_t count = 0;
    while ((count = read(file, buffer, sizeof buffer)) > 0) {
        bytes += count;
        if (bytes > most_bytes) fail(failure_kind::invalid, 0, "%s in the container is too large", path);
        std::string_view piece{buffer, static_cast<std::size_t>(count)};
        for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
            if (pending.empty()) {
                take(piece.substr(0, end));
            } else {
                pending += piece.substr(0, end);
                take(pending);
                pending.clear();
            }
            piece.remove_prefix(end + 1);
        }
        pending += piece;
        if (pending.size() > longest_line)
            fail(failure_kind::invalid, 0, "%s in the container has too long a line", path);
    }
    if (count < 0) fail(failure_kind::invalid, errno, "reading %s in the container", path);
    if (!pending.empty()) take(pending);
    close(file);
}

bool lists(std::string_view members, std::string_view name) {
    while (!members.empty()) {
        const auto end = members.find(',');
        if (members.substr(0, end) == name) return true;
        if (end == std::string_view::npos) break;
        members.remove_prefix(end + 1);
    }
    return false;
}

} // namespace

identity look_up(const std::string& user, const std::vector<std::string>& additional_groups) {
    const auto colon = user.find(':');
    const auto user_part = user.substr(0, colon);
    const auto group_part = colon == std::string::npos ? std::string{} : user.substr(colon + 1);
    const auto uid = user_part.empty() ? std::optional<std::uint32_t>{0} : number_or_name(user_part, "user");
    const auto gid = group_part.empty() ? std::optional<std::uint32_t>{} : number_or_name(group_part, "group");

    identity found;
    if (uid) found.uid = *uid;
    std::string name;
    bool is_found = false;
    for_each_line("/etc/passwd", [&](const std::string_view(&parts)[7]) {
        if (is_found) return;
        const auto entry_uid = parse_number(parts[2]);
        const auto entry_gid = parse_number(parts[3]);
        if (!entry_uid || !entry_gid || (uid ? *entry_uid != *uid : parts[0] != user_part)) return;
        is_found = true;
        found.uid = *entry_uid;
        found.gid = *entry_gid;
        name = parts[0];
        if (!parts[5].empty()) found.home = parts[5];
    });
    if (!uid && !is_found)
        fail(failure_kind::invalid, 0, "unable to find user %s: no matching entries in passwd file", user_part.c_str());

    // The names of groups that are still to be found; numbers are taken as they are.
    std::vector<std::string> wanted;
    for (const auto& group : additional_groups) {
        if (const auto number = number_or_name(group, "group"))
            found.groups.push_back(*number);
        else
            wanted.push_back(group);
    }
    bool group_is_found = gid.has_value();
    if (gid) found.gid = *gid;
    const bool takes_memberships = group_part.empty() && !name.empty();
    if (takes_memberships || (!group_part.empty() && !gid) || !wanted.empty()) {
        for_each_line("/etc/group", [&](const std::string_view(&parts)[7]) {
            const auto entry_gid = parse_number(parts[2]);
            if (!entry_gid) return;
            const auto members = parts[3].substr(0, parts[3].find(':'));
            if (takes_memberships && lists(members, name)) found.groups.push_back(*entry_gid);
            if (!group_part.empty() && !group_is_found && parts[0] == group_part) {
                found.gid = *entry_gid;
                group_is_found = true;
            }
            if (const auto at = std::find(wanted.begin(), wanted.end(), parts[0]); at != wanted.end()) {
                found.groups.push_back(*entry_gid);
                wanted.erase(at);
            }
            if (found.groups.size() > most_groups)
                fail(failure_kind::invalid, 0, "/etc/group in the container puts the user into too many groups");
        });
    }
    if (!group_part.empty() && !group_is_found)
        fail(failure_kind::invalid, 0, "unable to find group %s: no matching entries in group file",
             group_part.c_str());
    if (!wanted.empty())
        fail(failure_kind::invalid, 0, "unable to find group %s: no matching entries in group file",
             wanted.front().c_str());

    found.groups.insert(found.groups.begin(), found.gid);
    std::sort(found.groups.begin() + 1, found.groups.end());
    found.groups.erase(std::unique(found.groups.begin() + 1, found.groups.end()), found.groups.end());
    found.groups.erase(std::remove(found.groups.begin() + 1, found.groups.end(), found.gid), found.groups.end());
    if (found.groups.size() > most_groups) fail(failure_kind::invalid, 0, "the user is in too many groups");
    return found;
}

} // namespace davit::shim
