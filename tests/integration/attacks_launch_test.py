#!/usr/bin/env python3
"""Attacks on the launch of a container, through the API with hostile images and requests: each fails.

Covered here: working directories on descriptors and through links; links for /proc, /sys, /dev, /etc and the files that the
engine puts there; capability sets; users that overflow or are looked up as names; passwd files that are none; newlines in host
names; images that steer the engine; shim sockets; values of other containers; the engine's environment; cgroups; devices; masked
paths; stdio. Races with swapped links, keyrings, groups, oversized plans, sysctls, sealed programs and namespaces from inside are
in tests/modules/runtime/native/launch_attacks_test.cpp; the system call filter in seccomp_profile_test.cpp beside it; hostile
layers in pull_lies_test.py and tests/modules/images/layer_unpack_test.cpp.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/attacks_launch_test.py [WORD]
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_world import SECRET, AttackTest, Tar
from private_engine import program
from waiting import awaited


class LaunchAttacks(AttackTest):
    environment = {"LEAK": SECRET}

    @classmethod
    def setUpClass(cls):
        """The engine is started by somebody who leaks the host's root and a listening socket (runc 1.1.12's hardening note)."""
        cls.listener = socket.create_server(("127.0.0.1", 0))
        cls.addClassCleanup(cls.listener.close)
        leaked = [os.open("/", os.O_PATH | os.O_DIRECTORY), cls.listener.fileno()]
        for number, fd in zip((77, 78), leaked):
            os.dup2(fd, number, inheritable=True)
            cls.addClassCleanup(os.close, number)
        os.close(leaked[0])
        cls.process = {"pass_fds": (77, 78)}
        super().setUpClass()

    def test_a_working_directory_on_a_descriptor_reaches_no_host_file(self):
        """CVE-2024-21626."""
        for number in (*range(3, 24), 60, 77):
            for place in (f"/proc/self/fd/{number}", f"/proc/1/fd/{number}"):
                self.sh(f"cat ../../../../..{self.canary}/token ..{self.canary}/token", WorkingDir=place)
        for number in (7, 77):
            image = self.push(f"workdir-link-{number}", Tar().symlink("w", f"/proc/self/fd/{number}").symlink("x", "w"))
            for place in ("/w", "/x", "/w/a"):
                self.sh(f"cat ../../../../..{self.canary}/token ..{self.canary}/token", image=image, WorkingDir=place)
        self.push("workdir", config={"WorkingDir": "/proc/self/fd/8"})
        self.sh(f"cat ../../../../..{self.canary}/token", image=f"{self.engine.registry}/workdir:latest")

    def test_a_working_directory_through_a_link_is_made_inside(self):
        """CVE-2026-55686."""
        image = self.push("workdir-link", Tar().symlink("a", str(self.canary)), config={"WorkingDir": "/a/b", "User": "1000"})
        self.sh("pwd; cat /a/token", image=image)

    def test_links_for_proc_sys_and_dev_are_refused_or_stay_inside(self):
        """CVE-2023-28642, CVE-2019-19921, CVE-2023-27561, CVE-2026-41579."""
        for name, tar in {
            "proc": Tar().symlink("proc", "/tmp/p"), "proc-root": Tar().symlink("proc", "/"), "sys": Tar().symlink("sys", "/tmp/s"),
            "dev": Tar().symlink("dev", str(self.canary)), "dev-up": Tar().symlink("dev", "../../../.." + str(self.canary)),
        }.items():
            with self.subTest(name):
                self.assert_refused(self.sh("ls /proc/1", image=self.push(f"link-{name}", tar)))

    def test_files_of_the_engine_are_not_written_through_links(self):
        """CVE-2024-5154, CVE-2025-24965, CVE-2025-9566, CVE-2024-9341."""
        token = str(self.canary / "token")
        tars = {
            "etc": Tar().symlink("etc", str(self.canary)),
            "files": Tar().symlink("etc/hosts", token).symlink("etc/hostname", token).symlink("etc/resolv.conf", token)
            .symlink("etc/mtab", token).symlink(".dockerenv", token).symlink("run", str(self.canary)).symlink("sbin", str(self.canary)),
            "shm": Tar().folder("dev/").symlink("dev/shm", str(self.canary)).symlink("dev/pts", str(self.canary)),
        }
        for name, tar in tars.items():
            with self.subTest(name):
                image = self.push(f"files-{name}", tar)
                self.sh("cat /etc/* /run/* /.dockerenv; touch /dev/shm/x", image=image)
                self.sh("true", image=image, host={"NetworkMode": "none"})

    def test_no_capability_can_be_inherited_and_other_users_have_none(self):
        """CVE-2022-24769, CVE-2022-29162; CVE-2016-8867, CVE-2018-10856, CVE-2021-20188."""
        said = self.ran("grep Cap /proc/self/status")
        self.assertRegex(said, r"CapInh:\s*0+\n")
        self.assertRegex(said, r"CapAmb:\s*0+\n")
        said = self.ran("grep -E 'Cap|Uid' /proc/self/status; cat /etc/shadow", User="1000", host={"CapAdd": ["SYS_ADMIN"]})
        for kind in ("Inh", "Prm", "Eff", "Amb"):
            self.assertRegex(said, rf"Cap{kind}:\s*0+\n")
        self.assertIn("Permission denied", said)
        self.assertNotIn("root:*", said)
        self.assertRegex(self.ran("grep CapBnd /proc/self/status", host={"CapDrop": ["ALL"]}), r"CapBnd:\s*0+\n")

    def test_digits_are_a_number_and_never_overflow_to_root(self):
        """CVE-2016-3697, CVE-2018-9862, CVE-2024-40635, CVE-2026-46680."""
        image = self.push("passwd", Tar().file("etc/passwd", "1000:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n"))
        self.assertEqual(self.sh("id -u", image=image, User="1000").strip(), "1000")
        for user in ("2147483648", "4294967296", "-1", "1:4294967296", "1:-1", "99999999999999999999"):
            with self.subTest(user):
                self.assert_refused(self.sh("id -u", image=image, User=user))

    def test_passwd_files_that_are_none_are_answered_and_not_followed(self):
        """CVE-2026-47262, CVE-2025-4437, CVE-2024-9676."""
        for name, tar in {
            "fifo": Tar().fifo("etc/passwd").fifo("etc/group"),
            "link": Tar().symlink("etc/passwd", str(self.canary / "token")).symlink("etc/group", str(self.canary / "token")),
            "zero": Tar().symlink("etc/passwd", "/dev/zero").symlink("etc/group", "/dev/zero"),
            "wide": Tar().file("etc/passwd", b"x" * (8 << 20)).file("etc/group", b"g:x:1:a\n" * 400000),
        }.items():
            with self.subTest(name):
                self.assert_refused(self.sh("id", image=self.push(f"passwd-{name}", tar), User="somebody:some"))

    def test_a_newline_adds_no_line_to_the_files_of_a_container(self):
        """CVE-2022-4318."""
        evil = "x\n6.6.6.6 injected"
        for options in (
            {"Hostname": evil}, {"Domainname": evil}, {"host": {"Dns": [evil]}}, {"host": {"DnsSearch": [evil]}},
            {"host": {"DnsOptions": [evil]}}, {"host": {"ExtraHosts": ["h:1.2.3.4\n6.6.6.6 injected"]}},
        ):
            with self.subTest(str(options)):
                self.assert_refused(self.sh("cat /etc/hosts /etc/hostname /etc/resolv.conf", **options), "400")
        self.assert_refused(self.sh("cat /etc/passwd", Env=["HOME=" + evil]), "HOME")

    def test_an_image_says_nothing_about_its_isolation(self):
        """CVE-2014-6408, CVE-2026-94603, CVE-2026-53488, CVE-2024-3154, CVE-2023-6476."""
        keys = {"HostConfig": {"Privileged": True, "SecurityOpt": ["seccomp=unconfined"], "CapAdd": ["ALL"]}, "Privileged": True,
                "SecurityOpt": ["seccomp=unconfined"], "CapAdd": ["ALL"], "Devices": [{"PathOnHost": "/dev/sda"}]}
        marker = str(self.canary / "marker")
        labels = {"io.containers.seccomp": "unconfined", "io.podman.annotations.seccomp": "unconfined", "run.oci.keep_original_groups": "1",
                  "io.containerd.runtime.log.uri": f"binary:///bin/touch?{marker}", "org.systemd.property.MemoryMax": "1"}
        image = self.push("steering", config={"Labels": labels, **keys}, **keys)
        said = self.ran("grep -E 'Seccomp:|CapEff' /proc/self/status", image=image)
        self.assertRegex(said, r"Seccomp:\s*2\n")
        self.assertIn(re.search(r"CapEff:\s*\w+", said)[0], self.ran("grep CapEff /proc/self/status"))
        container = self.create("true", image=image).json()["Id"]
        host = self.client.get(f"/containers/{container}/json").json()["HostConfig"]
        self.assertEqual((host["Privileged"], host["SecurityOpt"] or [], host["CapAdd"] or []), (False, [], []))

    def test_a_container_on_the_hosts_network_meets_no_socket_of_the_engine(self):
        """CVE-2020-15257."""
        said = self.ran("cat /proc/net/unix", host={"NetworkMode": "host"})
        self.assertIn("RefCount", said)
        self.assertFalse([line for line in said.splitlines() if "@" in line and "davit" in line])

    def test_containers_made_side_by_side_keep_their_values_to_themselves(self):
        """CVE-2021-21334, CVE-2020-14370."""
        def one(number):
            return self.ran("echo $TOKEN $(id -u)", Env=[f"TOKEN=t{number}"], User=str(2000 + number)).strip()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(list(pool.map(one, range(40))), [f"t{n} {2000 + n}" for n in range(40)])

    def test_the_engines_environment_and_descriptors_stay_outside(self):
        """CVE-2021-3602, and descriptors that the engine was started with."""
        said = self.ran("env; tr '\\0' '\\n' </proc/1/environ; set -- /proc/self/fd/*; ls /proc/self/fd")
        self.assertIn("PATH=", said)
        self.assertNotIn("DAVIT_TEST_ENGINE", said)
        self.assertLessEqual(set(re.findall(r"^\d+$", said, re.M)), {"0", "1", "2", "3"})
        for process in (self.engine.pid, *self.engine.shims()):
            held = [fd for fd in pathlib.Path(f"/proc/{process}/fd").iterdir() if os.path.exists(fd)]
            # By what it is: the engine may hold the root of a container that has just ended, whose name is "/" as well.
            self.assertFalse([fd for fd in held if os.path.exists(fd) and os.path.samefile(fd, "/")])
            self.assertNotIn(f"socket:[{os.fstat(self.listener.fileno()).st_ino}]",
                             {os.readlink(fd) for fd in held if os.path.lexists(fd)})

    def test_a_preloaded_library_of_an_image_touches_nothing_outside(self):
        """CVE-2025-23266."""
        image = self.push("preload", config={"Env": ["LD_PRELOAD=/e.so", "GCONV_PATH=/e", "PATH=/bin"]})
        self.assertEqual(self.ran("echo ran", image=image), "ran\n")

    def test_cgroups_can_not_be_written(self):
        """CVE-2023-25809, CVE-2022-0492."""
        for mode in ("private", "host"):
            said = self.ran("cd /sys/fs/cgroup && for d in . *; do mkdir $d/evil && echo MADE; (echo 1 >$d/cgroup.procs) && echo MOVED; "
                           "(echo /x >$d/release_agent) && echo AGENT; done 2>/dev/null; true", host={"CgroupnsMode": mode})
            for word in ("MADE", "MOVED", "AGENT"):
                self.assertNotIn(word, said, mode)

    def test_devices_of_the_host_are_out_of_reach(self):
        """GHSA-g54h-m393-cpwq."""
        said = self.ran("for d in 'b 8 0' 'c 1 1' 'b 7 0' 'c 10 229'; do rm -f /n; mknod /n $d && head -c 1 /n >/dev/null && echo READ; done 2>&1; true")
        self.assertNotIn("READ", said)

    def test_what_is_masked_shows_nothing_and_what_is_read_only_stays(self):
        """CVE-2018-10892, CVE-2015-3630, CVE-2017-16539, GHSA-6fw5-f8r9-fgfm, GHSA-7ww5-4wqc-m92c."""
        files = "/proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats /proc/interrupts"
        self.assertEqual(self.ran(f"for f in {files}; do [ ! -e $f ] || head -c 100 $f; done 2>/dev/null; true"), "")
        folders = "/proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap"
        self.assertEqual(self.ran(f"for d in {folders}; do [ ! -e $d ] || ls -A $d; done"), "")
        self.assertEqual(self.ran("for d in /sys/devices/system/cpu/cpu*/thermal_throttle; do [ ! -e $d ] || ls -A $d; done"), "")
        before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
        said = self.ran("for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/vm/drop_caches /proc/irq/default_smp_affinity "
                       "/sys/kernel/uevent_helper; do (echo 0 >$f) && echo WROTE; done 2>/dev/null; touch /proc/bus/x /proc/fs/x && echo WROTE; true")
        self.assertNotIn("WROTE", said)
        self.assertEqual(pathlib.Path("/proc/sys/kernel/core_pattern").read_text(), before)

    def test_stdio_is_no_file_of_the_host(self):
        """Row "stdio as host file"."""
        said = self.ran("for n in 0 1 2; do readlink /proc/self/fd/$n; done; : >/proc/self/fd/1; echo still here")
        for line in said.splitlines()[:3]:
            self.assertRegex(line, r"^(pipe:|socket:|/dev/null|/dev/pts)")
        self.assertIn("still here", said)

    def test_namespaces_are_the_containers_own(self):
        host = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("pid", "mnt", "uts", "ipc", "net", "cgroup")}
        said = self.ran("for k in pid mnt uts ipc net cgroup; do readlink /proc/self/ns/$k; done; unshare -U true && echo USERNS")
        self.assertNotIn("USERNS", said)
        for name in host.values():
            self.assertNotIn(name, said)

    def test_a_root_that_is_taken_away_uncovers_nothing(self):
        """Who may unmount can uncover what the container's root was put upon: an empty folder that nobody can fill."""
        container = self.client.run(self.image, ["sh", "-c", "umount -l / && exec sleep 600"],
                                    HostConfig={"CapAdd": ["SYS_ADMIN"], "SecurityOpt": ["seccomp=unconfined"]})
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        pid = self.client.get(f"/containers/{container}/json").json()["State"]["Pid"]
        awaited(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes, lambda command: command.startswith(b"sleep"))
        look = ("import ctypes, errno, os, sys\n"
                "ctypes.CDLL(None).setns(os.open(f'/proc/{sys.argv[1]}/ns/mnt', os.O_RDONLY), 0)\n"
                "print([(folder, names, files) for folder, names, files in os.walk('/')])\n"
                "try: os.mkdir('/host/made')\n"
                "except OSError as e: print(e.errno == errno.EROFS)\n")
        self.assertEqual(subprocess.run([sys.executable, "-c", look, str(pid)], capture_output=True, text=True, timeout=60).stdout,
                         "[('/', ['host'], []), ('/host', [], [])]\nTrue\n")

    def test_an_entrypoint_that_is_whoever_started_it_overwrites_no_program(self):
        """CVE-2019-5736; launch_attacks_test.cpp looks at the sealed copy itself."""
        def hashes():
            return {name: hashlib.sha256(pathlib.Path(program(name)).read_bytes()).hexdigest() for name in ("davitd", "davit-shim")}

        before = hashes()
        image = self.push("self", Tar().file("evil", "#!/proc/self/exe\n", 0o755))
        self.attempt("/evil", image=image)
        self.attempt("/proc/self/exe", image=image)
        spy = "for n in 1 2 3 4 5 6 7 8 9; do for p in /proc/*/exe; do (: 9<>$p) && echo OPENED $(readlink $p); done; done 2>/dev/null; true"
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for said in pool.map(lambda _: self.ran(spy), range(12)):
                self.assertNotIn("davit", said)
        self.assertEqual(hashes(), before)

    def test_a_file_capability_raises_nobody_who_may_not_have_it(self):
        """CVE-2022-24769: an inheritable file capability gains nothing; a permitted one, kept from the image, does."""
        busybox = pathlib.Path("/bin/busybox").read_bytes()
        raw = 1 << 13

        def attribute(permitted, inheritable):
            data = b"".join(n.to_bytes(4, "little") for n in (0x02000001, permitted, inheritable, 0, 0))
            return {"SCHILY.xattr.security.capability": data.decode()}

        image = self.push("filecaps", Tar().file("bin/busybox-inherits", busybox, 0o755, pax=attribute(0, raw))
                          .file("bin/busybox-raises", busybox, 0o755, pax=attribute(raw, 0)))
        said = self.ran("for n in inherits raises; do echo $n; busybox-$n grep CapEff /proc/self/status; done", image=image, User="1000")
        self.assertRegex(said, r"inherits\nCapEff:\s*0+\nraises\nCapEff:\s*0+2000\n")
        said = self.ran("busybox-raises grep CapEff /proc/self/status", image=image, User="1000", host={"SecurityOpt": ["no-new-privileges"]})
        self.assertRegex(said, r"CapEff:\s*0+\n")

    def test_another_user_has_no_capability_even_when_privileged(self):
        """CVE-2018-10856, CVE-2025-27612."""
        said = self.ran("grep Cap /proc/self/status; cat /etc/shadow", User="1000", host={"Privileged": True})
        for kind in ("Inh", "Prm", "Eff", "Amb"):
            self.assertRegex(said, rf"Cap{kind}:\s*0+\n")
        self.assertIn("Permission denied", said)
        self.assertNotIn("root:*", said)

    def test_the_primary_group_is_among_the_groups_and_can_not_be_shed(self):
        """CVE-2022-36109, CVE-2022-2990, CVE-2022-2995, CVE-2023-25173."""
        image = self.push("groups", Tar().file("kept", "not for group 1000", 0o604, uid=7, gid=1000)
                          .file("bin/busybox-group", pathlib.Path("/bin/busybox").read_bytes(), 0o2755, gid=2000))
        said = self.ran("grep Groups /proc/self/status; busybox-group id -g; busybox-group cat /kept; true", image=image, User="1000:1000")
        self.assertRegex(said, r"Groups:\s*1000 *\n(1000|2000)\n")
        self.assertNotIn("not for", said)

    def test_sysctls_of_the_host_stay_as_they_are(self):
        """CVE-2022-0811, GHSA-w2j5-3rcx-vx7x."""
        before = {p: pathlib.Path(p).read_text() for p in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/shmmax", "/proc/sys/net/ipv4/ip_forward")}
        for path, value in before.items():
            self.addCleanup(pathlib.Path(path).write_text, value)  # the host's own, should one have been written
        for keys, mode in (
            ({"kernel.core_pattern": "x"}, {}), ({"kernel.shm_rmid_forced": "1+kernel.core_pattern=x"}, {}), ({"kernel/core_pattern": "x"}, {}),
            ({"net/../kernel/core_pattern": "x"}, {}), ({"net.ipv4.ip_forward": "0"}, {"NetworkMode": "host"}), ({"kernel.shmmax": "1"}, {"IpcMode": "host"}),
            ({"net.ipv4.ip_forward\nkernel.core_pattern": "0"}, {}), ({"net.../kernel.core_pattern": "x"}, {}), ({"": "x"}, {}),
        ):
            with self.subTest(str(keys)):
                self.assert_refused(self.sh("true", host={"Sysctls": keys, **mode}))
        self.assertEqual({p: pathlib.Path(p).read_text() for p in before}, before)
        self.assertIn("17\n", self.ran("cat /proc/sys/net/core/somaxconn", host={"Sysctls": {"net.core.somaxconn": "17"}}))

    def test_a_plan_beyond_every_bound_is_an_error_and_no_sandbox(self):
        """CVE-2021-43784; launch_attacks_test.cpp sends such plans to the shim itself."""
        self.assert_refused(self.sh("true", Env=["TOO_LONG=" + "x" * (2 << 20)]))
        self.assert_refused(self.sh("true", Env=[f"V{n}=" + "x" * 100_000 for n in range(35)]))
        said = self.sh("readlink /proc/self/ns/net /proc/self/ns/mnt; readlink /proc/self/ns/net",  # a refusal is as good
                       host={"Tmpfs": {f"/{'d' * 200}/{n}": "" for n in range(2000)}})
        self.assertNotIn(os.readlink("/proc/self/ns/net"), said)
        self.assertIn("lives", self.ran("echo lives"))

    def test_devices_stay_out_of_reach_when_the_engine_is_replaced(self):
        """GHSA-g54h-m393-cpwq: before and after another engine has adopted the container."""
        trap = "trap 'rm -f /n; mknod /n b 8 0 && head -c 1 /n && echo READ; mknod /m c 1 1 && head -c 1 /m && echo READ; echo TRIED' USR1"
        container = self.client.run(self.image, ["sh", "-c", f"{trap}; echo set; while :; do sleep 0.05; done"])
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        follow = f"/containers/{container}/logs?stdout=1&stderr=1&follow=1"
        for count in (1, 2):
            with self.client.connect() as connection:
                connection.send_request("GET", follow)
                seen, pieces = b"", connection.pieces(*connection.read_head()[::2])
                while b"set" not in seen:
                    seen += next(pieces)
                self.client.post(f"/containers/{container}/kill?signal=USR1")
                while seen.count(b"TRIED") < count:
                    seen += next(pieces)
            self.assertNotIn(b"READ", seen)
            if count == 1:
                self.engine.kill()
                self.engine.start()
                self.pid = self.engine.pid

    def test_what_fills_memory_is_counted_as_the_containers(self):
        """Row "tmpfs and shm"."""
        for place in ("/t", "/dev/shm"):
            said = self.sh(f"dd if=/dev/zero of={place}/x bs=1M count=200 && echo WROTE-ALL", host={"Memory": 32 << 20, "MemorySwap": 32 << 20, "Tmpfs": {"/t": "rw"}, "ShmSize": 1 << 30})
            self.assertNotIn("WROTE-ALL", said)
            self.assertNotIn("refused: 4", said)
