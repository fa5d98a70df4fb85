#!/usr/bin/env python3
"""What depends on the kernel: overlay mounts, cgroup v2, namespaces, the bridge and its firewall, adoption. With a stock of
sandboxes and without one, and on plain copies in place of overlays.

Run in a machine of its own by tests/vm/run. On this kernel: tests/own_world python3 tests/python_tap.py tests/vm/kernel_test.py
"""

import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/integration"), str(ROOT / "images")]
import attack_world
import host_state
from oci_layout import Tar
from private_engine import PrivateEngine

CGROUPS = pathlib.Path("/sys/fs/cgroup")
HAS_CGROUP_V2 = (CGROUPS / "cgroup.controllers").exists()
# The bridge, the firewall's table and the cgroup above all containers are the engine's own, and may outlive it.
OF_THE_ENGINE = r"^link davit-test0 |^nftables |/davit is left"
MANY_LAYERS = 100
GATEWAY = "10.213.0.1"
# Tells each client the address that it comes from.
OTHER_MACHINE = """
import os, socket
print("up", flush=True)
input()
os.system("ip address add 198.51.100.2/24 dev inner; ip link set inner up")
server = socket.create_server(("198.51.100.2", 8000))
print("serving", flush=True)
connection, address = server.accept()
connection.sendall(address[0].encode())
"""

needs_cgroup_v2 = unittest.skipUnless(HAS_CGROUP_V2, "the cgroups here are v1")


