#!/usr/bin/env python3
"""Engines and shims that are killed at any moment: afterwards every container is in an honest state, exit codes and output are
kept, and once all are removed nothing is left on the host or in the data root.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/containers_crash_test.py [WORD]
DAVIT_SEED=N takes the moments of an earlier run again; DAVIT_ROUNDS=N kills N times in each test.
"""

import collections
import json
import os
import pathlib
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "images")]
import host_state
from container_truth import (CGROUPS, files_of_containers, files_of_images, is_process_of, remove_cgroups_of_containers,
                             settled_contradictions, stored_rows)
from containers_test import push_and_pull_sample
from engine import Client
from oci_layout import Layout, Tar
from private_engine import PrivateEngine
from waiting import awaited, is_empty
from subprocess import DEVNULL, run

# The bridge, the firewall's table and the cgroup above all containers are the engine's own, and may outlive it.
OF_THE_ENGINE = r"^link davit-test0 |^nftables |/davit is left"
SMALL_POOL = "10.213.0.1/26"  # 61 addresses for containers
POOL_SIZE = 61
BRIDGE_PORTS = 128  # More are on segments of the bridge
CONTAINERS = 50
ROUNDS = int(os.environ.get("DAVIT_ROUNDS", 0))  # 0: as many as each test has by itself
LINES = 2000


