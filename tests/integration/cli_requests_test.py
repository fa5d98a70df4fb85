#!/usr/bin/env python3
"""What run and create ask of an engine, flag by flag: the same as docker's CLI, where it is there. The engine is the test.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/cli_requests_test.py [WORD]
"""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from fake_engine import FakeEngine, say
from private_engine import program

SECONDS = 30


def has_docker_28():
    return shutil.which("docker") and " 28." in subprocess.run(["docker", "--version"], capture_output=True, text=True).stdout


class ListeningEngine(FakeEngine):
    """Makes no container, and remembers what it was to be."""

    def __init__(self, listener):
        self.wanted, self.wanted_headers = None, {}
        super().__init__(listener)

    def answer(self, connection, target):
        self.wanted, self.wanted_headers = json.loads(self.body), dict(self.headers)
        say(connection, "400 Bad Request", b'{"message": "heard"}', "Content-Type: application/json\r\n")
        return True


def without_nothings(held):
    """What says nothing may be left out: both ways are the same to an engine."""
    if isinstance(held, dict):
        kept = {key: without_nothings(value) for key, value in held.items()}
        return {key: value for key, value in kept.items() if value not in (None, {}, [], "", 0, False, [0, 0])}
    return [without_nothings(each) for each in held] if isinstance(held, list) else held


def plain(body):
    """Of a request, what differs from the least that both send."""
    body = without_nothings(body)
    host = body.get("HostConfig", {})
    for key, value in (("MemorySwappiness", -1), ("RestartPolicy", {"Name": "no"}), ("NetworkMode", "default")):
        if host.get(key) == value:
            del host[key]
    for holder, key in ((body, "Env"), (host, "Binds")):
        if key in holder:
            holder[key].sort()  # docker keeps them in maps, and sends them in any order
    return without_nothings(body)