def eventually(look, seconds=30):
    """The first true answer of `look`, or its last."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class OneEngine(unittest.TestCase):
    """An engine with the settings `flags`, the sample image, and a look at what was left in the end."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.before = host_state.snapshot()
        cls.engine = PrivateEngine(*cls.flags).start()
        cls.addClassCleanup(cls.engine.destroy)
        cls.client, cls.layers = cls.engine.client, attack_world.sample_layers()
        cls.image = cls.push("sample")

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()  # fails when a process or a mount is left
        if left := host_state.settled(cls.before, OF_THE_ENGINE):
            raise AssertionError("\n".join(left))

    @classmethod
    def push(cls, name, *tars):
        return attack_world.pull_with_layers(cls.engine, cls.layers, name, *tars)

    def start(self, script, image=None, **host):
        container = self.client.run(image or self.image, ["sh", "-c", script], HostConfig=host)
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        return container

    def run_through(self, script, image=None, **host):
        """(exit code, standard output, standard error) of a container that ran to its end."""
        container = self.start(script, image, **host)
        code = self.client.wait(container)
        out, err = self.client.output(container)
        return code, out.decode(), err.decode()

    def says(self, script, image=None, **host):
        """What a container printed that must have gone well."""
        code, out, err = self.run_through(script, image, **host)
        self.assertEqual((code, err), (0, ""), out)
        return out

    def inspect(self, container):
        return self.client.get(f"/containers/{container}/json").json()

    def address(self, container):
        return self.inspect(container)["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]

    def cgroup(self, container, parent="davit"):
        return CGROUPS / parent / container


class RootFileSystem:
    def test_exit_code_and_both_outputs_come_back(self):
        self.assertEqual(self.run_through("echo out; echo err >&2; exit 7"), (7, "out\n", "err\n"))

    def test_what_a_container_writes_is_its_own_and_outlives_a_restart(self):
        script = "[ ! -e /note ] || cat /note; echo written >>/note; rm -f /etc/welcome; ls /etc"
        container = self.start(script)
        self.client.wait(container)
        self.assertEqual(self.client.post(f"/containers/{container}/start").status, 204)
        self.client.wait(container)
        out, err = self.client.output(container)
        listing = "group\nhostname\nhosts\nos-release\npasswd\nresolv.conf\nshadow\n"
        self.assertEqual((out.decode().replace("mtab\n", ""), err), (listing + "written\n" + listing, b""))
        self.assertEqual(self.says("ls /note 2>/dev/null; head -n1 /etc/welcome"), "Hello from Davit.\n")

    def test_upper_layers_hide_and_replace_what_is_below(self):
        first = Tar().folder("data/").file("data/gone", "x").file("data/kept", "1").folder("whole/").file("whole/old", "x")
        second = Tar().folder("data/").file("data/.wh.gone", "").file("data/kept", "2")
        third = Tar().folder("whole/").file("whole/.wh..wh..opq", "").file("whole/new", "x")
        image = self.push("hiding", first, second, third)
        self.assertEqual(self.says("ls /data /whole; cat /data/kept", image), "/data:\nkept\n\n/whole:\nnew\n2")
        self.assertEqual(self.says("mv /whole /moved && mkdir /whole && echo y >/data/gone && ls /whole /moved /data", image),
                         "/data:\ngone\nkept\n\n/moved:\nnew\n\n/whole:\n")

    def test_an_image_of_many_layers_is_mounted_whole(self):
        image = self.push("many", *(Tar().folder("n/").file(f"n/{n}", f"{n}\n").file("last", f"{n}\n") for n in range(MANY_LAYERS)))
        self.assertEqual(self.says("ls /n | wc -l; cat /n/* | sort -n | tail -n1; cat /last", image), "100\n99\n99\n")

    def test_the_hosts_mount_table_does_not_grow(self):
        before = host_state.mounts()
        self.start("sleep 1000")
        self.assertEqual(host_state.mounts(), before)

    def test_a_root_that_is_read_only_takes_nothing(self):
        self.assertEqual(self.run_through("touch /x", ReadonlyRootfs=True), (1, "", "touch: /x: Read-only file system\n"))


class ControlGroups:
    @needs_cgroup_v2
    def test_a_container_is_in_a_cgroup_of_its_own_and_sees_it_as_the_root(self):
        container = self.start("cat /proc/self/cgroup; ls -d /sys/fs/cgroup/cgroup.procs; cat /sys/fs/cgroup/cgroup.procs; exec sleep 1000")
        out = eventually(lambda: (o := self.client.output(container)[0].decode()).count("\n") >= 4 and o)
        self.assertEqual(out.splitlines()[:3], ["0::/", "/sys/fs/cgroup/cgroup.procs", "1"])
        pid = self.inspect(container)["State"]["Pid"]
        self.assertEqual(pathlib.Path(f"/proc/{pid}/cgroup").read_text(), f"0::/davit/{container}\n")
        self.assertIn(str(pid), (self.cgroup(container) / "cgroup.procs").read_text().split())

    @needs_cgroup_v2
    def test_limits_are_written_and_are_seen_inside(self):
        files = ["memory.max", "memory.swap.max", "memory.low", "pids.max", "cpu.max", "cpu.weight", "cpuset.cpus"]
        container = self.start("cd /sys/fs/cgroup && cat " + " ".join(files) + " && exec sleep 1000", Memory=64 << 20, MemorySwap=96 << 20,
                               MemoryReservation=32 << 20, PidsLimit=20, NanoCpus=1_500_000_000, CpuShares=2048, CpusetCpus="0")
        expected = ["67108864", "33554432", "33554432", "20", "150000 100000", "79", "0"]
        self.assertEqual([(self.cgroup(container) / file).read_text().strip() for file in files], expected)
        out = eventually(lambda: (o := self.client.output(container)[0].decode()).count("\n") == len(files) and o)
        self.assertEqual(out.splitlines() if out else self.client.output(container), expected)

    @needs_cgroup_v2
    def test_a_container_without_limits_has_none(self):
        self.assertEqual(self.says("cd /sys/fs/cgroup && cat memory.max memory.swap.max pids.max cpu.max cpu.weight"),
                         "max\nmax\nmax\nmax 100000\n100\n")

    @needs_cgroup_v2
    def test_no_more_processes_than_allowed_can_be(self):
        _, _, err = self.run_through("for i in 1 2 3 4 5 6 7 8 9; do sleep 100 & done", PidsLimit=5)
        self.assertIn("can't fork", err)

    @needs_cgroup_v2
    def test_a_container_that_takes_too_much_memory_is_killed_and_says_so(self):
        container = self.start("tail /dev/zero", Memory=16 << 20, MemorySwap=16 << 20)
        self.assertEqual(self.client.wait(container), 137)
        self.assertTrue(self.inspect(container)["State"]["OOMKilled"])

    @needs_cgroup_v2
    def test_a_cgroup_inside_is_read_only_unless_privileged(self):
        self.assertIn("Read-only file system", self.run_through("mkdir /sys/fs/cgroup/x")[2])
        self.assertEqual(self.says("mkdir /sys/fs/cgroup/x && ls -d /sys/fs/cgroup/x", Privileged=True), "/sys/fs/cgroup/x\n")

    @needs_cgroup_v2
    def test_a_namespace_of_the_host_shows_the_whole_path(self):
        container = self.start("cat /proc/self/cgroup", CgroupnsMode="host")
        self.client.wait(container)
        self.assertEqual(self.client.output(container)[0].decode(), f"0::/davit/{container}\n")

    @needs_cgroup_v2
    def test_a_parent_can_be_chosen_and_hands_the_controllers_on(self):
        container = self.start("sleep 1000", CgroupParent="/test/below", PidsLimit=7)
        pid = self.inspect(container)["State"]["Pid"]
        self.assertEqual(pathlib.Path(f"/proc/{pid}/cgroup").read_text(), f"0::/test/below/{container}\n")
        self.assertEqual((self.cgroup(container, "test/below") / "pids.max").read_text(), "7\n")
        self.client.delete(f"/containers/{container}?force=1")
        self.assertTrue(eventually(lambda: not self.cgroup(container, "test/below").exists()))
        for folder in ("test/below", "test"):
            (CGROUPS / folder).rmdir()

    @needs_cgroup_v2
    def test_ends_stops_and_removals_leave_no_cgroup(self):
        for end in (lambda c: self.client.post(f"/containers/{c}/kill"), lambda c: self.client.post(f"/containers/{c}/stop?t=0"),
                    lambda c: self.client.delete(f"/containers/{c}?force=1")):
            container = self.start("sleep 1000 & sleep 1000")
            self.assertTrue(self.cgroup(container).is_dir())
            self.assertEqual(end(container).status, 204)
            self.client.delete(f"/containers/{container}?force=1")
            self.assertTrue(eventually(lambda: not self.cgroup(container).exists()), container)

    def test_devices_that_are_not_given_can_not_be_used(self):
        script = "mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem; mknod /tmp/null c 1 3 && echo x >/tmp/null && echo null works; head -c 2 /dev/zero | wc -c"
        code, out, err = self.run_through(script)
        self.assertEqual((code, out.split()), (0, ["null", "works", "2"]))
        self.assertIn("Operation not permitted", err)


class Network:
    def test_containers_reach_the_gateway_and_each_other(self):
        self.assertIn("1 packets received", self.says(f"ping -c 1 -W 10 {GATEWAY}"))
        server = self.start("echo hello from the other | nc -l -p 8000")
        address = self.address(server)
        self.assertEqual(self.says(f"for i in 1 2 3 4 5 6 7 8 9; do nc -w 10 {address} 8000 && break; sleep 0.3; done 2>/dev/null"),
                         "hello from the other\n")

    def test_what_leaves_the_bridge_has_the_hosts_address(self):
        """A namespace of its own stands for another machine: it has no route to containers."""
        other = subprocess.Popen(["unshare", "--net", sys.executable, "-c", OTHER_MACHINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for undo in (other.stdout.close, other.wait, other.kill, other.stdin.close):
            self.addCleanup(undo)
        self.assertEqual(other.stdout.readline(), b"up\n")
        subprocess.run(f"ip link add towards type veth peer name inner netns {other.pid}".split(), check=True)
        # Gone already when the other machine has gone first
        self.addCleanup(subprocess.run, "ip link del towards".split(), stderr=subprocess.DEVNULL, check=False)
        subprocess.run("ip address add 198.51.100.1/24 dev towards".split(), check=True)
        subprocess.run("ip link set towards up".split(), check=True)
        other.stdin.write(b"linked\n")
        other.stdin.flush()
        self.assertEqual(other.stdout.readline(), b"serving\n")
        self.assertEqual(self.says("nc -w 10 198.51.100.2 8000"), "198.51.100.1")

    def test_none_has_loopback_only_and_host_has_the_hosts_links(self):
        self.assertEqual(self.says("ls /sys/class/net", NetworkMode="none"), "lo\n")
        self.assertIn("davit-test0\n", self.says("ls /sys/class/net", NetworkMode="host"))


class Life:
    def test_a_killed_engine_takes_its_containers_over_with_their_cgroups_and_addresses(self):
        going = self.start("while :; do date +%s; sleep 0.2; done")
        ending = self.start("sleep 1; echo meanwhile; exit 9")
        pid, address = self.inspect(going)["State"]["Pid"], self.address(going)
        self.engine.kill()
        time.sleep(2)
        self.engine.start()
        state = self.inspect(going)["State"]
        self.assertEqual((state["Status"], state["Pid"], self.address(going)), ("running", pid, address))
        self.assertEqual((self.client.wait(ending), self.client.output(ending)[0]), (9, b"meanwhile\n"))
        lines = len(self.client.output(going)[0])
        self.assertTrue(eventually(lambda: len(self.client.output(going)[0]) > lines))
        self.assertEqual(self.client.delete(f"/containers/{going}?force=1").status, 204)
        if HAS_CGROUP_V2:
            self.assertTrue(eventually(lambda: not self.cgroup(going).exists()))
        self.assertTrue(eventually(lambda: not os.path.exists(f"/proc/{pid}")))

    def test_a_killed_shim_costs_no_container_its_end_and_no_start(self):
        going = self.start("sleep 1000")
        shims = [int(p.parent.name) for p in pathlib.Path("/proc").glob("[0-9]*/comm") if p.read_text() == "davit-shim\n"]
        parent = int(pathlib.Path(f"/proc/{self.inspect(going)['State']['Pid']}/stat").read_text().rpartition(")")[2].split()[1])
        self.assertIn(parent, shims)
        os.kill(parent, signal.SIGKILL)
        self.assertEqual(self.says("echo works"), "works\n")
        self.assertEqual(self.client.delete(f"/containers/{going}?force=1").status, 204)
        if HAS_CGROUP_V2:
            self.assertTrue(eventually(lambda: not self.cgroup(going).exists()))

    def test_an_engine_that_was_killed_with_its_shim_ends_what_ran_and_can_start_it_again(self):
        going = self.start("sleep 1000", RestartPolicy={"Name": "always"})
        ending = self.start("sleep 1000")
        time.sleep(1)  # a start does not wait for the disk: one that was not stored yet never was
        pids = [self.inspect(c)["State"]["Pid"] for c in (going, ending)]
        shim = int(pathlib.Path(f"/proc/{pids[0]}/stat").read_text().rpartition(")")[2].split()[1])
        self.engine.kill()
        os.kill(shim, signal.SIGKILL)
        self.engine.start()
        self.assertTrue(eventually(lambda: not any(is_running(pid) for pid in pids)))
        state = self.inspect(ending)["State"]
        self.assertEqual((state["Status"], state["ExitCode"]), ("exited", 137))
        self.assertTrue(eventually(lambda: self.inspect(going)["State"]["Running"]))
        self.assertEqual(self.client.post(f"/containers/{ending}/start").status, 204)
        self.assertEqual(self.client.delete(f"/containers/{going}?force=1").status, 204)

    def test_a_missing_program_gives_127_and_names_the_file(self):
        created = self.client.post("/containers/create", {"Image": self.image, "Cmd": ["no-such-program"]}).json()["Id"]
        self.addCleanup(self.client.delete, f"/containers/{created}?force=1")
        answer = self.client.post(f"/containers/{created}/start")
        self.assertIn('"no-such-program": executable file not found in $PATH', answer.message())
        self.assertEqual(self.inspect(created)["State"]["ExitCode"], 127)

    def test_the_engine_says_what_it_runs_on(self):
        about = self.client.get("/info").json()
        self.assertEqual((about["KernelVersion"], about["CgroupVersion"]), (os.uname().release, "2" if HAS_CGROUP_V2 else "1"))
        self.assertEqual(about["Driver"], "vfs" if "vfs" in self.flags else "overlay2")


class Kernel(OneEngine, RootFileSystem, ControlGroups, Network, Life):
    pass


class KernelWithoutStock(OneEngine, ControlGroups, Network, Life):
    flags = ("--sandbox-stock", "0")


class KernelWithoutOverlay(OneEngine, RootFileSystem, Life):
    flags = ("--storage-driver", "vfs")


if __name__ == "__main__":
    unittest.main()