def processes_named(name):
    """Of this world, in which nobody else runs an engine; without those that ended and that the world's init has not reaped."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if f"({name}) " in (text := stat.read_text()) and f"({name}) Z" not in text:
                found.append(int(stat.parent.name))
        except OSError:
            continue  # it has just ended
    return found


def descriptors(*pids):
    """What these processes have open, by kind: [("pipe", 3), …], without sockets, which clients and warm sandboxes have."""
    kinds = collections.Counter()
    for pid in pids:
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                kinds[re.sub(r"\d+", "N", os.readlink(fd))] += 1
            except OSError:
                continue  # just closed
    return {kind: count for kind, count in kinds.items() if not kind.startswith("socket:")}


def shim():
    """The parent of the processes that still have its name: warm sandboxes."""
    return min(processes_named("davit-shim"))


def kill_shim():
    os.kill(shim(), signal.SIGKILL)


def push_big_image(engine):
    """An image whose pull takes a while; its name."""
    image = f"{engine.registry}/big:latest"
    with tempfile.TemporaryDirectory() as folder:
        layout, noise = Layout(folder), random.Random(7)
        layers = [layout.add_layer(Tar().file(f"file{n}", noise.randbytes(3 << 20)).bytes(), level=1) for n in range(3)]
        layout.add_image("latest", layers, {"Cmd": ["/file0"]})
        run([HERE.parents[1] / "images/push", folder, image], check=True, stdout=DEVNULL)
    return image


class Worker(threading.Thread):
    """Makes, starts, ends and removes its containers, pulls and attaches, whatever the engine answers, until it is told to end."""

    STEPS = ["begin"] * 5 + ["create", "begin_and_forget", "begin_always", "stop", "kill", "remove", "remove", "attach", "logs", "pull"]

    def __init__(self, engine, image, big_image, names, seed):
        super().__init__()
        self.client, self.image, self.big_image, self.names = Client(engine.socket, timeout=30), image, big_image, names
        self.random, self.is_over, self.steps, self.hung = random.Random(seed), threading.Event(), 0, []

    def run(self):
        while not self.is_over.is_set():
            step, name = self.random.choice(self.STEPS), self.random.choice(self.names)
            try:
                getattr(self, step)(name)
                self.steps += 1
            except TimeoutError:
                self.hung.append(f"{step} {name}")  # whatever was killed, an answer or the connection's end comes
            except (OSError, EOFError, ValueError, RuntimeError):
                time.sleep(0.02)  # the engine has just been killed, or refused

    def create(self, name, **host):
        command = self.random.choice([["sleep", "600"], ["sh", "-c", "echo x; exit 3"], ["sh", "-c", "yes | head -c 200000; sleep 600"]])
        host["NetworkMode"] = self.random.choice(["bridge", "bridge", "bridge", "none", "host"])
        self.client.post(f"/containers/create?name={name}", {"Image": self.image, "Cmd": command, "HostConfig": host})

    def begin(self, name, **host):
        self.create(name, **host)
        self.client.post(f"/containers/{name}/start")

    def begin_and_forget(self, name):
        self.begin(name, AutoRemove=True)

    def begin_always(self, name):
        self.begin(name, RestartPolicy={"Name": "always"})

    def stop(self, name):
        self.client.post(f"/containers/{name}/stop?t=0")

    def kill(self, name):
        self.client.post(f"/containers/{name}/kill")

    def remove(self, name):
        self.client.delete(f"/containers/{name}?force=1")

    def attach(self, name):
        with self.client.hijack(f"/containers/{name}/attach?stream=1&stdout=1&stderr=1&logs=1") as stream:
            stream.connection.socket.settimeout(0.05)
            try:
                stream.read_all()
            except TimeoutError:
                pass  # a container that is silent ends no stream

    def logs(self, name):
        self.client.get(f"/containers/{name}/logs?stdout=1&tail=5")

    def pull(self, _):
        self.client.pull(self.big_image)
        self.client.delete(f"/images/{self.big_image}")


class Witnesses:
    """Containers of one round of which it is known beforehand how they end."""

    WRITER = f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done; sleep 0.3; echo end; exit 7"

    def __init__(self, engine, image, number):
        self.client, self.image, self.number, self.began, self.pids = engine.client, image, number, {}, {}

    def begin(self):
        """Each start that was answered is noted; what the engine's death cuts off is not."""
        for name, script, host in (
            ("steady", "exec sleep 600", {}), ("writer", self.WRITER, {}), ("fails", "sleep 0.4; exit 42", {}),
            ("ends", "sleep 0.1; exit 0", {"NetworkMode": "none"}), ("forgotten", "sleep 0.3", {"AutoRemove": True}),
            ("always", "sleep 0.1; exit 1", {"RestartPolicy": {"Name": "always"}}),
        ):
            try:
                full = f"{name}{self.number}"
                answer = self.client.post(f"/containers/create?name={full}", {"Image": self.image, "Cmd": ["sh", "-c", script], "HostConfig": host})
                if answer.status == 201 and self.client.post(f"/containers/{full}/start").status == 204:
                    self.began[name] = full
                    self.pids[name] = self.client.get(f"/containers/{full}/json").json()["State"]["Pid"]
            except (OSError, EOFError, ValueError, KeyError):
                return

    def state_of(self, name):
        answer = self.client.get(f"/containers/{name}/json")
        return answer.json()["State"]["Status"] if answer.status == 200 else ""

    def check(self, test, shim_lived):
        if not shim_lived:  # A start does not wait for the disk: with nobody left who knows it, the last ones never were
            self.began = {name: full for name, full in self.began.items() if self.state_of(full) != "created"}
        for name, code in (("fails", 42), ("ends", 0), ("writer", 7)):
            if name in self.began and shim_lived:
                answer = self.client.post(f"/containers/{self.began[name]}/wait").json()
                test.assertEqual(answer.get("StatusCode"), code, f"{self.began[name]}: {answer}")
        if "writer" in self.began and shim_lived:
            out, _ = self.client.output(self.began["writer"])
            test.assertEqual(out, b"".join(b"line %d\n" % n for n in range(LINES)) + b"end\n")
        if "forgotten" in self.began:
            end = time.monotonic() + 15
            while (answer := self.client.get(f"/containers/{self.began['forgotten']}/json")).status != 404:
                test.assertLess(time.monotonic(), end, answer)
                time.sleep(0.05)
        for name in ("steady", "always") if shim_lived else ("always",):
            if name not in self.began:
                continue
            end = time.monotonic() + 15  # what is always to run is started again after the engine
            while not (state := self.client.get(f"/containers/{self.began[name]}/json").json()["State"])["Running"]:
                test.assertLess(time.monotonic(), end, state)
                time.sleep(0.05)
            if name == "steady" and name in self.pids:
                test.assertEqual(state["Pid"], self.pids[name])
        for name in ("steady", "writer", "fails", "ends", "forgotten", "always"):
            self.client.delete(f"/containers/{name}{self.number}?force=1")


