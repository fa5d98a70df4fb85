#!/usr/bin/env python3
"""Engines that are killed while containers start, stop and go: afterwards every container is in an honest state, and once all
are removed nothing is left on the host. The same for a shim that is killed.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/containers_crash_test.py [WORD]
"""

import os
import pathlib
import random
import signal
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import host_state
from containers_test import push_and_pull_sample
from engine import Client
from private_engine import PrivateEngine

# The bridge, the firewall's table and the cgroup above all containers are the engine's own, and may outlive it.
OF_THE_ENGINE = r"^link davit-test0 |^nftables |/davit is left"
CONTAINERS = 50


def processes_named(name):
    """Of this world, in which nobody else runs an engine."""
    return [int(p.parent.name) for p in pathlib.Path("/proc").glob("[0-9]*/comm") if p.read_text().strip() == name]


class Worker(threading.Thread):
    """Starts, stops and removes its containers, whatever the engine answers, until it is told to end."""

    def __init__(self, socket, image, names, seed):
        super().__init__()
        self.client, self.image, self.names = Client(socket), image, names
        self.random, self.is_over = random.Random(seed), threading.Event()

    def run(self):
        while not self.is_over.is_set():
            name = self.random.choice(self.names)
            try:
                self.one_step(name)
            except (OSError, EOFError, ValueError):
                time.sleep(0.02)  # the engine has just been killed

    def one_step(self, name):
        what = self.random.choice(["run", "run", "run", "stop", "remove"])
        if what == "run":
            command = self.random.choice([["sleep", "600"], ["sh", "-c", "echo x; exit 3"]])
            self.client.post(f"/containers/create?name={name}", {"Image": self.image, "Cmd": command})
            self.client.post(f"/containers/{name}/start")
        elif what == "stop":
            self.client.post(f"/containers/{name}/stop?t=0")
        else:
            self.client.delete(f"/containers/{name}?force=1")


class Crashes(unittest.TestCase):
    def setUp(self):
        self.before = host_state.snapshot()
        self.engine = PrivateEngine().start()
        self.addCleanup(self.engine.destroy)
        self.image = push_and_pull_sample(self.engine)

    def containers(self):
        return [self.engine.client.get(f"/containers/{c['Id']}/json").json()
                for c in self.engine.client.get("/containers/json?all=1").json()]

    def assert_states_are_honest(self):
        for container in self.containers():
            state = container["State"]
            self.assertIn(state["Status"], ("created", "running", "exited"), container["Name"])
            if state["Running"]:
                try:
                    command = pathlib.Path(f"/proc/{state['Pid']}/cmdline").read_bytes().split(b"\0")[0].decode()
                except FileNotFoundError:
                    command = ""
                if command != container["Path"]:  # it has ended just now, then
                    time.sleep(0.5)
                    again = self.engine.client.get(f"/containers/{container['Id']}/json").json()["State"]
                    self.assertFalse(again["Running"], f"{again} but its process is {command!r}")
            elif state["Status"] == "exited":
                self.assertIn(state["ExitCode"], (0, 3, 5, 137, 143), container["Name"])
                self.assertEqual(state["Pid"], 0)
        addresses = [c["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] for c in self.containers() if c["State"]["Running"]]
        self.assertEqual(len(set(addresses)), len(addresses), "an address was given away twice")
        self.assertNotIn("", addresses)

    def assert_nothing_stays(self):
        self.engine.remove_containers()
        self.assertEqual(self.engine.client.get("/containers/json?all=1").json(), [])
        for left in ("containers", "overlay2"):
            folder = pathlib.Path(self.engine.data_root, left)
            end = time.monotonic() + 10
            while (entries := [e.name for e in folder.glob("*") if len(e.name) == 64 and e.is_dir() and left == "containers"]) \
                    and time.monotonic() < end:
                time.sleep(0.05)
            self.assertEqual(entries, [])
        self.engine.stop()
        self.assertEqual(host_state.settled(self.before, OF_THE_ENGINE), [])

    def test_an_engine_killed_at_any_moment_comes_back_to_honest_states(self):
        seed = int(os.environ.get("DAVIT_SEED", random.randrange(1 << 30)))
        print(f"# DAVIT_SEED={seed}", flush=True)
        moments = random.Random(seed)
        names = [f"c{i}" for i in range(CONTAINERS)]
        workers = [Worker(self.engine.socket, self.image, names[i::4], seed + i) for i in range(4)]
        for worker in workers:
            worker.start()
        try:
            for _ in range(8):
                time.sleep(moments.uniform(0.05, 1.0))
                self.engine.kill()
                self.engine.start()
        finally:
            for worker in workers:
                worker.is_over.set()
            for worker in workers:
                worker.join()
        self.assert_states_are_honest()
        for name in names:  # each of them can still be used
            self.engine.client.delete(f"/containers/{name}?force=1")
        answer = self.engine.client.post("/containers/create?name=c0", {"Image": self.image, "Cmd": ["true"]})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(self.engine.client.post("/containers/c0/start").status, 204)
        self.assertEqual(self.engine.client.post("/containers/c0/wait").json()["StatusCode"], 0)
        self.assert_nothing_stays()

    def test_containers_run_on_without_their_shim_and_end_honestly_and_new_ones_start(self):
        for name in ("old1", "old2"):
            self.engine.client.post(f"/containers/create?name={name}", {"Image": self.image, "Cmd": ["sleep", "600"]})
            self.assertEqual(self.engine.client.post(f"/containers/{name}/start").status, 204)
        os.kill(min(processes_named("davit-shim")), signal.SIGKILL)
        self.assertEqual(self.engine.client.get("/containers/old1/json").json()["State"]["Status"], "running")
        self.assertEqual(self.engine.client.post("/containers/old1/stop?t=1").status, 204)
        self.assertEqual(self.engine.client.post("/containers/old1/wait").json()["StatusCode"], 137)
        self.engine.client.post("/containers/create?name=new", {"Image": self.image, "Cmd": ["sh", "-c", "exit 5"]})
        self.assertEqual(self.engine.client.post("/containers/new/start").status, 204)
        self.assertEqual(self.engine.client.post("/containers/new/wait").json()["StatusCode"], 5)
        self.assertEqual(self.engine.client.post("/containers/old1/start").status, 204)
        self.assert_states_are_honest()
        self.assert_nothing_stays()


if __name__ == "__main__":
    unittest.main()
