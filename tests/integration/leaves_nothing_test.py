#!/usr/bin/env python3
"""Containers and engines that have ended leave nothing on the host; and the look that says so sees what is left."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import host_state
from private_engine import PrivateEngine
from sample_image import push_and_pull_sample

# The bridge, the firewall's table and the cgroup above all containers are the engine's own, and may outlive it.
OF_THE_ENGINE = r"^link davit-test0 |^nftables |/davit is left"


class TheLook(unittest.TestCase):
    """Each kind of thing is seen when it is left behind."""

    def assert_seen(self, arrange, undo, expected):
        before = host_state.snapshot()
        subprocess.run(arrange, check=True, shell=True)
        try:
            found = host_state.difference(before, host_state.snapshot())
        finally:
            subprocess.run(undo, check=True, shell=True)
        self.assertTrue([text for text in found if expected in text], found)
        self.assertEqual(host_state.settled(before), [])

    def test_a_mount_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assert_seen(f"mount -t tmpfs tmpfs {folder}", f"umount {folder}", f"mount {folder} (tmpfs)")

    def test_a_second_mount_at_the_same_point_is_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
            self.assert_seen(f"mount -t tmpfs tmpfs {folder}", f"umount {folder}", f"mount {folder} (tmpfs)")
            subprocess.run(["umount", folder], check=True)

    def test_a_link_is_seen(self):
        self.assert_seen("ip link add seen0 type veth peer name seen1", "ip link del seen0", "link seen1")

    def test_a_network_namespace_is_seen(self):
        subprocess.run("ip netns add first; ip netns del first", check=True, shell=True)  # makes /run/netns a mount, for good
        self.assert_seen("ip netns add seen", "ip netns del seen", "named namespace seen")

    def test_a_namespace_held_by_a_process_is_seen(self):
        self.assert_seen("unshare -n sleep 60 & echo $! >/tmp/held.pid; sleep 0.3", "kill $(cat /tmp/held.pid); rm /tmp/held.pid",
                         "network namespace net:")

    def test_a_firewall_element_is_seen(self):
        subprocess.run("nft add table ip t; nft 'add set ip t s { type inet_service; elements = { 80 } }'", check=True, shell=True)
        self.assert_seen("nft 'add element ip t s { 81 }'", "nft 'delete element ip t s { 81 }'", "nftables table ip t: 81")
        subprocess.run("nft delete table ip t", check=True, shell=True)

    def test_a_cgroup_is_seen(self):
        root = next(m.partition(" (")[0] for m in host_state.mounts() if "(cgroup" in m)
        self.assert_seen(f"mkdir {root}/seen", f"rmdir {root}/seen", f"cgroup {root}/seen")


class TheEngine(unittest.TestCase):
    def run_some(self, engine):
        image = push_and_pull_sample(engine)
        ended = engine.client.run(image, ["true"])
        self.assertEqual(engine.client.wait(ended), 0)
        running = [engine.client.run(image, ["sleep", "1000"]) for _ in range(3)]
        running.append(engine.client.run(image, ["sleep", "1000"], HostConfig={"NetworkMode": "none"}))
        return image, [ended, *running]

    def test_removed_containers_leave_the_host_as_it_was(self):
        with PrivateEngine("--sandbox-stock", "0") as engine:
            image = push_and_pull_sample(engine)
            engine.client.delete(f"/containers/{engine.client.run(image, ['true'])}?force=1")
            idle = host_state.snapshot()
            _, containers = self.run_some(engine)
            self.assertNotEqual(host_state.difference(idle, host_state.snapshot()), [])
            for container in containers:
                self.assertEqual(engine.client.delete(f"/containers/{container}?force=1").status, 204)
            self.assertEqual(host_state.settled(idle), [])

    def test_an_engine_that_ends_leaves_only_what_is_its_own(self):
        for stock in ("0", "4"):
            with self.subTest(stock=stock):
                before = host_state.snapshot()
                with PrivateEngine("--sandbox-stock", stock) as engine:
                    self.run_some(engine)  # stop() removes them, and fails when a process or a mount is left
                self.assertEqual(host_state.settled(before, OF_THE_ENGINE), [])

    def test_containers_of_a_killed_engine_are_removed_by_the_next(self):
        before = host_state.snapshot()
        engine = PrivateEngine().start()
        try:
            _, containers = self.run_some(engine)
            engine.kill()
            engine.start()
            running = {c["Id"] for c in engine.client.get("/containers/json").json()}
            self.assertEqual(running, set(containers[1:]))
            engine.stop()
        except BaseException:
            engine.destroy()
            raise
        self.assertEqual(host_state.settled(before, OF_THE_ENGINE), [])