class Crashes(unittest.TestCase):
    def begin(self, *flags, bip=SMALL_POOL):
        self.before = host_state.snapshot()
        self.engine = PrivateEngine("--bip", bip, *flags).start()
        self.addCleanup(remove_cgroups_of_containers)  # after a failure: the next test is not to find them
        self.addCleanup(self.engine.destroy)
        self.image = push_and_pull_sample(self.engine)
        self.idle = descriptors(self.engine.pid, shim())
        self.seed = int(os.environ.get("DAVIT_SEED", random.randrange(1 << 30)))
        print(f"# DAVIT_SEED={self.seed}", flush=True)
        self.moments = random.Random(self.seed)

    def assert_states_are_right(self):
        self.assertEqual(settled_contradictions(self.engine), [])

    def assert_the_whole_pool_can_be_given_out(self):
        """Every address, each once: none was lost."""
        made = []
        for number in range(POOL_SIZE):
            answer = self.engine.client.post(f"/containers/create?name=pool{number}", {"Image": self.image, "Cmd": ["sleep", "600"]})
            self.assertEqual(answer.status, 201, answer)
            made.append(answer.json()["Id"])
            answer = self.engine.client.post(f"/containers/{made[-1]}/start")
            self.assertEqual(answer.status, 204, f"{number} of {POOL_SIZE} addresses: {answer}")
        self.assertEqual(settled_contradictions(self.engine), [])
        for container in made:
            self.assertEqual(self.engine.client.delete(f"/containers/{container}?force=1").status, 204)

    def assert_nothing_stays(self):
        self.engine.remove_containers()
        self.assertEqual(self.engine.client.get("/containers/json?all=1").json(), [])
        self.assert_the_whole_pool_can_be_given_out()
        for image in self.engine.client.get("/images/json").json():
            self.assertEqual(self.engine.client.delete(f"/images/{image['RepoTags'][0] if image['RepoTags'] else image['Id']}").status, 200)
        self.assertEqual(awaited(lambda: files_of_containers(self.engine) + files_of_images(self.engine), is_empty, 10), [])
        self.assertEqual(awaited(lambda: descriptors(self.engine.pid, shim()), lambda held: held == self.idle, 10), self.idle)
        self.assertEqual(self.engine.stop_daemon(), 0)
        self.assertEqual([stored_rows(self.engine, kind) for kind in ("containers", "images")], [0, 0])
        left = awaited(lambda: processes_named("davit-shim"), is_empty, 10)
        self.assertEqual(left, [], "a shim without containers outlives its engine")
        # Interfaces among it: those of the last sandboxes go when the kernel has taken their namespaces apart.
        self.assertEqual(host_state.settled(self.before, OF_THE_ENGINE), [])

    def kill_at_random_moments(self, rounds, kill, shim_lives):
        big_image = push_big_image(self.engine)
        # No name may be the beginning of an id: whoever is asked for a name that is gone would mean another container.
        names = [f"worker{number}" for number in range(CONTAINERS // 2)]
        workers = [Worker(self.engine, self.image, big_image, names[part::4], self.seed + part) for part in range(4)]
        for worker in workers:
            worker.start()
        try:
            for number in range(rounds):
                witnesses = Witnesses(self.engine, self.image, number)
                beginning = threading.Thread(target=witnesses.begin)
                beginning.start()
                time.sleep(self.moments.uniform(0.01, 0.6))
                kill()
                beginning.join()
                time.sleep(self.moments.uniform(0, 0.6))
                self.engine.start()
                witnesses.check(self, shim_lives)
        finally:
            for worker in workers:
                worker.is_over.set()
            for worker in workers:
                worker.join()
        self.assertEqual([hung for worker in workers for hung in worker.hung], [])
        self.assertGreater(sum(worker.steps for worker in workers), rounds)
        self.assert_states_are_right()
        self.assert_nothing_stays()

    def test_an_engine_killed_at_any_moment_comes_back_to_right_states(self):
        self.begin()
        self.kill_at_random_moments(ROUNDS or 10, self.engine.kill, True)

    def begin_all(self, names):
        """Starts each, again and again until the engine has answered that it runs."""
        client = Client(self.engine.socket, timeout=30)
        for name in names:
            for _ in range(200):
                try:
                    client.post(f"/containers/create?name={name}", {"Image": self.image, "Cmd": ["sleep", "600"]})
                    if client.post(f"/containers/{name}/start").status in (204, 304):
                        break
                except (OSError, EOFError, ValueError):
                    pass
                time.sleep(0.05)

    def test_more_containers_than_a_bridge_has_ports_reach_each_other_after_all_kills_and_leave_nothing(self):
        self.begin(bip="10.213.0.1/22")
        names = [f"worker{number}" for number in range(BRIDGE_PORTS + 30)]
        beginning = threading.Thread(target=self.begin_all, args=(names,))
        beginning.start()
        while beginning.is_alive():
            time.sleep(self.moments.uniform(0.3, 1))
            self.engine.kill()
            self.engine.start()
        self.assertEqual(len(self.engine.client.get("/containers/json").json()), len(names))
        self.assert_states_are_right()
        self.assertIn("davit-test0~1", [name for _, name in socket.if_nameindex()])
        networks = {name: self.engine.client.get(f"/containers/{name}/json").json()["NetworkSettings"]["Networks"] for name in names}
        address = {name: network["bridge"]["IPAddress"] for name, network in networks.items()}
        reached = [name for name in names if run(["busybox", "ping", "-q", "-c", "1", "-W", "5", address[name]], stdout=DEVNULL).returncode == 0]
        self.assertEqual(reached, names)
        newest = self.engine.client.run(self.image, ["sh", "-ec", "\n".join(f"ping -q -c 1 -W 5 {address[name]}" for name in names)])
        self.assertEqual(self.engine.client.wait(newest), 0, self.engine.client.output(newest))
        self.assert_nothing_stays()

    def test_the_same_without_warm_sandboxes(self):
        self.begin("--sandbox-stock", "0")
        self.kill_at_random_moments(ROUNDS or 10, self.engine.kill, True)

    def test_a_container_that_was_made_only_in_part_is_none(self):
        self.begin()
        made = [self.engine.client.post(f"/containers/create?name=part{n}", {"Image": self.image}).json()["Id"] for n in range(2)]
        self.engine.kill()
        pathlib.Path(self.engine.data_root, "containers", made[0], "hostname").unlink()  # which is made last
        self.engine.start()
        self.assertEqual([c["Id"] for c in self.engine.client.get("/containers/json?all=1").json()], made[1:])
        self.assert_nothing_stays()

    def test_a_container_whose_removal_was_cut_off_is_forgotten_only_with_its_cgroups(self):
        self.begin()
        container = self.engine.client.run(self.image, ["sleep", "600"])
        stranger = subprocess.Popen(["sleep", "600"])  # holds them for longer than the shim tries
        self.addCleanup(stranger.wait)
        self.addCleanup(stranger.kill)
        for folder in CGROUPS.rglob(container):
            (folder / "cgroup.procs").write_text(str(stranger.pid))
        self.engine.kill()
        with sqlite3.connect(f"{self.engine.data_root}/state.db") as store:
            (text,) = store.execute("SELECT value FROM entry WHERE kind = 'containers' AND name = ?", (container,)).fetchone()
            record = json.loads(text) | {"state": "removing"}
            store.execute("UPDATE entry SET value = ? WHERE kind = 'containers' AND name = ?", (json.dumps(record), container))
        self.engine.start()
        self.assertEqual(awaited(lambda: list(CGROUPS.rglob(container)), is_empty), [])
        self.assert_nothing_stays()

    def kill_both(self):
        """Together, or the engine a while after its shim, which it may have replaced by then."""
        kill_shim()
        time.sleep(self.moments.choice((0, self.moments.uniform(0, 0.4))))
        self.engine.kill()

    def test_an_engine_killed_together_with_its_shim_ends_what_is_left_and_starts_anew(self):
        self.begin()
        self.kill_at_random_moments(ROUNDS or 5, self.kill_both, False)

    def test_what_ran_when_both_were_killed_is_told_as_ended_and_has_ended(self):
        self.begin("--sandbox-stock", "0")
        container = self.engine.client.run(self.image, ["sleep", "600"])
        again = self.engine.client.run(self.image, ["sleep", "600"], HostConfig={"RestartPolicy": {"Name": "always"}})
        pid = self.engine.client.get(f"/containers/{container}/json").json()["State"]["Pid"]
        self.kill_both()
        self.assertTrue(is_process_of(pid, container))
        self.engine.start()
        state = self.engine.client.get(f"/containers/{container}/json").json()["State"]
        self.assertEqual((state["Status"], state["ExitCode"]), ("exited", 137))
        self.assertTrue(state["Error"])
        self.assert_states_are_right()
        self.assertFalse(is_process_of(pid, container))
        self.assertTrue(awaited(lambda: self.engine.client.get(f"/containers/{again}/json").json()["State"]["Running"], bool, 10))
        self.assert_nothing_stays()

    def test_containers_run_on_without_their_shim_and_end_honestly_and_new_ones_start(self):
        self.begin()
        old = [self.engine.client.run(self.image, ["sleep", "600"]) for _ in range(2)]
        kill_shim()
        self.assertEqual(self.engine.client.get(f"/containers/{old[0]}/json").json()["State"]["Status"], "running")
        self.assertEqual(self.engine.client.post(f"/containers/{old[0]}/stop?t=1").status, 204)
        self.assertEqual(self.engine.client.wait(old[0]), 137)
        new = self.engine.client.run(self.image, ["sh", "-c", "exit 5"])
        self.assertEqual(self.engine.client.wait(new), 5)
        self.assertEqual(self.engine.client.post(f"/containers/{old[0]}/start").status, 204)
        self.assert_states_are_right()
        self.assert_nothing_stays()

    def test_a_shim_killed_in_the_middle_of_starts_hangs_nothing(self):
        for stock in ("8", "0"):
            with self.subTest(stock=stock):
                self.begin("--sandbox-stock", stock)
                workers = [Worker(self.engine, self.image, self.image, [f"s{part}{n}" for n in range(5)], self.seed + part) for part in range(4)]
                for worker in workers:
                    worker.STEPS = ["begin"] * 3 + ["begin_always", "stop", "remove"]
                    worker.start()
                for _ in range(ROUNDS or 6):
                    time.sleep(self.moments.uniform(0.1, 0.5))
                    if processes_named("davit-shim"):
                        kill_shim()
                for worker in workers:
                    worker.is_over.set()
                for worker in workers:
                    worker.join(40)
                    self.assertFalse(worker.is_alive(), "a request hangs")
                    self.assertEqual(worker.hung, [])
                self.assert_states_are_right()
                new = self.engine.client.run(self.image, ["sh", "-c", "exit 5"])
                self.assertEqual(self.engine.client.wait(new), 5)
                self.assert_nothing_stays()
                self.engine.destroy()


if __name__ == "__main__":
    unittest.main()
