#pragma once

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "io/descriptor.h"
#include "tests/io/io_testing.h"

namespace davit::io {

/// The host names that the test program knows: those of a file of its own, and no others. Make it before there are
/// threads: it is a mount namespace that the program moves into.
class own_names {
  public:
    own_names() {
        static const bool is_inside =
            ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
        if (!is_inside) throw error::system(errno, "making a mount namespace (tests run as root)");
        std::ofstream{scratch_ / "nsswitch.conf"} << "hosts: files\n";
        std::ofstream{scratch_ / "hosts"} << "127.0.0.1 localhost\n";
        if (::mkfifo(silence_.c_str(), 0600) != 0) throw error::system(errno, "making a FIFO");
        cover("nsswitch.conf");
        cover("hosts");
    }
    own_names(const own_names&) = delete;
    ~own_names() {
        ::umount2("/etc/hosts", MNT_DETACH);
        ::umount2("/etc/nsswitch.conf", MNT_DETACH);
    }

    /// Lines as in /etc/hosts.
    void know(std::string_view lines) { std::ofstream{scratch_ / "hosts"} << lines; }

    /// From now on a look-up waits, as for name servers that do not answer, until `speak`: for a file that nobody
    /// writes.
    void fall_silent() {
        if (::mount(silence_.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) != 0)
            throw error::system(errno, "covering /etc/hosts");
    }
    void speak() {
        ::umount2("/etc/hosts", MNT_DETACH);
        const descriptor nothing{::open(silence_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
    }

  private:
    void cover(const std::string& name) {
        if (::mount((scratch_ / name).c_str(), ("/etc/" + name).c_str(), nullptr, MS_BIND, nullptr) != 0)
            throw error::system(errno, "covering /etc/{}", name);
    }

    scratch_directory scratch_;
    std::string silence_ = scratch_ / "silence";
};

} // namespace davit::io
