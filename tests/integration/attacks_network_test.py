#!/usr/bin/env python3
"""Attacks of one container on its neighbours, its gateway and the host over the network: each fails.

Covered here: forged ARP, Ethernet and IPv4 source addresses; router advertisements and IPv6; the host's loopback and the engine's
ports; what an earlier container left. What the bridge's rules say packet by packet is in tests/modules/network/bridge/bridge_traffic_test.cpp.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/attacks_network_test.py [WORD]
"""

import contextlib
import pathlib
import re
import socket
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_world import AttackTest

BRIDGE = "davit-test0"
LAST = b"the last of them"
STRANGER = "02:42:00:00:00:07"

# Prints the frames that an interface hears, as hex, up to the one that says LAST.
LISTEN = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind((sys.argv[1], 0))
print("listening", flush=True)
frame = b""
while b"the last of them" not in frame:
    frame, address = wire.recvfrom(65536)
    if address[2] != socket.PACKET_OUTGOING:
        print(frame.hex(), flush=True)
"""

SEND = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0))
for line in sys.stdin:
    wire.send(bytes.fromhex(line))
"""

TAGS = {"plain": b"", "tagged": bytes.fromhex("81000000"), "tagged twice": bytes.fromhex("8100000081000000"),
        "tagged in a service tag": bytes.fromhex("88a8000081000000")}


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def arp(operation, source_mac, source, target_mac, target):
    return b"\x08\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, operation) + source_mac + socket.inet_aton(source) + target_mac + socket.inet_aton(target)


