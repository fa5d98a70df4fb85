#!/usr/bin/env python3
"""Attacks on an engine's host: by an account without rights, by links planted before a start, by pids that come again, by names
with separators, by a disk that is full. Each fails.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/attacks_host_test.py [WORD]
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_world import SECRET, AttackTest, Tar
from engine import split_frames
from private_engine import PrivateEngine, ends_within

NOBODY = 65534


class Nobody:
    """A process of an account without rights, which runs a function of this file and writes what it has reached."""

    def __init__(self, does, *words):
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(reader)
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                does(lambda text: os.write(writer, f"{text}\n".encode()), *words)
            finally:
                os._exit(0)
        os.close(writer)
        self.said = open(reader, encoding="utf-8")

    def end(self):
        """Kills it, and gives the rest of what it has written."""
        os.kill(self.pid, signal.SIGKILL)
        return self.rest()

    def rest(self):
        os.waitpid(self.pid, 0)
        with self.said:
            return self.said.read()


def reach(say, paths):
    for path in paths:
        for attempt in (lambda: os.listdir(path), lambda: open(path, "rb").close(), lambda: os.stat(path + "/."),
                        lambda: socket.socket(socket.AF_UNIX).connect(path)):
            try:
                attempt()
                say(f"REACHED {path}")
            except OSError:
                continue
    say("tried")


def connect_again_and_again(say, path):
    say("begun")
    was_refused = False
    while True:
        with socket.socket(socket.AF_UNIX) as tried:
            try:
                tried.connect(path)
                say("CONNECTED")
                return
            except PermissionError:
                if not was_refused:
                    say("refused")
                was_refused = True
            except OSError:
                continue  # there is none at the moment


class HostAttacks(AttackTest):
    process = {"umask": 0}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.chmod(cls.engine.folder, 0o755)  # what is inside must close itself

    def test_others_reach_nothing_below_the_roots(self):
        """CVE-2021-41091, CVE-2021-41103, CVE-2024-25621, rows "special layer entries" and "secrets at rest": umask 0, setuid
        files and device nodes in a layer."""
        busybox = pathlib.Path("/bin/busybox").read_bytes()
        image = self.push("setuid", Tar().file("bin/busybox-root", busybox, 0o4755).device("disk", 8, 0, is_block=True, mode=0o666))
        self.assertIn("0\n", self.ran("busybox-root id -u", image=image, User="1000"))  # it is there, and of use inside
        container = self.client.run(image, ["sleep", "1000"], Env=["TOKEN=" + SECRET])
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        found = subprocess.run(["find", self.engine.data_root, "-name", "busybox-root"], capture_output=True, text=True, check=True).stdout.split()
        self.assertTrue(found)
        roots = (self.engine.data_root, self.engine.exec_root)
        everything = [str(p) for root in roots for p in [pathlib.Path(root), *pathlib.Path(root).rglob("*")] if not p.is_symlink()]
        said = Nobody(reach, [self.engine.socket, *everything, *found])
        self.assertEqual(said.rest(), "tried\n")
        self.assertEqual([p for p in everything if os.path.dirname(p) in roots and os.path.isdir(p) and os.stat(p).st_mode & 0o022], [])
        database = f"{self.engine.data_root}/state.db"
        self.assertEqual(os.stat(database).st_mode & 0o077, 0)

    def test_the_socket_has_no_moment_in_which_others_may_connect(self):
        """CVE-2014-3499: an account without rights tries all the while as the engine is started again and again, with umask 0.
        A moment of microseconds would be met by chance only; io/listener.cpp leaves none."""
        spy = Nobody(connect_again_and_again, self.engine.socket)
        try:
            self.assertEqual(spy.said.readline(), "begun\n")
            for number in range(8):
                self.engine.kill() if number % 2 else self.engine.stop_daemon()
                self.engine.start()
            self.pid = self.engine.pid
            self.assertEqual(spy.said.readline(), "refused\n")
        finally:
            rest = spy.end()
        self.assertEqual(rest, "")

    def test_a_pid_that_comes_again_is_not_the_container(self):
        """Row "pid reuse": the container ends while no engine runs, its pid is given to a process of the host, and the shim has been
        killed too, so that only the stored number is left; or the engine sleeps meanwhile, and finds the shim gone."""
        for kills_engine, kills_shim in ((True, False), (True, True), (False, True)):
            with self.subTest(kills_engine=kills_engine, kills_shim=kills_shim):
                container = self.client.run(self.image, ["sleep", "1000"])
                pid = self.client.get(f"/containers/{container}/json").json()["State"]["Pid"]
                shims = self.engine.shims()
                self.engine.kill() if kills_engine else os.kill(self.engine.pid, signal.SIGSTOP)
                if kills_shim:
                    for shim in shims:
                        os.kill(shim, signal.SIGKILL)
                        ends_within(shim, 10)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it went with the shim
                self.assertTrue(ends_within(pid, 10))
                time.sleep(0.1)  # proc(5) has the time at which a process began in hundredths of a second
                bystander = self.take_pid(pid)
                try:
                    self.engine.start() if kills_engine else os.kill(self.engine.pid, signal.SIGCONT)
                    self.pid = self.engine.pid
                    self.client.post(f"/containers/{container}/kill?signal=USR1")
                    self.client.post(f"/containers/{container}/stop?t=0")
                    self.assertFalse(self.client.get(f"/containers/{container}/json").json()["State"]["Running"])
                    self.assertEqual(self.client.delete(f"/containers/{container}?force=1").status, 204)
                    self.assertIsNone(bystander.poll(), "a process of the host was killed")
                finally:
                    bystander.kill()
                    bystander.wait()

    def take_pid(self, pid):
        for _ in range(2000):
            pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
            process = subprocess.Popen(["sleep", "1000"])
            if process.pid == pid:
                return process
            process.kill()
            process.wait()
        raise RuntimeError(f"the pid {pid} is not given again")

    def test_signals_that_are_none_are_refused(self):
        """Row "pid reuse": a number is no way to another process."""
        container = self.client.run(self.image, ["sleep", "1000"])
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        for number in ("0", "-1", "-9", "999", "65", "9.5", "KILL%20-1", "x"):
            self.assertEqual(self.client.post(f"/containers/{container}/kill?signal={number}").status, 400, number)
        self.assertTrue(self.client.get(f"/containers/{container}/json").json()["State"]["Running"])


class HostFiles(AttackTest):
    def another(self, *flags, **more):
        """An engine beside the usual one."""
        engine = PrivateEngine("--bridge", "davit-test1", "--bip", "10.214.0.1/16", "--sandbox-stock", "0", *flags, **more)
        self.addCleanup(engine.destroy)
        return engine

    def use(self, engine):
        self.assertIsNone(engine.client.pull(self.image))
        container = engine.client.run(self.image, ["echo", "lives"])
        self.assertEqual(engine.client.wait(container), 0)
        self.assertEqual(engine.client.output(container)[0], b"lives\n")
        self.assertEqual(engine.client.delete(f"/containers/{container}").status, 204)

    def test_a_link_in_a_place_of_the_engines_files_is_not_followed(self):
        """Rows "links in run directories" and CVE-2014-3499."""
        token, inside = str(self.canary / "token"), str(self.canary / "made")
        for name in ("davitd.pid", "shim.sock", "output.journal", "davitd.lock", "shim.lock", "state.db"):
            engine = self.another()
            for root in (engine.data_root, engine.exec_root):
                os.makedirs(root, 0o711, exist_ok=True)
                os.symlink(token if name != "shim.sock" else inside, f"{root}/{name}")
            with self.subTest(name):
                try:
                    engine.start()
                    self.use(engine)
                    engine.stop()
                except RuntimeError as refusal:
                    self.assertNotIn(SECRET, str(refusal))
                    engine.destroy()
                self.assertEqual(self.look(), self.expected, "the link was followed")
        engine = self.another()
        os.symlink(inside, engine.socket)
        try:
            engine.start()
            engine.stop()
        except RuntimeError:
            engine.destroy()
        self.assertEqual(self.look(), self.expected, "the socket was made behind the link")

    def test_separators_in_the_names_of_roots_are_names(self):
        """Row "overlay option injection"."""
        engine = self.another()
        engine.flags += ["--data-root", f"{engine.folder}/a:b,c\\d upperdir=x,lowerdir={self.canary}/data".replace(f"{self.canary}/", "y"),
                         "--exec-root", f"{engine.folder}/r:u,n\\x"]
        engine.start()
        self.use(engine)
        engine.stop()

    def test_a_full_disk_ends_no_engine_and_no_container(self):
        """Rows "full disk" of the logs and of the data root: output is dropped while there is no room, and logged again after."""
        room = tempfile.mkdtemp(prefix="full-", dir="/var/tmp")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "davit-test-full", room], check=True)
        self.addCleanup(os.rmdir, room)
        self.addCleanup(subprocess.run, ["umount", "-l", room], check=True)
        engine = self.another("--data-root", f"{room}/data")
        engine.start()
        client = engine.client
        self.assertIsNone(client.pull(self.image))
        script = "trap 'echo again' USR1; while :; do head -c 100000 /dev/zero | tr '\\0' x; echo; [ -e /quiet ] || sleep 0.01; done"
        container = client.run(self.image, ["sh", "-c", script])
        fill = pathlib.Path(room, "fill")
        with open(fill, "wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                pass
        for _ in range(3000):
            if "are not logged" in engine.log_text():
                break
            client.get("/_ping")
        self.assertIn("are not logged", engine.log_text())
        self.assertTrue(client.get(f"/containers/{container}/json").json()["State"]["Running"])
        reference = self.push("too-large", Tar().file("noise", os.urandom(4 << 20)))
        before = {str(p) for p in pathlib.Path(room, "data").rglob("*")}
        self.assertRegex(client.pull(reference) or "was pulled", "(?i)space|full")
        self.assertEqual([p for p in {str(p) for p in pathlib.Path(room, "data").rglob("*")} - before if not p.endswith(("-wal", "-shm", "-journal")) and "/blobs/" not in p], [])
        self.client.post("/containers/create", {"Image": self.image})
        created = client.post("/containers/create", {"Image": self.image, "Cmd": ["true"]})
        self.assertIn(created.status, (201, 500), created)
        fill.unlink()
        self.assertEqual(client.post(f"/containers/{container}/kill?signal=USR1").status, 204)
        for _ in range(3000):
            out, _ = split_frames(client.get(f"/containers/{container}/logs?stdout=1&tail=20").body)
            if b"again" in out:
                break
            client.post(f"/containers/{container}/kill?signal=USR1")
        self.assertIn(b"again", out)
        self.assertEqual(client.delete(f"/containers/{container}?force=1").status, 204)
        self.assertEqual(client.delete(f"/images/{self.image}?force=1").status, 200)
        self.assertIsNone(client.pull(self.image))
        engine.remove_containers()
        engine.stop()
