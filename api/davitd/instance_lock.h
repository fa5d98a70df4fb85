#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "io/descriptor.h"

namespace davit::api {

/// Makes a directory with `mode`, and its missing parents as the umask has them, and gives it to the group when one is
/// named. One that exists gets the mode and the group, too. Errors: those of the system calls.
void make_private_directory(const std::string& path, mode_t mode, std::optional<gid_t> group);

/// Keeps a second engine off the same data root and the same exec root, and tells others this engine's pid. Ends with
/// the process.
class instance_lock {
  public:
    /// Errors: conflict when another engine holds one of them; those of the system calls. A link in a file's place is
    /// not followed.
    instance_lock(const std::string& data_root, const std::string& exec_root, std::string pid_file);
    instance_lock(const instance_lock&) = delete;
    instance_lock& operator=(const instance_lock&) = delete;
    ~instance_lock();

  private:
    io::descriptor data_root_;
    io::descriptor exec_root_;
    io::descriptor pid_;
    std::string pid_file_;
};

} // namespace davit::api
