#!/usr/bin/env python3
"""The life of containers over the API: create, start, output, wait, stop, remove, attach, and an engine that was killed.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/containers_test.py [WORD]
"""

import contextlib
import os
import pathlib
import re
import sqlite3
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from private_engine import PrivateEngine
from sample_image import push_and_pull_sample
from waiting import awaited


def read_if_there(path):
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


class Containers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = PrivateEngine().start()
        cls.addClassCleanup(cls.engine.destroy)
        cls.image = push_and_pull_sample(cls.engine)

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    def ask(self, method, target, body=None, status=None):
        answer = getattr(self.engine.client, method)(target, body) if body is not None else getattr(self.engine.client, method)(target)
        if status is not None:
            self.assertEqual(answer.status, status, answer)
        return answer

    def create(self, *command, name="", host=None, status=201, **config):
        body = {"Image": self.image, "Cmd": list(command), "HostConfig": host or {}, **config}
        answer = self.ask("post", f"/containers/create?name={name}", body, status)
        if status == 201:
            container = answer.json()["Id"]
            self.addCleanup(lambda: self.engine.client.delete(f"/containers/{container}?force=1"))
            return container
        return answer

    def start(self, container, status=204):
        return self.ask("post", f"/containers/{container}/start", status=status)

    def wait(self, container, condition="not-running"):
        return self.ask("post", f"/containers/{container}/wait?condition={condition}", status=200).json()["StatusCode"]

    def run_through(self, *command, **options):
        """(exit code, standard output, standard error) of a container that ran to its end."""
        container = self.create(*command, **options)
        self.start(container)
        code = self.wait(container)
        return (code, *self.logs(container))

    def logs(self, container, query="stdout=1&stderr=1"):
        body = self.ask("get", f"/containers/{container}/logs?{query}", status=200).body
        out = {1: b"", 2: b""}
        while body:
            out[body[0]] += body[8 : 8 + int.from_bytes(body[4:8], "big")]
            body = body[8 + int.from_bytes(body[4:8], "big") :]
        return out[1], out[2]

    def inspect(self, container):
        return self.ask("get", f"/containers/{container}/json", status=200).json()

    def roots_held(self):
        """How many descriptors of containers' root file systems the engine has."""
        process = pathlib.Path(f"/proc/{self.engine.pid}")
        own = {line.split()[0] for line in (process / "mountinfo").read_text().splitlines()}
        facts = (dict(re.findall(r"(\w+):\s*(\w+)", read_if_there(each))) for each in (process / "fdinfo").iterdir())
        return sum(int(of.get("flags", "0"), 8) & os.O_PATH != 0 and of["mnt_id"] not in own for of in facts)

    def await_no_roots(self):
        for _ in range(500):
            if self.roots_held() == 0:
                break
            time.sleep(0.02)
        self.assertEqual(self.roots_held(), 0)

    def test_the_engine_holds_the_root_of_what_runs_and_of_nothing_else(self):
        self.await_no_roots()  # of the tests before this one
        container = self.create("sleep", "1000")
        self.start(container)
        self.assertEqual(self.roots_held(), 1)
        self.ask("post", f"/containers/{container}/kill", status=204)
        for _ in range(2):  # a start waits until the root of the run before it is let go of
            self.start(container)
            self.assertEqual(self.roots_held(), 1)
            self.ask("post", f"/containers/{container}/restart?t=0", status=204)
            self.assertEqual(self.roots_held(), 1)
            self.ask("post", f"/containers/{container}/kill", status=204)
        vanishing = self.create("true", host={"AutoRemove": True})
        self.start(vanishing)
        self.engine.client.post(f"/containers/{vanishing}/wait?condition=removed")
        self.await_no_roots()

    def test_a_command_runs_and_its_output_and_exit_code_come_back(self):
        code, out, err = self.run_through("sh", "-c", "echo to out; echo to err >&2; exit 7")
        self.assertEqual((code, out, err), (7, b"to out\n", b"to err\n"))

    def test_bytes_come_back_exactly_as_they_were_written(self):
        _, out, _ = self.run_through("printf", r'\377\376{"log":"x"}\001\000\000\000\000\000\000\010\nline without end')
        self.assertEqual(out, b'\xff\xfe{"log":"x"}\x01\0\0\0\0\0\0\x08\nline without end')

    def test_a_container_of_a_running_name_is_refused_in_dockers_words(self):
        first = self.create("sleep", "60", name="taken")
        answer = self.create("true", name="taken", status=409)
        self.assertEqual(
            answer.message(),
            f'Conflict. The container name "/taken" is already in use by container "{first}". You have to remove (or '
            "rename) that container to be able to reuse that name.",
        )

    def test_a_running_container_is_stopped_and_removed_only_by_force(self):
        container = self.create("sleep", "60", name="stubborn")
        self.start(container)
        self.start(container, status=304)
        answer = self.ask("delete", "/containers/stubborn", status=409)
        self.assertIn("container is running: stop the container before removing or force remove", answer.message())
        self.ask("delete", "/containers/stubborn?force=1", status=204)
        self.ask("get", f"/containers/{container}/json", status=404)
        self.create("true", name="stubborn")

    def test_a_stop_waits_for_the_signal_and_then_kills(self):
        container = self.create("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done")
        self.start(container)
        awaited(lambda: self.logs(container)[0], bool)
        self.ask("post", f"/containers/{container}/stop?t=1", status=204)
        self.assertEqual(self.inspect(container)["State"]["ExitCode"], 137)
        self.ask("post", f"/containers/{container}/stop", status=304)

    def test_a_missing_program_gives_127_and_names_the_file(self):
        container = self.create("no-such-program")
        answer = self.start(container, status=400)
        self.assertIn("no-such-program", answer.message())
        self.assertIn("executable file not found in $PATH", answer.message())
        self.assertEqual(self.inspect(container)["State"]["ExitCode"], 127)

    def test_a_container_that_removes_itself_is_gone_when_removed_is_awaited(self):
        container = self.create("true", host={"AutoRemove": True})
        self.start(container)
        self.assertEqual(self.engine.client.post(f"/containers/{container}/wait?condition=removed").status in (200, 404), True)
        self.ask("get", f"/containers/{container}/json", status=404)

    def test_it_can_be_started_again_and_its_log_goes_on(self):
        container = self.create("echo", "once")
        for _ in range(3):
            self.start(container)
            self.wait(container)
        self.assertEqual(self.logs(container)[0], b"once\n" * 3)
        self.assertEqual(self.logs(container, "stdout=1&tail=2")[0], b"once\n" * 2)

    def test_a_failing_command_is_restarted_as_often_as_its_policy_says(self):
        container = self.create("sh", "-c", "echo try; exit 4", host={"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}})
        self.start(container)
        state = awaited(lambda: self.inspect(container), lambda found: found["State"]["Status"] == "exited", 10)
        self.assertEqual((state["State"]["Status"], state["State"]["ExitCode"], state["RestartCount"]), ("exited", 4, 2))
        self.assertEqual(self.logs(container)[0], b"try\n" * 3)

    def test_a_container_that_is_always_restarted_stays_ended_when_a_user_ends_it(self):
        container = self.create("sh", "-c", "exit 1", host={"RestartPolicy": {"Name": "always"}})
        self.start(container)
        time.sleep(0.3)
        self.ask("post", f"/containers/{container}/stop?t=1", status=204)
        time.sleep(0.5)
        self.assertEqual(self.inspect(container)["State"]["Status"], "exited")

    def test_starts_and_a_removal_at_the_same_time_all_end(self):
        for command, policy in ((["sh", "-c", "exit 1"], "always"), (["sleep", "600"], "no")):
            for _ in range(10):
                container = self.create(*command, host={"RestartPolicy": {"Name": policy}})
                answers = []
                asks = [lambda: self.engine.client.post(f"/containers/{container}/start")] * 3
                asks.append(lambda: self.engine.client.delete(f"/containers/{container}?force=1"))
                threads = [threading.Thread(target=lambda ask=ask: answers.append(ask().status)) for ask in asks]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(20)
                    self.assertFalse(thread.is_alive(), f"a request for {command} hangs; the others got {answers}")
                self.assertLessEqual(set(answers), {204, 304, 404, 409})
                self.ask("get", f"/containers/{container}/json", status=404)

    def test_a_restart_of_a_container_that_removes_itself_keeps_it(self):
        container = self.create("sleep", "60", host={"AutoRemove": True})
        self.start(container)
        first = self.inspect(container)["State"]["Pid"]
        self.ask("post", f"/containers/{container}/restart?t=0", status=204)
        state = self.inspect(container)["State"]
        self.assertTrue(state["Running"])
        self.assertNotEqual(state["Pid"], first)
        self.ask("post", f"/containers/{container}/kill", status=204)
        awaited(lambda: self.engine.client.get(f"/containers/{container}/json").status, lambda status: status == 404, 5)
        self.ask("get", f"/containers/{container}/json", status=404)

    def test_what_is_typed_into_an_attached_container_reaches_it_and_its_end_too(self):
        container = self.create("cat", OpenStdin=True, StdinOnce=True, AttachStdin=True)
        stream = self.engine.client.hijack(f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1")
        stream.write(b"typed before the start\n")
        stream.close_write()
        self.start(container)
        out, err = stream.read_frames()
        self.assertEqual((out, err), (b"typed before the start\n", b""))
        self.assertEqual(self.wait(container), 0)

    def test_a_slow_client_holds_up_nobody_and_misses_nothing(self):
        size = 8 << 20
        container = self.create("sh", "-c", f"yes 0123456789abcde | head -c {size}")
        stream = self.engine.client.hijack(f"/containers/{container}/attach?stream=1&stdout=1&stderr=1")
        self.start(container)
        self.assertEqual(self.wait(container), 0)  # ends though nobody has read
        out, _ = stream.read_frames()
        self.assertEqual(out, b"0123456789abcde\n" * (size // 16))

    def test_a_client_that_follows_sees_lines_as_they_come_and_the_end(self):
        container = self.create("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done")
        self.start(container)
        self.assertEqual(self.logs(container, "stdout=1&follow=1")[0], b"1\n2\n3\n")

    def test_what_is_not_offered_is_refused_and_not_ignored(self):
        for host in ({"Binds": ["/etc:/x"]}, {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}, {"PidMode": "container:x"},
                     {"Devices": [{"PathOnHost": "/dev/null"}]}, {"Sysctls": {"kernel.core_pattern": "x"}}):
            answer = self.ask("post", "/containers/create", {"Image": self.image, "Cmd": ["true"], "HostConfig": host})
            self.assertIn(answer.status, (400, 501), f"{host}: {answer}")

    def test_limits_that_the_host_can_not_keep_are_refused_in_dockers_words(self):
        count = len(os.sched_getaffinity(self.engine.pid))
        unified = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
        cpus, nodes = (
            pathlib.Path(f"/sys/fs/cgroup/cpuset.{name}.effective" if unified else f"/sys/fs/cgroup/cpuset/cpuset.{name}").read_text().strip()
            for name in ("cpus", "mems")
        )
        few = f"range of CPUs is from 0.01 to {count}.00, as there are only {count} CPUs available"
        for host, words in (
            ({"NanoCpus": count * 10**9 + 1}, few),
            ({"NanoCpus": -1}, few),
            ({"NanoCpus": 10**9, "CpuPeriod": 100000}, "Conflicting options: Nano CPUs and CPU Period cannot both be set"),
            ({"NanoCpus": 10**9, "CpuQuota": 100000}, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
            ({"CpusetCpus": "0,8000"}, f"Requested CPUs are not available - requested 0,8000, available: {cpus}"),
            ({"CpusetMems": "8000"}, f"Requested memory nodes are not available - requested 8000, available: {nodes}"),
            ({"MemoryReservation": 1000}, "Minimum memory reservation allowed is 6MB"),
            ({"MemoryReservation": 20 << 20, "Memory": 10 << 20}, "Minimum memory limit can not be less than memory reservation limit, see usage"),
            ({"PidMode": "private"}, "invalid PID mode: private"),
        ):
            self.assertEqual(self.create("true", host=host, status=400).json()["message"], words)
        self.create("true", host={"NanoCpus": count * 10**9, "CpusetCpus": cpus, "CpusetMems": nodes, "MemoryReservation": 6 << 20})

    def test_a_container_may_be_without_shared_memory(self):
        script = "readlink /proc/self/ns/ipc; ls /dev; grep -c /dev/shm /proc/mounts"
        code, out, _ = self.run_through("sh", "-c", script, host={"IpcMode": "none"})
        space, *names, mounts = out.decode().split()
        self.assertNotEqual(space, os.readlink("/proc/self/ns/ipc"))
        self.assertEqual((code, mounts), (1, "0"))
        self.assertIn("mqueue", names)
        self.assertNotIn("shm", names)

    def test_a_working_directory_is_shortened(self):
        for asked, seen in (("/a/../b", "/b"), ("/a//b/./", "/a/b"), ("/../x", "/x"), ("//x", "/x"), ("/", "/")):
            self.assertEqual(self.inspect(self.create("true", WorkingDir=asked))["Config"]["WorkingDir"], seen)
        self.assertEqual(self.run_through("pwd", WorkingDir="/a/../b/")[1], b"/b\n")

    def rewrite_record(self, container, change):
        with contextlib.closing(sqlite3.connect(f"{self.engine.data_root}/state.db")) as state, state:
            ((before,),) = state.execute("SELECT value FROM entry WHERE kind = 'containers' AND name = ?", (container,))
            state.execute("UPDATE entry SET value = ? WHERE kind = 'containers' AND name = ?", (change(before), container))

    def test_a_record_that_can_not_be_read_costs_nothing_of_its_container(self):
        container = self.create("sh", "-c", "echo kept > /file; echo said; exec sleep 1000")
        self.start(container)
        while not self.logs(container)[0]:
            time.sleep(0.02)
        self.engine.kill()
        self.rewrite_record(container, lambda text: "[" + text)
        self.engine.start()
        self.ask("get", f"/containers/{container}/json", status=404)
        self.engine.kill()
        self.rewrite_record(container, lambda text: text[1:])
        self.engine.start()
        self.assertTrue(self.inspect(container)["State"]["Running"])
        self.assertEqual(self.logs(container)[0], b"said\n")
        self.ask("post", f"/containers/{container}/restart?t=0", status=204)
        self.assertTrue(self.inspect(container)["State"]["Running"])

    def test_a_killed_engine_comes_back_to_its_containers_and_all_that_they_wrote(self):
        counting = self.create("sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exec sleep 60")
        ending = self.create("sh", "-c", "sleep 0.5; echo ended meanwhile; exit 9")
        for container in (counting, ending):
            self.start(container)
        for _ in range(3):
            self.engine.kill()
            time.sleep(0.4)
            self.engine.start()
        self.assertEqual(self.wait(ending), 9)
        self.assertEqual(self.logs(ending)[0], b"ended meanwhile\n")
        self.assertTrue(self.inspect(counting)["State"]["Running"])
        expected = b"".join(b"line %d\n" % i for i in range(20000))
        self.assertEqual(awaited(lambda: self.logs(counting)[0], lambda log: len(log) >= len(expected)), expected)
        self.ask("post", f"/containers/{counting}/stop?t=1", status=204)


class SmallNetwork(unittest.TestCase):
    def test_a_container_that_can_not_be_taken_over_gives_its_address_back(self):
        with PrivateEngine("--bip", "10.213.0.1/30", "--sandbox-stock", "0") as engine:
            image = push_and_pull_sample(engine)

            def started():
                container = engine.client.post("/containers/create", {"Image": image, "Cmd": ["sleep", "1000"]}).json()["Id"]
                return container, engine.client.post(f"/containers/{container}/start")

            first, answer = started()
            self.assertEqual(answer.status, 204, answer)
            self.assertNotEqual(started()[1].status, 204)  # there is one address
            engine.kill()
            log = pathlib.Path(engine.data_root, "containers", first, f"{first}-json.log")
            log.unlink()
            log.mkdir()
            engine.start()
            state = engine.client.get(f"/containers/{first}/json").json()["State"]
            self.assertEqual((state["Status"], state["ExitCode"]), ("exited", 137))
            self.assertEqual(started()[1].status, 204)
            engine.remove_containers()


if __name__ == "__main__":
    unittest.main()
