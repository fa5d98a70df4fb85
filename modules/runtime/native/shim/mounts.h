#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include <sys/mount.h>

// The new mount API (fsopen(2) and its kin), by descriptors. In a sandbox: what fails ends it (launch_error.h).
namespace davit::shim {

using mount_option = std::pair<const char*, const char*>;

/// A new, detached mount of a new file system instance. `attributes` are MOUNT_ATTR_*.
int new_mount(const char* type, std::initializer_list<mount_option> options, unsigned attributes);

/// A detached copy of the mount that `path` (relative to `directory`, "" for itself) lies on, rooted there.
int clone_mount(int directory, const char* path, bool is_recursive);

/// Sets MOUNT_ATTR_* on a detached mount, on those below it too with `is_recursive`.
void set_attributes(int mount, unsigned attributes, bool is_recursive);

/// Attaches a detached mount on top of what `target` names (an O_PATH descriptor; no path is looked up).
void attach(int mount, int target, const char* what);

/// Moves the mount at `directory`/`name`, with all below it, on top of what `target` names.
void move_tree(int directory, const char* name, int target);

/// Opens with openat2(2). -1 with errno. `flags` get O_CLOEXEC; `resolve` are RESOLVE_*.
int open_resolved(int directory, const char* path, int flags, unsigned long long resolve);

} // namespace davit::shim
