#include "modules/runtime/native/seccomp_rules.h"

#include <linux/capability.h>

namespace davit {
namespace {

/// Namespaces of their own are what clone's flags may not ask for.
constexpr std::uint32_t namespace_flags = 0x7E020000;

/// What every container may call, whatever its arguments.
constexpr std::string_view always_allowed =
    "_llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown "
    "chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 "
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old "
    "eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate "
    "fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr "
    "flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate "
    "ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list "
    "get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 "
    "getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid "
    "getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday "
    "getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
    "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get "
    "ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 "
    "lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat "
    "lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat "
    "mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive "
    "mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd "
    "msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause "
    "pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl "
    "pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read "
    "readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages "
    "removexattr removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction "
    "rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity "
    "sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget "
    "semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list "
    "set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups "
    "setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 "
    "setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt "
    "shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat "
    "stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill "
    "time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
    "timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times "
    "tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat "
    "utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev ";

} // namespace

const std::vector<seccomp_rule>& default_seccomp_rules() {
    using compare = argument_test::comparison;
    using arches = seccomp_rule::architectures;
    static const std::vector<seccomp_rule> rules{
        {.calls = always_allowed},
        {.calls = "process_vm_readv process_vm_writev ptrace"},
        // AF_ALG (38) shares the host's page cache, AF_VSOCK (40) reaches the hypervisor. Said as ranges: two rules
        // that each allow all but one number would together allow both.
        {.calls = "socket", .test = argument_test{compare::below, 0, 38}},
        {.calls = "socket", .test = argument_test{compare::equal, 0, 39}},
        {.calls = "socket", .test = argument_test{compare::above, 0, 40}},
        {.calls = "personality", .test = argument_test{compare::equal, 0, 0x0}},
        {.calls = "personality", .test = argument_test{compare::equal, 0, 0x8}},
        {.calls = "personality", .test = argument_test{compare::equal, 0, 0x20000}},
        {.calls = "personality", .test = argument_test{compare::equal, 0, 0x20008}},
        {.calls = "personality", .test = argument_test{compare::equal, 0, 0xffffffff}},
        {.calls = "arch_prctl modify_ldt", .on = arches::x86_only},
        {.calls = "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
         .on = arches::arm_only},
        {.calls = "open_by_handle_at", .needs = CAP_DAC_READ_SEARCH},
        {.calls =
             "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
             "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl "
             "quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
         .needs = CAP_SYS_ADMIN},
        {.calls = "clone", .test = argument_test{compare::no_bit_of, 0, namespace_flags}, .lacks = CAP_SYS_ADMIN},
        // Its flags lie in memory, where no filter can look: callers fall back to clone.
        {.calls = "clone3", .answers_not_implemented = true, .lacks = CAP_SYS_ADMIN},
        {.calls = "reboot", .needs = CAP_SYS_BOOT},
        {.calls = "chroot", .needs = CAP_SYS_CHROOT},
        {.calls = "delete_module init_module finit_module", .needs = CAP_SYS_MODULE},
        {.calls = "acct", .needs = CAP_SYS_PACCT},
        {.calls = "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
         .needs = CAP_SYS_PTRACE},
        {.calls = "iopl ioperm", .needs = CAP_SYS_RAWIO},
        {.calls = "settimeofday stime clock_settime clock_settime64", .needs = CAP_SYS_TIME},
        {.calls = "vhangup", .needs = CAP_SYS_TTY_CONFIG},
        {.calls = "get_mempolicy mbind set_mempolicy set_mempolicy_home_node", .needs = CAP_SYS_NICE},
        {.calls = "syslog", .needs = CAP_SYSLOG},
        {.calls = "bpf", .needs = CAP_BPF},
        {.calls = "perf_event_open", .needs = CAP_PERFMON},
    };
    return rules;
}

} // namespace davit