def udp(source, target, text):
    """A packet to port 7777, without the checksum of UDP, which may be left out."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(text), 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return b"\x08\x00" + header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:] + struct.pack("!HHHH", 7777, 7777, 8 + len(text), 0) + text


class Member:
    """A running container on the bridge, as its neighbours know it."""

    def __init__(self, inspected):
        self.pid, settings = inspected["State"]["Pid"], inspected["NetworkSettings"]
        settings = settings.get("Networks", {}).get("bridge") or settings
        self.address, self.gateway, self.mac = settings["IPAddress"], settings["Gateway"], mac(settings["MacAddress"])

    def command(self, *words):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *words]

    def inside(self, *words, **options):
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=True, **options).stdout

    def send(self, *frames):
        """Sends frames as they are, with no capability but NET_RAW."""
        self.inside("setpriv", "--bounding-set=-all,+net_raw", sys.executable, "-c", SEND, input="\n".join(f.hex() for f in frames))

    def listener(self):
        return self.command(sys.executable, "-c", LISTEN, "eth0")


class NetworkTest(AttackTest):
    def member(self, *command, **host):
        container = self.client.run(self.image, list(command or ("sleep", "1000")), HostConfig=host)
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        return Member(self.client.get(f"/containers/{container}/json").json())

    @contextlib.contextmanager
    def hearing(self, *listeners):
        """What each listener hears from here until it hears LAST, in lists that are full when the block has ended."""
        running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for words in listeners]
        heard = [[] for _ in running]
        try:
            for process in running:
                self.assertEqual(process.stdout.readline(), "listening\n")
            yield heard
            for frames, process in zip(heard, running):
                frames += [bytes.fromhex(line) for line in process.communicate(timeout=20)[0].splitlines()]
        finally:
            for process in running:
                process.kill()
                process.communicate()


class Impersonation(NetworkTest):
    """Row "ARP, MAC and IP spoofing": by a container with NET_RAW, which every container has unless it is dropped."""

    def setUp(self):
        super().setUp()
        self.attacker, self.victim, self.neighbour = self.member(), self.member(), self.member()
        self.gateway = self.attacker.gateway
        self.bridge_mac = mac(pathlib.Path(f"/sys/class/net/{BRIDGE}/address").read_text().strip())
        # The victim knows its neighbour, and by its kernel's own rules would believe the next to say otherwise at once.
        self.victim.inside("sh", "-c", "echo 0 >/proc/sys/net/ipv4/neigh/eth0/locktime; echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_accept")
        pathlib.Path(f"/proc/sys/net/ipv4/neigh/{BRIDGE}/locktime").write_text("0")
        self.owners = {m.address: m.mac.hex(":") for m in (self.attacker, self.victim, self.neighbour)}
        self.owners[self.gateway] = self.bridge_mac.hex(":")

    def ask(self, member, address):
        member.inside("busybox", "ping", "-c", "1", "-W", "5", address)

    def neighbours(self):
        """What the victim and the host take these addresses' MAC addresses to be."""
        def known(text):
            return {address: lladdr for address, lladdr in re.findall(r"^(\S+) .*lladdr (\S+)", text, re.M) if address in self.owners}

        host = subprocess.run(["ip", "neigh", "show", "dev", BRIDGE], capture_output=True, text=True, check=True).stdout
        return known(self.victim.inside("ip", "neigh")), known(host)

    def ports(self):
        """On which ports the bridge has which of the MAC addresses that are told here."""
        table = subprocess.run(["bridge", "fdb", "show", "br", BRIDGE], capture_output=True, text=True, check=True).stdout
        return sorted(line for line in table.splitlines() if line.startswith((*self.owners.values(), STRANGER)))

    def assert_unheard(self, *forged):
        """The attacker sends these, then says something honest to the victim and to the gateway: they hear the honest alone."""
        ports = self.ports()
        self.ask(self.victim, self.neighbour.address)
        honest = [to + self.attacker.mac + udp(self.attacker.address, address, LAST)
                  for to, address in ((self.victim.mac, self.victim.address), (self.bridge_mac, self.gateway))]
        with self.hearing(self.victim.listener(), [sys.executable, "-c", LISTEN, BRIDGE]) as heard:
            self.attacker.send(*forged, *honest)
        for name, frames in zip(("the victim", "the host"), heard):
            self.assertIn(LAST, frames[-1])
            self.assertEqual([f.hex() for f in frames if b"forged" in f], [], f"{name} has heard it")
        victim, host = self.neighbours()
        self.assertEqual(victim.get(self.neighbour.address), self.owners[self.neighbour.address])
        for table in (victim, host):
            self.assertLessEqual(table.items(), self.owners.items())
        self.assertEqual(self.ports(), ports)

    def targets(self):
        return (self.victim.mac, self.victim.address), (self.bridge_mac, self.gateway), (b"\xff" * 6, self.victim.address)

    def test_forged_arp_moves_no_neighbour(self):
        for name, tags in TAGS.items():
            with self.subTest(name):
                self.assert_unheard(*(
                    to + self.attacker.mac + tags + arp(operation, said, source, to, address) + b"forged"
                    for to, address in self.targets() for source in (self.gateway, self.neighbour.address, self.victim.address)
                    for operation in (1, 2) for said in (self.attacker.mac, self.bridge_mac)))

    def test_an_announcement_of_anothers_address_moves_nobody(self):
        everybody = b"\xff" * 6
        self.assert_unheard(*(everybody + self.attacker.mac + arp(operation, self.attacker.mac, source, b"\0" * 6, source) + b"forged"
                              for source in (self.gateway, self.neighbour.address, self.victim.address) for operation in (1, 2)))

    def test_a_foreign_mac_address_is_not_heard(self):
        for name, tags in TAGS.items():
            with self.subTest(name):
                self.assert_unheard(*(
                    to + claimed + tags + packet
                    for to, address in self.targets() for claimed in (self.neighbour.mac, self.victim.mac, self.bridge_mac, mac(STRANGER))
                    for packet in (udp(self.attacker.address, address, b"forged"), udp(self.neighbour.address, address, b"forged"),
                                   arp(2, claimed, self.neighbour.address, to, address) + b"forged")))

    def test_a_packet_from_a_foreign_address_is_not_heard(self):
        for name, tags in TAGS.items():
            with self.subTest(name):
                self.assert_unheard(*(to + self.attacker.mac + tags + udp(source, address, b"forged")
                                      for to, address in self.targets() for source in (self.gateway, self.neighbour.address, self.victim.address)))

    def test_whoever_speaks_as_itself_is_heard(self):
        """What the checks must let by: an address' probe (RFC 5227), broadcasts, routers for others, connections, and a
        container whose eth0 is a port of its own bridge."""
        attacker, victim, everybody = self.attacker, self.victim, b"\xff" * 6
        said = [everybody + attacker.mac + arp(1, attacker.mac, "0.0.0.0", b"\0" * 6, "10.213.200.200") + b"probe",
                everybody + attacker.mac + arp(1, attacker.mac, attacker.address, b"\0" * 6, "10.213.200.200") + b"question",
                victim.mac + attacker.mac + arp(2, attacker.mac, attacker.address, victim.mac, victim.address) + b"answer",
                everybody + attacker.mac + udp(attacker.address, "10.213.255.255", b"broadcast"),
                everybody + attacker.mac + udp("0.0.0.0", "255.255.255.255", b"looking for a server"),
                victim.mac + attacker.mac + udp("192.0.2.1", victim.address, b"routed"),
                victim.mac + attacker.mac + TAGS["tagged"] + udp(attacker.address, victim.address, LAST)]
        with self.hearing(victim.listener()) as (frames,):
            attacker.send(*said)
        for word in (b"probe", b"question", b"answer", b"broadcast", b"looking", b"routed"):
            self.assertTrue(any(word in frame for frame in frames), word)

        attacker.inside("sh", "-ec", f"""ip link add inner type bridge; ip link set eth0 master inner; ip link set inner up
            ip addr del {attacker.address}/16 dev eth0; ip addr add {attacker.address}/16 dev inner; ip route add default via {self.gateway}""")
        for address in (victim.address, self.gateway):
            self.ask(attacker, address)
        self.ask(victim, attacker.address)


