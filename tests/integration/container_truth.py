#!/usr/bin/env python3
"""What an engine says of its containers, compared with what the kernel says.

    settled_contradictions(engine)       # [] or ["/c1 is told as running, but process 12 is not there", …]

Runs only in a world of its own (tests/own_world): every cgroup and interface there is the engine's.
"""

import os
import pathlib
import re
import signal
import sqlite3
import time

from waiting import awaited, is_empty

CGROUPS = pathlib.Path("/sys/fs/cgroup")
ID = re.compile(r"[0-9a-f]{64}")
HONEST = ("created", "running", "restarting", "exited")


def cgroups_of_containers():
    """{container id: its processes}, from the directories that there are."""
    found = {}
    for folder, _, _ in os.walk(CGROUPS):
        name = os.path.basename(folder)
        if not ID.fullmatch(name):
            continue
        try:
            processes = pathlib.Path(folder, "cgroup.procs").read_text().split()
        except OSError:
            continue  # it has just gone
        found.setdefault(name, set()).update(map(int, processes))
    return found


def remove_cgroups_of_containers():
    for pid in set().union(*cgroups_of_containers().values()):
        os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + 5
    while (left := cgroups_of_containers()) and time.monotonic() < end:
        for container in left:
            for folder in CGROUPS.rglob(container):
                try:
                    folder.rmdir()
                except OSError:
                    time.sleep(0.02)  # its processes are just ending


def is_process_of(pid, container):
    """Whether the process is there, is no corpse, and lies in the container's cgroup."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return ") Z " not in stat and container in pathlib.Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def contradictions(engine):
    found, known, addresses = [], set(), []
    cgroups = cgroups_of_containers()
    for listed in engine.client.get("/containers/json?all=1").json():
        answer = engine.client.get(f"/containers/{listed['Id']}/json")
        if answer.status == 404:
            continue  # it has just removed itself
        container = answer.json()
        container_id, name, state = container["Id"], container["Name"], container["State"]
        known.add(container_id)
        if state["Status"] not in HONEST:
            found.append(f"{name} is told as {state['Status']}")
        if state["Status"] == "running":
            if not is_process_of(state["Pid"], container_id):
                found.append(f"{name} is told as running, but process {state['Pid']} is not one of it")
            if container["HostConfig"]["NetworkMode"] == "bridge":
                addresses.append(container["NetworkSettings"]["Networks"]["bridge"]["IPAddress"])
        else:
            if state["Pid"]:
                found.append(f"{name} is told as {state['Status']}, with process {state['Pid']}")
            if cgroups.get(container_id):
                found.append(f"{name} is told as {state['Status']}, but {cgroups[container_id]} run in its cgroup")
            if state["Status"] == "exited" and state["FinishedAt"].startswith("0001"):
                found.append(f"{name} has ended at no time")
    for container_id in cgroups.keys() - known:
        found.append(f"the cgroup of {container_id} belongs to no container")
    for address in set(addresses):
        if not address or addresses.count(address) > 1:
            found.append(f"{addresses.count(address)} containers have the address {address!r}")
    return found


def settled_contradictions(engine, seconds=15):
    """Looked at again until there are none: containers start and end, and clean-up goes on, while this looks."""
    return awaited(lambda: contradictions(engine), is_empty, seconds)


def stored_rows(engine, kind):
    """How many objects of a kind the store of an engine that has ended holds."""
    with sqlite3.connect(f"file:{engine.data_root}/state.db?mode=ro", uri=True) as store:
        return store.execute("SELECT count(*) FROM entry WHERE kind = ?", (kind,)).fetchone()[0]


def files_of_containers(engine):
    """What the data root holds of containers and of half-made layers."""
    root = pathlib.Path(engine.data_root)
    folders = [p for p in (root / "containers").glob("*") if p.is_dir()]
    return [str(p.relative_to(root)) for p in [*folders, *(root / "overlay/c").glob("*"), *(root / "overlay/t").glob("*")]]


def files_of_images(engine):
    root = pathlib.Path(engine.data_root)
    return [str(p.relative_to(root)) for p in [*(root / "overlay/l").glob("*"), *(root / "overlay/chains").glob("*"),
                                               *(root / "blobs/sha256").glob("*")]]
