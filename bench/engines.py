"""Engines under measurement: their sockets, their processes and what those weigh."""

import pathlib
import re
import socket
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/integration"))
from engine import Connection  # noqa: E402

# Which processes belong to an engine's running containers, by the kind of engine.
PROCESS_NAMES = {
    "davit": ("davitd", "davit-shim", "davit-zygote"),
    "podman": ("podman", "conmon"),
    "docker": ("dockerd", "containerd", "containerd-shim", "docker-proxy", "docker-init"),
}


class Engine:
    """One engine behind a unix socket. Requests go over one kept connection, so that no handshake is measured."""

    def __init__(self, name, path):
        self.name, self.path = name, path.removeprefix("unix://")
        self.connect()
        version = self.get("/version")
        names = [version.get("Platform", {}).get("Name", "")] + [c["Name"] for c in version.get("Components", [])]
        parts = " ".join(names).lower()
        self.kind = next((k for k in ("davit", "podman") if k in parts), "docker")
        self.version = version["Version"]

    def connect(self):
        """Once more before a measurement: dockerd closes connections that were idle for five minutes."""
        self.connection = Connection(self.path, timeout=600)

    def another(self):
        """The same engine over a connection of its own, for a request beside others."""
        return Engine(self.name, self.path)

    def ask(self, method, target, body=None, wanted=(200, 201, 204)):
        answer = self.connection.request(method, target, body)
        if answer.status not in wanted:
            raise RuntimeError(f"{self.name}: {method} {target}: {answer!r}")
        return answer

    def get(self, target):
        return self.ask("GET", target).json()

    def post(self, target, body=None):
        return self.ask("POST", target, body)

    def delete(self, target):
        return self.ask("DELETE", target, wanted=(200, 204))

    def create(self, image, command, network="bridge"):
        body = {"Image": image, "Cmd": command, "HostConfig": {"NetworkMode": network}}
        return self.post("/containers/create", body).json()["Id"]

    def pull(self, reference):
        name, _, tag = reference.rpartition(":")
        if self.kind == "podman":  # it wants to be told that a registry on loopback has no TLS, which only its own API can
            target = f"/v5.0.0/libpod/images/pull?reference={reference}&tlsVerify=false"
        else:
            target = f"/images/create?fromImage={name}&tag={tag}"
        last = self.post(target).json_lines()[-1]
        if "error" in last:
            raise RuntimeError(f"{self.name}: pulling {reference}: {last['error']}")

    def daemon_pid(self):
        """The process that listens on the socket (SO_PEERCRED tells who called listen)."""
        credentials = self.connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return struct.unpack("3i", credentials)[0]

    def idle_memory(self):
        """KiB of the daemon, its descendants and, where there is one, its shim."""
        own = descendants(self.daemon_pid())
        own |= {pid for pid, name, _ in processes() if self.kind == "davit" and name in ("davit-shim", "davit-zygote")}
        return sum(proportional_size(pid) for pid in own)

    def memory(self):
        """KiB of every process that bears a name of this kind of engine: for differences, since others may idle beside."""
        names = PROCESS_NAMES[self.kind]
        return sum(proportional_size(pid) for pid, name, _ in processes() if name.startswith(names))


def processes():
    """(pid, name, parent) of every process."""
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name, rest = re.fullmatch(r"\d+ \((.*)\) (.*)\n?", (folder / "stat").read_text(), re.S).groups()
        except OSError:
            continue  # it ended meanwhile
        yield int(folder.name), name, int(rest.split()[1])


def descendants(root):
    found, all_processes = {root}, list(processes())
    while grown := {pid for pid, _, parent in all_processes if parent in found} - found:
        found |= grown
    return found


def proportional_size(pid):
    """PSS in KiB: memory that is shared counts by its share (proc(5), smaps_rollup). 0 when the process has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