class NetworkAttacks(NetworkTest):
    def test_a_network_without_ipv6_has_none(self):
        """CVE-2024-32473."""
        self.assertEqual(re.findall(r"(\w+)$", self.ran("cat /proc/net/if_inet6; ls /sys/class/net", host={}), re.M), ["lo", "eth0", "lo"])

    def test_a_router_advertisement_moves_nobody(self):
        """CVE-2020-13401, CVE-2020-10749: sent from within a container's network, as its NET_RAW would let it."""
        attacker, victim = self.member(), self.member()

        def state():
            host = subprocess.run(["ip", "-6", "route"], capture_output=True, text=True, check=True).stdout
            return host, *(victim.inside("ip", "-6", *words) for words in (("route",), ("addr",)))

        before = state()
        script = """
import socket, struct
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("eth0", 0))
source, target = bytes.fromhex("fe80000000000000000000000000dead"), bytes.fromhex("ff020000000000000000000000000001")
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 86400, 0) + bytes.fromhex("20010db8000000000000000000000000")
body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
pseudo = source + target + struct.pack("!II", len(body), 58) + body
total = sum(struct.unpack("!%dH" % (len(pseudo) // 2), pseudo))
total = (total & 0xFFFF) + (total >> 16)
body = body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]
header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + source + target
for _ in range(5):
    raw.send(bytes.fromhex("333300000001") + raw.getsockname()[4] + b"\\x86\\xdd" + header + body)
"""
        attacker.inside(sys.executable, "-c", script)
        attacker.inside("ip", "link")  # a round trip more, in which the kernel has handled the packets
        self.assertEqual(state(), before)
        self.assertNotIn("2001:db8", str(state()))

    def test_the_next_container_finds_nothing_of_those_before_it(self):
        """Row "recycled namespaces, addresses and flows": more containers than sandboxes are kept warm."""
        def look():
            said = self.ran("ip route; cat /proc/net/arp /proc/net/tcp /proc/net/udp /proc/sys/net/ipv4/ip_forward", host={})
            return re.sub(r"10\.213\.(?!0\.1\b)\d+\.\d+", "ADDRESS", said)

        before = look()
        self.assertIn("default via 10.213.0.1", before)
        for _ in range(10):
            said = self.ran("ip route add 192.0.2.0/24 via 10.213.0.1; nc -l -p 80 & nc -u -l -p 53 & ip route",
                            host={"CapAdd": ["NET_ADMIN"], "Sysctls": {"net.ipv4.ip_forward": "1"}})
            self.assertIn("192.0.2.0/24", said)
            self.assertEqual(look(), before)

    def test_the_hosts_loopback_and_the_engines_ports_are_out_of_reach(self):
        """CVE-2020-8558 and CVE-2025-9074: with NET_ADMIN, by routing 127.0.0.0/8 away, and by every address of the host."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            ports = f"{server.getsockname()[1]} {self.engine.registry.rpartition(':')[2]}"
            addresses = re.findall(r"inet ([\d.]+)", subprocess.run(["ip", "-4", "addr"], capture_output=True, text=True, check=True).stdout)
            said = self.ran(
                f"for p in {ports}; do for a in {' '.join(addresses)}; do nc -w 1 $a $p </dev/null >/dev/null && echo OPEN $a $p; done; done\n"
                "gateway=$(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p'); [ -n \"$gateway\" ] && echo GATEWAY\n"
                "ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.0/8 via $gateway && echo ROUTED\n"
                f"for p in {ports}; do nc -w 1 127.0.0.1 $p </dev/null >/dev/null && echo OPEN $p; done; true", host={"CapAdd": ["NET_ADMIN"]})
            self.assertIn("GATEWAY", said)
            self.assertIn("ROUTED", said)
            self.assertNotIn("OPEN", said)
            self.assertRaises(BlockingIOError, server.accept)
