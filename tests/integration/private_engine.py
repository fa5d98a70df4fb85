#!/usr/bin/env python3
"""Starts a davitd of one's own, with its roots, bridge and socket in a new folder, and ends it without a trace.

    with PrivateEngine() as engine:                      # or .start() and .stop()
        engine.client.get("/_ping")

Runs only in a world of its own (tests/own_world), where nothing of the host can be met; tests/run does that. The build
under test is the folder DAVIT_BUILD. From bats, by engine.bash:
    private_engine.py start [DAVITD-FLAGS...]            prints shell assignments; the engine keeps running
    private_engine.py stop|kill|restart FOLDER
"""

import json
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import engine as engine_client
from waiting import awaited, is_empty

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORTS = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL")


def build_folder():
    return pathlib.Path(os.environ.get("DAVIT_BUILD", ROOT / "build/release")).resolve()


def program(name):
    """The path of a program in the build under test."""
    for path in sorted(build_folder().rglob(name)):
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise FileNotFoundError(f"{build_folder()} has no program {name}; build it first, or set DAVIT_BUILD")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ends_within(pid, seconds):
    """Waits for a process that need not be a child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


class PrivateEngine:
    def __init__(self, *flags, folder=None, environment=None, process=None):
        """`flags`: further flags for davitd, which win over those given here. `folder`: one that an earlier object made.
        `process`: what Popen is told more (umask, pass_fds)."""
        if not os.environ.get("DAVIT_OWN_WORLD"):
            raise RuntimeError("an engine under test runs in a world of its own: use tests/run -k NAME, or tests/own_world")
        self.folder = folder or tempfile.mkdtemp(prefix="davit-test-", dir=os.environ.get("DAVIT_TEST_DIR", "/var/tmp"))
        self.socket = f"{self.folder}/davit.sock"
        self.data_root, self.exec_root = f"{self.folder}/data", f"{self.folder}/run"
        self.log = f"{self.folder}/davitd.log"
        self.client = engine_client.Client(self.socket)
        self.environment, self.process = environment or {}, process or {}
        self.child, self.pid, self.flags, self.registry = None, None, list(flags), None
        if folder:
            kept = json.loads(pathlib.Path(folder, "engine.json").read_text())
            self.pid, self.flags, self.registry = kept["pid"], kept["flags"], kept["registry"]

    def command(self):
        self.registry = self.registry or f"127.0.0.1:{free_port()}"
        given = {flag.partition("=")[0] for flag in self.flags if flag.startswith("-")}
        mine = {
            "--data-root": self.data_root,
            "--exec-root": self.exec_root,
            "--bridge": "davit-test0",
            "--bip": "10.213.0.1/16",
            "--registry": self.registry,
            "--log-level": "debug",
        }
        words = [program("davitd"), "-H", f"unix://{self.socket}"]
        for flag, value in mine.items():
            words += [flag, value] if flag not in given else []
        return words + self.flags

    def start(self):
        """Returns when the engine answers. May be called again after stop_daemon() or kill(): the roots are the same."""
        try:
            command = self.command()
        except FileNotFoundError:
            self.destroy()
            raise
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                env={**os.environ, **self.environment, "DAVIT_TEST_ENGINE": self.folder}, **self.process,
            )
        self.pid = self.child.pid
        pathlib.Path(self.folder, "engine.json").write_text(
            json.dumps({"pid": self.pid, "flags": self.flags, "registry": self.registry})
        )
        end = time.monotonic() + 30
        while True:
            try:
                if self.client.get("/_ping").status == 200:
                    return self
            except (OSError, EOFError):
                pass
            if self.child.poll() is not None or time.monotonic() > end:
                code, text = self.child.poll(), self.log_text()
                self.destroy()
                raise RuntimeError(f"davitd {'does not answer' if code is None else f'ended with {code}'}:\n{text[-4000:]}")
            time.sleep(0.02)

    def log_text(self):
        return pathlib.Path(self.log).read_text(errors="replace")

    def kill(self):
        """As a crash would: SIGKILL. Containers go on."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap(10)

    def stop_daemon(self, seconds=30):
        """SIGTERM; containers go on. Gives davitd's exit code (None when it was started by another process)."""
        if not ends_within(self.pid, 0):
            os.kill(self.pid, signal.SIGTERM)
        return self._reap(seconds)

    def _reap(self, seconds):
        if not ends_within(self.pid, seconds):
            raise RuntimeError(f"davitd (pid {self.pid}) has not ended within {seconds} s:\n{self.log_text()[-4000:]}")
        if self.child and self.child.pid == self.pid:
            return self.child.wait()
        return None

    def processes(self):
        """{pid: command} of all that came from this engine's davitd: what kept its environment, and the shim by its socket."""
        mark, socket, found = f"DAVIT_TEST_ENGINE={self.folder}".encode(), f"{self.exec_root}/shim/".encode(), {}
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                is_ours = mark in (process / "environ").read_bytes().split(b"\0") or socket in command
                if command and is_ours and int(process.name) != os.getpid():
                    found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue  # it has just ended
        return found

    def processes_that_stay(self, seconds=10):
        """What is left of processes() when all had the time to end: the shim ends by itself, just after davitd."""
        return awaited(self.processes, is_empty, seconds)

    def shims(self):
        """The pids of davit-shim itself; sandboxes that wait below it bear the same command."""
        alike = [pid for pid, command in self.processes().items() if "davit-shim" in command]
        parents = {pid: int(re.search(r"^PPid:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]) for pid in alike}
        return [pid for pid in alike if parents[pid] not in alike]

    def remove_containers(self):
        for container in self.client.get("/containers/json?all=1").json():
            self.client.delete(f"/containers/{container['Id']}?force=1&v=1")

    def stop(self):
        """Removes all containers, stops davitd, removes the folder. Raises when anything went wrong or stays behind."""
        wrong = []
        try:
            if not ends_within(self.pid, 0):
                self.remove_containers()
            code = self.stop_daemon()
            if code not in (None, 0):
                wrong.append(f"davitd ended with {code}")
            left = self.processes_that_stay()
            wrong += [f"process {pid} ({command}) outlives an engine without containers" for pid, command in left.items()]
            if REPORTS.search(self.log_text()):
                wrong.append("a sanitizer reported")
            wrong += [f"mount {mount} is left" for mount in self.mounts()]
            if wrong:
                wrong.append(self.log_text()[-6000:])
        finally:
            self.destroy()
        if wrong:
            raise RuntimeError("\n".join(wrong))

    def mounts(self):
        lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
        return [line.split()[4] for line in lines if line.split()[4].startswith(self.folder + "/")]

    def destroy(self):
        """Ends and removes whatever there still is."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            ends_within(pid, 5)
        if self.child:
            self.child.wait()
        for mount in reversed(self.mounts()):
            subprocess.run(["umount", "-l", mount], check=False)
        if (kept := os.environ.get("DAVIT_KEEP_LOGS")) and os.path.exists(self.log):
            shutil.copy(self.log, pathlib.Path(kept, pathlib.Path(self.folder).name + ".log"))
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.destroy()


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "start":
        engine = PrivateEngine(*sys.argv[2:]).start()
        for name, value in {
            "ENGINE_FOLDER": engine.folder, "ENGINE_PID": engine.pid, "ENGINE_SOCKET": engine.socket,
            "ENGINE_REGISTRY": engine.registry, "DOCKER_HOST": f"unix://{engine.socket}", "DAVIT": program("davit"),
        }.items():
            print(f"export {name}={shlex.quote(str(value))}")
    elif what in ("stop", "kill", "restart") and len(sys.argv) == 3:
        engine = PrivateEngine(folder=sys.argv[2])
        if what == "stop":
            engine.stop()
        elif what == "kill":
            engine.kill()
        else:
            engine.stop_daemon()
            engine.start()
            print(f"export ENGINE_PID={engine.pid}")
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
