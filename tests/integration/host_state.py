#!/usr/bin/env python3
"""What an engine may leave behind on a host: mounts, links, network namespaces, cgroups, nftables rules.

    before = host_state.snapshot()
    ...
    host_state.settled(before)          # [] or ["link veth12 is left behind", …] once things have had time to go

By hand, and from bats:  host_state.py take FILE;  host_state.py compare FILE [ALLOWED-REGEX]
"""

import json
import os
import pathlib
import re
import subprocess
import sys

from waiting import awaited, is_empty


def mounts():
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        found.append(f"{left.split()[4]} ({right.split()[0]})")
    return found


def cgroups():
    found = []
    for mount in mounts():
        point, _, kind = mount.partition(" (")
        if kind.startswith("cgroup"):
            found += [path for path, _, _ in os.walk(point)]
    return found


def network_namespaces():
    found = set()
    for process in pathlib.Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(os.readlink(process))
        except OSError:
            continue  # it has just ended
    return sorted(found)


def firewall():
    """Every line of the rules with the table that it is in, counters left out."""
    listing = subprocess.run(["nft", "list", "ruleset"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found, table, seen = [], "", {}
    for line in listing.splitlines():
        if line.startswith("table "):
            table = line.removesuffix(" {")
        for piece in re.split(r",|elements = ", re.sub(r"counter packets \d+ bytes \d+", "counter", line)):
            if rule := piece.strip(" \t{}"):
                text = f"{table}: {rule}"
                seen[text] = seen.get(text, 0) + 1
                found.append(text if seen[text] == 1 else f"{text} ({seen[text]} times)")
    return found


def snapshot():
    return {
        "mount": mounts(),
        "link": sorted(os.listdir("/sys/class/net")),
        "network namespace": network_namespaces(),
        "cgroup": cgroups(),
        "nftables": firewall(),
        "named namespace": sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else [],
    }


def difference(before, after, allowed=None):
    """What is in `after` and not in `before`, as sentences; those that the regular expression `allowed` finds are left out."""
    found = []
    for kind, things in after.items():
        old = list(before[kind])
        for thing in things:
            if thing in old:
                old.remove(thing)  # two mounts at one point are two things
            else:
                found.append(f"{kind} {thing} is left behind")
    return [text for text in found if not (allowed and re.search(allowed, text))]


def settled(before, allowed=None, seconds=10):
    """The difference to now, looked at again until it is empty: an engine lets go of things after it has answered."""
    return awaited(lambda: difference(before, snapshot(), allowed), is_empty, seconds)


def main():
    if sys.argv[1:2] == ["take"] and len(sys.argv) == 3:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(snapshot()))
        return 0
    if sys.argv[1:2] == ["compare"] and len(sys.argv) in (3, 4):
        found = settled(json.loads(pathlib.Path(sys.argv[2]).read_text()), *sys.argv[3:])
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
