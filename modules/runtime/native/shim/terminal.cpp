#include "modules/runtime/native/shim/terminal.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "modules/runtime/native/shim/launch_error.h"
#include "modules/runtime/native/shim/mounts.h"

namespace davit::shim {

terminal open_terminal(int stage, std::uint16_t rows, std::uint16_t columns) {
    constexpr unsigned long long straight = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    terminal made;
    made.controller = open_resolved(stage, "dev/pts/ptmx", O_RDWR | O_NOCTTY, straight);
    if (made.controller < 0) fail(failure_kind::internal, errno, "opening a terminal");
    int unlocked = 0;
    if (ioctl(made.controller, TIOCSPTLCK, &unlocked) < 0)
        fail(failure_kind::internal, errno, "unlocking the terminal");
    made.device = ioctl(made.controller, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (made.device < 0) fail(failure_kind::internal, errno, "opening the terminal's other end");
    if (rows != 0 && columns != 0) {
        winsize size{rows, columns, 0, 0};
        if (ioctl(made.controller, TIOCSWINSZ, &size) < 0) fail(failure_kind::internal, errno, "sizing the terminal");
    }

    const int dev = open_resolved(stage, "dev", O_PATH | O_DIRECTORY, straight);
    const int console = openat(dev, "console", O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
    if (console < 0) fail(failure_kind::internal, errno, "making /dev/console");
    close(console);
    const int place = open_resolved(dev, "console", O_PATH, straight | RESOLVE_NO_XDEV);
    const int mount = clone_mount(made.device, "", false);
    if (place < 0 || mount < 0) fail(failure_kind::internal, errno, "taking the terminal for /dev/console");
    struct stat about{};
    // 136 to 143: the majors of pseudo terminals.
    if (fstat(mount, &about) < 0 || !S_ISCHR(about.st_mode) || major(about.st_rdev) < 136 || major(about.st_rdev) > 143)
        fail(failure_kind::internal, 0, "the terminal's other end is no terminal");
    attach(mount, place, "/dev/console");
    close(mount);
    close(place);
    close(dev);
    return made;
}

void use_terminal(int device) {
    if (ioctl(device, TIOCSCTTY, 0) < 0) fail(failure_kind::internal, errno, "taking the terminal");
    for (int stream = 0; stream < 3; ++stream)
        if (dup2(device, stream) < 0) fail(failure_kind::internal, errno, "taking the terminal as a standard stream");
}

} // namespace davit::shim
