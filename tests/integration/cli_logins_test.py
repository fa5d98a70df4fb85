#!/usr/bin/env python3
"""Which login davit sends along with a pull, from docker's config.json and credential helpers. The engine here is the test; docker's
CLI, where it is there, has to send the same.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/cli_logins_test.py [WORD]
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cli_endpoint_test import SECONDS, has_docker_28
from fake_engine import FakeEngine, say
from private_engine import program

IMAGE = "registry.example/image:1"
PAIR = base64.b64encode(b"me:secret").decode()
LOGIN, NONE = ("me", "secret"), ("", "")


def make_helper(folder, name, script):
    """A credential helper in the folder, which has to be in PATH."""
    path = pathlib.Path(folder) / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


class PullingEngine(FakeEngine):
    """Remembers the login of every pull."""

    def __init__(self, listener):
        self.logins = []
        super().__init__(listener)

    def answer(self, connection, target):
        header = self.headers.get("x-registry-auth", "")
        login = json.loads(base64.urlsafe_b64decode(header + "==") or "{}")
        self.logins.append((login.get("username", ""), login.get("password", "")))
        say(connection, "200 OK", b'{"status":"Pull complete"}\n', "Content-Type: application/json\r\n")
        return True


class CliLogins(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.engine = PullingEngine.on_unix_socket(self.folder / "socket")
        self.addCleanup(self.engine.close)

    def pull(self, settings, image=IMAGE, **environment):
        """The user and password that a pull sends, and what davit says on standard error."""
        self.folder.joinpath("config.json").write_text(settings if isinstance(settings, str) else json.dumps(settings))
        said = []
        for each in [program("davit")] + (["docker"] if has_docker_28() else []):
            done = subprocess.run(
                [each, "--config", self.folder, "-H", f"unix://{self.folder}/socket", "pull", "-q", image],
                capture_output=True, text=True, timeout=SECONDS,
                env={**os.environ, **environment, "PATH": f"{self.folder}:{os.environ['PATH']}"})
            self.assertEqual((done.returncode, done.stdout.strip()), (0, image), done.stderr)
            said.append((self.engine.logins.pop(), done.stderr))
        self.assertEqual(said[0][0], said[-1][0], f"davit and docker send different logins for {settings}")
        return said[0]

    def test_a_login_is_found_however_it_was_stored(self):
        for login in ({"auth": PAIR}, {"username": "me", "password": "secret"}):
            for key in ("registry.example", "https://registry.example", "https://registry.example/v1/"):
                self.assertEqual(self.pull({"auths": {key: login}}), (LOGIN, ""))
        hub = self.pull({"auths": {"https://index.docker.io/v1/": {"auth": PAIR}}}, "docker.io/library/image:1")[0]
        self.assertEqual(hub, LOGIN)

    def test_another_registrys_login_is_not_sent(self):
        for key in ("registry.example.evil", "evil/registry.example", "example", "registry.example:5000", "https://evil/registry.example"):
            self.assertEqual(self.pull({"auths": {key: {"auth": PAIR}}}), (NONE, ""), key)

    def test_an_entry_without_a_login_is_none(self):
        self.assertEqual(self.pull({"auths": {"registry.example": {}}}), (NONE, ""))

    def test_a_helper_is_asked_and_has_the_whole_environment(self):
        make_helper(self.folder, "mine", 'read -r key; [ "$key" = registry.example ] && echo "{\\"Username\\":\\"me\\",\\"Secret\\":\\"$MY_PROFILE\\"}"')
        for settings in ({"credsStore": "mine"}, {"credHelpers": {"registry.example": "mine"}, "credsStore": "none"}):
            self.assertEqual(self.pull(settings, MY_PROFILE="secret"), (LOGIN, ""))

    def test_a_helper_that_fails_is_told_and_what_everybody_may_have_is_pulled(self):
        make_helper(self.folder, "broken", "echo it is locked; exit 1")
        for name, told in (("broken", "it is locked"), ("absent", "docker-credential-absent")):
            login, said = self.pull({"credsStore": name})
            self.assertEqual(login, NONE)
            self.assertIn("WARNING: no login is used for registry.example: ", said)
            self.assertIn(told, said)
            self.assertEqual(self.pull({"credsStore": name, "auths": {"registry.example": {"auth": PAIR}}}), (LOGIN, ""))

    def test_settings_that_are_damaged_are_told_once(self):
        _, said = self.pull("{")
        self.assertEqual(said.count("WARNING: Error parsing config file"), 1, said)
        self.assertEqual(self.pull("")[1], "")


if __name__ == "__main__":
    unittest.main()
