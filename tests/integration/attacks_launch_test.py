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
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_world import SECRET, AttackTest, Tar


class LaunchAttacks(AttackTest):
    environment = {"LEAK": SECRET}

    def test_a_working_directory_on_a_descriptor_reaches_no_host_file(self):
        for number in (*range(3, 24), 60, 77):
            for place in (f"/proc/self/fd/{number}", f"/proc/1/fd/{number}"):
                self.sh(f"cat ../../../../..{self.canary}/token ..{self.canary}/token", WorkingDir=place)
        self.push("workdir", config={"WorkingDir": "/proc/self/fd/8"})
        self.sh(f"cat ../../../../..{self.canary}/token", image=f"{self.engine.registry}/workdir:latest")

    def test_a_working_directory_through_a_link_is_made_inside(self):
        image = self.push("workdir-link", Tar().symlink("a", str(self.canary)), config={"WorkingDir": "/a/b", "User": "1000"})
        self.sh("pwd; cat /a/token", image=image)

    def test_links_for_proc_sys_and_dev_are_refused_or_stay_inside(self):
        for name, tar in {
            "proc": Tar().symlink("proc", "/tmp/p"), "proc-root": Tar().symlink("proc", "/"), "sys": Tar().symlink("sys", "/tmp/s"),
            "dev": Tar().symlink("dev", str(self.canary)), "dev-up": Tar().symlink("dev", "../../../.." + str(self.canary)),
        }.items():
            with self.subTest(name):
                self.assert_refused(self.sh("ls /proc/1", image=self.push(f"link-{name}", tar)))

    def test_files_of_the_engine_are_not_written_through_links(self):
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
        image = self.push("passwd", Tar().file("etc/passwd", "1000:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n"))
        self.assertEqual(self.sh("id -u", image=image, User="1000").strip(), "1000")
        for user in ("2147483648", "4294967296", "-1", "1:4294967296", "1:-1", "99999999999999999999"):
            with self.subTest(user):
                self.assert_refused(self.sh("id -u", image=image, User=user))

    def test_passwd_files_that_are_none_are_answered_and_not_followed(self):
        for name, tar in {
            "fifo": Tar().fifo("etc/passwd").fifo("etc/group"),
            "link": Tar().symlink("etc/passwd", str(self.canary / "token")).symlink("etc/group", str(self.canary / "token")),
            "zero": Tar().symlink("etc/passwd", "/dev/zero").symlink("etc/group", "/dev/zero"),
            "wide": Tar().file("etc/passwd", b"x" * (8 << 20)).file("etc/group", b"g:x:1:a\n" * 400000),
        }.items():
            with self.subTest(name):
                self.assert_refused(self.sh("id", image=self.push(f"passwd-{name}", tar), User="somebody:some"))

    def test_a_newline_adds_no_line_to_the_files_of_a_container(self):
        evil = "x\n6.6.6.6 injected"
        for options in (
            {"Hostname": evil}, {"Domainname": evil}, {"host": {"Dns": [evil]}}, {"host": {"DnsSearch": [evil]}},
            {"host": {"DnsOptions": [evil]}}, {"host": {"ExtraHosts": ["h:1.2.3.4\n6.6.6.6 injected"]}},
        ):
            with self.subTest(str(options)):
                self.assert_refused(self.sh("cat /etc/hosts /etc/hostname /etc/resolv.conf", **options), "400")
        self.assert_refused(self.sh("cat /etc/passwd", Env=["HOME=" + evil]), "HOME")

    def test_an_image_says_nothing_about_its_isolation(self):
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
        said = self.ran("cat /proc/net/unix", host={"NetworkMode": "host"})
        self.assertIn("RefCount", said)
        self.assertFalse([line for line in said.splitlines() if "@" in line and "davit" in line])

    def test_containers_made_side_by_side_keep_their_values_to_themselves(self):
        def one(number):
            return self.ran("echo $TOKEN $(id -u)", Env=[f"TOKEN=t{number}"], User=str(2000 + number)).strip()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(list(pool.map(one, range(40))), [f"t{n} {2000 + n}" for n in range(40)])

    def test_the_engines_environment_and_descriptors_stay_outside(self):
        said = self.ran("env; tr '\\0' '\\n' </proc/1/environ; set -- /proc/self/fd/*; ls /proc/self/fd")
        self.assertIn("PATH=", said)
        self.assertNotIn("DAVIT_TEST_ENGINE", said)
        self.assertLessEqual(set(re.findall(r"^\d+$", said, re.M)), {"0", "1", "2", "3"})

    def test_a_preloaded_library_of_an_image_touches_nothing_outside(self):
        image = self.push("preload", config={"Env": ["LD_PRELOAD=/e.so", "GCONV_PATH=/e", "PATH=/bin"]})
        self.assertEqual(self.ran("echo ran", image=image), "ran\n")

    def test_cgroups_can_not_be_written(self):
        for mode in ("private", "host"):
            said = self.ran("cd /sys/fs/cgroup && for d in . *; do mkdir $d/evil && echo MADE; (echo 1 >$d/cgroup.procs) && echo MOVED; "
                           "(echo /x >$d/release_agent) && echo AGENT; done 2>/dev/null; true", host={"CgroupnsMode": mode})
            for word in ("MADE", "MOVED", "AGENT"):
                self.assertNotIn(word, said, mode)

    def test_devices_of_the_host_are_out_of_reach(self):
        said = self.ran("for d in 'b 8 0' 'c 1 1' 'b 7 0' 'c 10 229'; do rm -f /n; mknod /n $d && head -c 1 /n >/dev/null && echo READ; done 2>&1; true")
        self.assertNotIn("READ", said)

    def test_what_is_masked_shows_nothing_and_what_is_read_only_stays(self):
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
