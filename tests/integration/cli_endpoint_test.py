#!/usr/bin/env python3
"""Which engine davit talks to: flags, environment, docker's contexts, certificates. The engines here are the test, and docker's
CLI, where it is there, has to find the same ones.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/cli_endpoint_test.py [WORD]
"""

import hashlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from certificates import Certificates
from fake_engine import FakeEngine, say
from private_engine import program

SECONDS = 30
ENDPOINT_VARIABLES = ("DAVIT_HOST", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG")


def has_docker_28():
    return shutil.which("docker") and " 28." in subprocess.run(["docker", "--version"], capture_output=True, text=True).stdout


class NamedEngine(FakeEngine):
    """Has one container, whose id is the engine's name."""

    def __init__(self, listener, name, tls=None):
        self.name = name
        super().__init__(listener, tls)

    def answer(self, connection, target):
        say(connection, "200 OK", json.dumps([{"Id": self.name}]).encode(), "Content-Type: application/json\r\n")
        return True


class CliEndpoint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.settings = self.folder / "home/.docker"
        self.settings.mkdir(parents=True)

    def engine(self, name):
        """On a unix socket; its address."""
        path = self.folder / f"{name}.sock"
        self.addCleanup(NamedEngine.on_unix_socket(path, name).close)
        return f"unix://{path}"

    def tls_engine(self, name):
        """On a TCP port, for who has a certificate of its authority; its address. Its certificates are in the test's folder."""
        made = Certificates(self.folder)
        made.authority("ca")
        made.signed("server", "ca", "server", "serverAuth", "IP:127.0.0.1")
        made.signed("client", "ca", "client", "clientAuth")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.folder / "ca.pem")
        tls.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        tls.verify_mode = ssl.CERT_REQUIRED
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.addCleanup(NamedEngine(listener, name, tls).close)
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"

    def context(self, name, host, certificates=None, **endpoint):
        """Makes the files that `docker context create` makes."""
        hashed = hashlib.sha256(name.encode()).hexdigest()
        folder = self.settings / "contexts/meta" / hashed
        folder.mkdir(parents=True)
        folder.joinpath("meta.json").write_text(json.dumps(
            {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False, **endpoint}}}))
        for file, source in (certificates or {}).items():
            place = self.settings / "contexts/tls" / hashed / "docker" / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((self.folder / source).read_bytes())

    def ask(self, words, environment=None):
        """What davit says, and docker too: exit code and text. Other versions of docker use other words."""
        clean = {name: value for name, value in os.environ.items() if name not in ENDPOINT_VARIABLES}
        said = []
        for each in [program("davit")] + (["docker"] if has_docker_28() else []):
            done = subprocess.run([each, *words], capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
                                  env={**clean, "HOME": str(self.folder / "home"), **(environment or {})})
            said.append((done.returncode, (done.stdout + done.stderr).strip().replace("davit", "docker").replace("Davit", "Docker")))
        self.assertEqual(said[0], said[-1], f"davit and docker differ on {words} with {environment}")
        return said[0]

    def test_the_first_of_flag_environment_and_current_context_is_asked(self):
        for name in ("one", "two", "three"):
            self.context(name, self.engine(name))
        other = self.engine("other")
        self.settings.joinpath("config.json").write_text('{"currentContext": "one"}')
        for words, environment, expected in (
            ([], {}, "one"),
            ([], {"DOCKER_CONTEXT": "two"}, "two"),
            ([], {"DOCKER_CONTEXT": "two", "DOCKER_HOST": other}, "other"),
            (["--context", "three"], {"DOCKER_CONTEXT": "two", "DOCKER_HOST": other}, "three"),
            (["-c", "three"], {}, "three"),
            (["-H", other], {"DOCKER_CONTEXT": "two"}, "other"),
            (["--context", "default"], {"DOCKER_HOST": other}, "other"),
        ):
            self.assertEqual(self.ask([*words, "ps", "-q"], environment), (0, expected))
        said = subprocess.run([program("davit"), "--context", "three", "ps", "-q"], capture_output=True, text=True, timeout=SECONDS,
                              env={"HOME": str(self.folder / "home"), "DAVIT_HOST": other})
        self.assertEqual(said.stdout, "three\n")

    def test_the_folder_of_settings_may_be_named(self):
        self.context("one", self.engine("one"))
        self.settings.joinpath("config.json").write_text('{"currentContext": "one"}')
        moved = self.settings.rename(self.folder / "moved")
        self.assertEqual(self.ask(["--config", str(moved), "ps", "-q"]), (0, "one"))
        self.assertEqual(self.ask(["ps", "-q"], {"DOCKER_CONFIG": str(moved)}), (0, "one"))
        self.assertEqual(self.ask(["--config", str(moved), "ps", "-q"], {"DOCKER_CONFIG": "/nowhere"}), (0, "one"))

    def test_a_context_that_is_not_there_is_named_and_nobody_is_asked(self):
        for words, environment in ((["--context", "gone"], {}), ([], {"DOCKER_CONTEXT": "gone"}), (["--context", "a b/../c"], {})):
            code, text = self.ask([*words, "ps"], environment)
            self.assertEqual(code, 1)
            self.assertIn("context not found", text)
        self.settings.joinpath("config.json").write_text('{"currentContext": "gone"}')
        self.assertIn('context "gone": context not found: open ', self.ask(["run", "image"])[1])
        self.assertEqual(self.ask(["--context", "one", "-H", "unix:///x", "ps"]),
                         (1, "conflicting options: cannot specify both --host and --context"))

    def test_the_context_is_told_by_version_and_info(self):
        self.context("one", "unix:///nowhere.sock")
        self.assertEqual(self.ask(["--context", "one", "version", "-f", "{{.Client.Context}}"])[1].splitlines()[0], "one")
        for command in ("version", "info"):
            said = subprocess.run([program("davit"), "--context", "one", command], capture_output=True, text=True, timeout=SECONDS,
                                  env={"HOME": str(self.folder / "home")})
            self.assertRegex(said.stdout, r"(?m)^ Context: +one$")

    def test_a_contexts_certificates_are_used(self):
        host = self.tls_engine("secret")
        everything = {"ca.pem": "ca.pem", "cert.pem": "client.pem", "key.pem": "client.key"}
        self.context("right", host, everything)
        self.context("wrong-authority", host, {**everything, "ca.pem": "client.pem"})
        self.context("unverified", host, {**everything, "ca.pem": "client.pem"}, SkipTLSVerify=True)
        self.assertEqual(self.ask(["--context", "right", "ps", "-q"]), (0, "secret"))
        self.assertEqual(self.ask(["--context", "unverified", "ps", "-q"]), (0, "secret"))
        said = subprocess.run([program("davit"), "--context", "wrong-authority", "ps", "-q"], capture_output=True, text=True,
                              timeout=SECONDS, env={"HOME": str(self.folder / "home")})
        self.assertEqual((said.returncode, said.stdout), (1, ""))
        self.assertIn("certificate", said.stderr)

    def test_certificates_are_looked_for_where_docker_looks(self):
        host = self.tls_engine("secret")
        for variant in ({"DOCKER_TLS_VERIFY": "1"}, {"DOCKER_TLS": "1"}):
            code, text = self.ask(["-H", host, "ps", "-q"], variant)
            self.assertEqual(code, 1)
            self.assertIn(f"open {self.settings}/ca.pem: no such file or directory", text)
        for file, source in (("ca.pem", "ca.pem"), ("cert.pem", "client.pem"), ("key.pem", "client.key")):
            shutil.copy(self.folder / source, self.settings / file)
        for words, variant in (([], {"DOCKER_TLS_VERIFY": "1"}), ([], {"DOCKER_TLS": "1"}), (["--tls"], {}), (["--tlsverify"], {}),
                               (["--tlsverify=false"], {"DOCKER_TLS_VERIFY": "1"})):
            self.assertEqual(self.ask(["-H", host, *words, "ps", "-q"], variant), (0, "secret"))
        moved = self.settings.rename(self.folder / "moved")
        self.assertEqual(self.ask(["-H", host, "ps", "-q"], {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(moved)}), (0, "secret"))

    def test_addresses_are_completed(self):
        for address, shown in ((":1", "tcp://localhost:1"), ("127.0.0.1:1", "tcp://127.0.0.1:1"), ("tcp://:1", "tcp://localhost:1"),
                               ("[::1]:1", "tcp://[::1]:1"), ("tcp://127.0.0.1", "tcp://127.0.0.1:2375")):
            wanted = (1, f"Cannot connect to the Docker daemon at {shown}. Is the docker daemon running?")
            self.assertEqual(self.ask(["-H", address, "ps"]), wanted)
            self.assertEqual(self.ask(["ps"], {"DOCKER_HOST": address}), wanted)
        self.assertEqual(self.ask(["-H", "unix:///a", "-H", "unix:///b", "ps"]),
                         (1, "Failed to initialize: unable to resolve docker endpoint: Specify only one -H"))

    def test_an_address_of_an_unknown_kind_is_refused(self):
        for address in ("http://127.0.0.1:1", "ssh://me@host", "/run/davit/davit.sock", "tcp://127.0.0.1:1/path", "tcp://127.0.0.1:x"):
            said = subprocess.run([program("davit"), "-H", address, "ps"], capture_output=True, text=True, timeout=SECONDS)
            self.assertEqual((said.returncode, said.stdout), (1, ""), address)
            self.assertTrue(said.stderr.startswith("Failed to initialize: unable to resolve davit endpoint: "), said.stderr)


if __name__ == "__main__":
    unittest.main()