class CliRequests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.address = f"unix://{self.folder}/engine.sock"
        self.engine = ListeningEngine.on_unix_socket(self.folder / "engine.sock")
        self.addCleanup(self.engine.close)
        self.settings = self.folder / ".docker/config.json"
        self.settings.parent.mkdir()
        self.settings.write_text("{}")

    def create_with(self, command_line, words=""):
        return subprocess.run([command_line, "-H", self.address, "create", *shlex.split(words), "image"], capture_output=True, text=True,
                              timeout=SECONDS, stdin=subprocess.DEVNULL, cwd=self.folder,
                              env={"HOME": str(self.folder), "PATH": os.environ["PATH"]})

    def ask(self, words):
        """What create asks for, as davit and docker say it: the request, or why there is none."""
        said = []
        for each in [program("davit")] + (["docker"] if has_docker_28() else []):
            self.engine.wanted = None
            done = self.create_with(each, words)
            wanted = plain(self.engine.wanted) if self.engine.wanted else (done.returncode, done.stderr.replace("davit", "docker"))
            said.append(wanted)
        self.assertEqual(said[0], said[-1], f"davit and docker differ on {words}")
        return said[0]

    def endpoint(self, words, network):
        return self.ask(words)["NetworkingConfig"]["EndpointsConfig"][network]

    def mount(self, words):
        return self.ask(f"--mount {words}")["HostConfig"]["Mounts"][0]

    def check_refused(self, words, reason):
        code, text = self.ask(words)
        self.assertEqual(code, 125)
        self.assertIn(reason, text.splitlines()[0])

    def test_a_network_is_described_by_fields(self):
        self.assertEqual(
            self.endpoint("--network name=N1,alias=a,alias=b,ip=1.2.3.4,ip6=2001:db8::1,mac-address=02:42:ac:11:00:99,"
                          "link-local-ip=169.254.1.1,driver-opt=x.y=z,gw-priority=3", "n1"),
            {"Aliases": ["a", "b"], "MacAddress": "02:42:ac:11:00:99", "DriverOpts": {"x.y": "z"}, "GwPriority": 3,
             "IPAMConfig": {"IPv4Address": "1.2.3.4", "IPv6Address": "2001:db8::1", "LinkLocalIPs": ["169.254.1.1"]}})
        both = self.ask("--network name=n1 --network name=n2,alias=z --network-alias a --link c:d")
        self.assertEqual(both["NetworkingConfig"]["EndpointsConfig"],
                         {"n1": {"Aliases": ["a"], "Links": ["c:d"]}, "n2": {"Aliases": ["z"]}})
        self.assertEqual(both["HostConfig"], {"NetworkMode": "n1", "Links": ["c:d"]})

    def test_networks_that_cannot_be_joined_are_refused(self):
        for words, reason in (
            ("--network n1,alias=x", "invalid field n1"),
            ("--network alias=x", "network name/id is not specified"),
            ("--network name=n1,foo=x", "invalid field key foo"),
            ("--network name=n1,driver-opt=x", "invalid key value pair format in driver options"),
            ("--network name=n1,gw-priority=x", "invalid gw-priority (x): invalid syntax"),
            ("--network name=n1,alias=a --network-alias b", "cannot specify both --network-alias and per-network alias"),
            ("--network name=n1,ip=1.1.1.1 --ip 1.2.3.4", "cannot specify both --ip and per-network IPv4 address"),
            ("--network name=bridge,alias=x", "network-scoped aliases are only supported for user-defined networks"),
            ("--network bridge --network n1", "cannot attach both user-defined and non-user-defined network-modes"),
            ("--network n1 --network n1", 'network "n1" is specified multiple times'),
            ("--network ''", "no name set for network"),
            ("--mac-address x", "x is not a valid mac address"),
        ):
            self.check_refused(words, reason)

    def test_a_mount_has_the_options_of_its_type(self):
        self.assertEqual(self.mount("type=bind,src=/tmp,dst=/x,ro,bind-propagation=rprivate,bind-recursive=readonly,consistency=cached"),
                         {"Type": "bind", "Source": "/tmp", "Target": "/x", "ReadOnly": True, "Consistency": "cached",
                          "BindOptions": {"Propagation": "rprivate", "ReadOnlyForceRecursive": True}})
        self.assertEqual(self.mount("type=bind,src=./here,dst=/x,bind-recursive=disabled"),
                         {"Type": "bind", "Source": f"{self.folder}/here", "Target": "/x", "BindOptions": {"NonRecursive": True}})
        self.assertEqual(
            self.mount("src=v,dst=/x,volume-nocopy,volume-label=a=b,volume-driver=d,volume-opt=type=nfs,volume-subpath=s"),
            {"Type": "volume", "Source": "v", "Target": "/x",
             "VolumeOptions": {"NoCopy": True, "Subpath": "s", "Labels": {"a": "b"}, "DriverConfig": {"Name": "d", "Options": {"type": "nfs"}}}})
        self.assertEqual(self.mount("type=tmpfs,dst=/x,tmpfs-size=1m,tmpfs-mode=1777"),
                         {"Type": "tmpfs", "Target": "/x", "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 0o1777}})
        self.assertEqual(self.mount("""'TYPE=bind,"src=/a,b",dst=/x'"""), {"Type": "bind", "Source": "/a,b", "Target": "/x"})
        for words, reason in (
            ("src=/tmp", "target is required"),
            ("type=bind,src=/tmp,dst=/x,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"),
            ("type=bind,src=/tmp,dst=/x,ro=maybe", "invalid value for ro: maybe"),
            ("type=tmpfs,dst=/x,tmpfs-mode=x", "invalid value for tmpfs-mode: x"),
            ("type=bind,src=/tmp,dst=/x,bind-recursive=readonly", "option 'bind-recursive=readonly' requires 'readonly'"),
            ("type=bind,src=/tmp,dst=/x,nope=1", "unexpected key 'nope' in 'nope=1'"),
        ):
            self.check_refused(f"--mount {words}", reason)

    def test_the_same_is_sent_for_the_same_flags(self):
        for words in (
            "-v ./rel:/x -v /tmp:/y:ro -v named:/z -v /anonymous",
            "-p published=80,target=81 -p target=82,protocol=udp -p 127.0.0.1:90-91:90-91",
            "--gpus all", "--gpus '\"device=0,1\",driver=nvidia,capabilities=compute'", "--gpus count=1,options=a=b",
            "--device vendor.com/class=x", "--cap-add all --cap-add NET_ADMIN --cap-drop cap_chown",
            "--security-opt systempaths=unconfined --security-opt no-new-privileges --security-opt label:disable",
            "--dns-opt x --dns-option y --dns-search a.b. --add-host 'd:[::1]'", "--cpus 0.29", "--cpus 1/2",
            "-e NONE -e A=1 -e A=2", "--sysctl net.ipv4.ip_forward=1 --ulimit nofile=1:2",
        ):
            self.assertIsInstance(self.ask(words), dict, words)

    def test_what_cannot_be_right_is_refused_before_anybody_is_asked(self):
        for words, reason in (
            ("--sysctl kernel.hostname=x", "sysctl 'kernel.hostname=x' is not allowed"),
            ("--ulimit foo=1", "invalid ulimit type: foo"),
            ("--security-opt foo", 'Invalid --security-opt: "foo"'),
            ("--security-opt seccomp=/nope", "opening seccomp profile (/nope) failed: open /nope: no such file or directory"),
            ("-v :/x", "invalid spec: :/x: empty section between colons"),
            ("-v ''", "invalid empty volume spec"),
            ("-p 1.2.3:80:80", "invalid IP address: 1.2.3"),
            ("--cpus 0.0000000001", "value is too precise"),
            ("--blkio-weight 70000", 'strconv.ParseUint: parsing "70000": value out of range'),
            ("--blkio-weight-device /dev/x:5", "invalid weight for device: /dev/x:5"),
            ("--device-read-bps /dev/x:y", "invalid rate for device: /dev/x:y. The correct format is <device-path>:<number>[<unit>]."),
            ("--gpus x", 'invalid count (x): value must be either "all" or an integer: invalid syntax'),
            ("--log-driver none --log-opt a=b", "invalid logging opts for driver none"),
            ("--storage-opt size", "invalid storage option"),
            ("--health-interval -1s", "--health-interval cannot be negative"),
            ("--health-retries -1", "--health-retries cannot be negative"),
            ("--pid container:", "--pid: invalid PID mode"),
            ("--dns-search 1.2", "1.2 is not a valid domain"),
        ):
            self.check_refused(words, reason)

    def test_containers_are_told_of_the_settings_proxies(self):
        proxies = {"default": {"httpProxy": "http://p:1", "noProxy": "local"}}
        told = {"HTTP_PROXY=http://p:1", "http_proxy=http://p:1", "NO_PROXY=local", "no_proxy=local"}
        self.settings.write_text(json.dumps({"proxies": proxies}))
        for words, expected in (
            ("", told), ("-e HTTP_PROXY=mine", told - {"HTTP_PROXY=http://p:1"} | {"HTTP_PROXY=mine"}),
            ("-e http_proxy=", told - {"http_proxy=http://p:1"} | {"http_proxy="}), ("-e A=1", told | {"A=1"}),
        ):
            self.check_environment(words, expected)
        self.settings.write_text(json.dumps({"proxies": {**proxies, self.address: {"allProxy": "p:2"}}}))
        self.check_environment("", {"ALL_PROXY=p:2", "all_proxy=p:2"})

    def check_environment(self, words, expected):
        """Docker's variables come in any order."""
        for each in [program("davit")] + (["docker"] if has_docker_28() else []):
            self.create_with(each, words)
            self.assertEqual(set(self.engine.wanted["Env"]), expected, f"{each} {words}")

    def test_requests_carry_the_settings_headers(self):
        self.settings.write_text('{"HttpHeaders": {"X-Team": "blue", "User-Agent": "mine"}}')
        for each in [program("davit")] + (["docker"] if has_docker_28() else []):
            self.create_with(each)
            self.assertEqual(self.engine.wanted_headers.get("x-team"), "blue", each)
            self.assertNotEqual(self.engine.wanted_headers["user-agent"], "mine", each)


if __name__ == "__main__":
    unittest.main()
