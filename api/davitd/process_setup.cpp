#include "api/davitd/process_setup.h"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <malloc.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "io/signals.h"

namespace davit::api {

void set_up_process() {
    for (int fd = 0; fd <= 2; ++fd)
        if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR)); // takes the lowest that is free
    ::close_range(3, ~0u, 0);

    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptors.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    ::umask(022);
    io::ignore_broken_pipes();

    // Few arenas: workers allocate little, and each arena keeps pages. Fixed thresholds: large buffers go back at once.
    ::mallopt(M_ARENA_MAX, 2);
    ::mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);

    // Twice the processors: half of what workers do waits for a disk.
    const unsigned workers = std::clamp(2 * std::thread::hardware_concurrency(), 4u, 32u);
    ::setenv("UV_THREADPOOL_SIZE", std::to_string(workers).c_str(), 0);
}

void trim_memory() {
    ::malloc_trim(0);
}

} // namespace davit::api
