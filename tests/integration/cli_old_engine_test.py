#!/usr/bin/env python3
"""davit before an engine that is older than itself, and docker's CLI, where it is there, before the same one. The engine is the test.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/cli_old_engine_test.py [WORD]
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from fake_engine import FakeEngine, say
from private_engine import program

SECONDS = 30
JSON = "Content-Type: application/json\r\n"


def has_docker_28():
    return shutil.which("docker") and " 28." in subprocess.run(["docker", "--version"], capture_output=True, text=True).stdout


class OldEngine(FakeEngine):
    """Knows the API up to 1.41, as Debian 12's docker does, and has one container."""

    api_version = "1.41"

    def __init__(self, listener):
        self.heard = []
        super().__init__(listener)

    def answer(self, connection, target):
        head = f"Api-Version: {self.api_version}\r\n"
        version, path = re.fullmatch(r"/v([0-9.]+)(/[^?]*).*", target).groups()
        if float(version) < 1.24:
            say(connection, "400 Bad Request", b"client version is too old\n", "Content-Type: text/plain; charset=utf-8\r\n")
        elif float(version) > 1.41:
            refusal = f"client version {version} is too new. Maximum supported API version is 1.41"
            say(connection, "400 Bad Request", json.dumps({"message": refusal}).encode(), head + JSON)
        elif path == "/containers/create":
            self.heard.append(json.loads(self.body)["Image"])
            say(connection, "400 Bad Request", b'{"message": "refused"}', head + JSON)
        else:
            self.heard.append(path)
            found = {"ApiVersion": "1.41"} if path == "/version" else [{"Id": "old"}]
            say(connection, "200 OK", json.dumps(found).encode(), head + JSON)
        return True


class CliOldEngine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.address = f"unix://{folder.name}/old.sock"
        self.engine = OldEngine.on_unix_socket(f"{folder.name}/old.sock")
        self.addCleanup(self.engine.close)

    def ask(self, *words, **environment):
        """What davit says, and docker too: exit code and text; and what the engine was asked for."""
        said = []
        for each in [program("davit")] + (["docker"] if has_docker_28() else []):
            self.engine.heard.clear()
            done = subprocess.run([each, "-H", self.address, *words], capture_output=True, text=True, timeout=SECONDS,
                                  stdin=subprocess.DEVNULL, env={"HOME": "/nowhere", "PATH": "/usr/local/bin:/usr/bin", **environment})
            text = (done.stdout + done.stderr).strip().replace("davit", "docker").replace("Davit", "Docker")
            said.append((done.returncode, text, list(self.engine.heard)))
        self.assertEqual(said[0], said[-1], f"davit and docker differ on {words} with {environment}")
        return said[0]

    def test_it_is_asked_in_its_own_version(self):
        self.assertEqual(self.ask("ps", "-q"), (0, "old", ["/containers/json"]))
        self.assertEqual(self.ask("version", "-f", "{{.Client.APIVersion}} of {{.Client.DefaultAPIVersion}}"),
                         (0, "1.41 of 1.50", ["/version"]))

    def test_what_was_refused_for_its_version_is_sent_again_whole_and_once(self):
        self.assertEqual(self.ask("create", "image"), (1, "Error response from daemon: refused", ["image"]))

    def test_a_version_that_the_user_demands_is_kept(self):
        self.assertEqual(self.ask("ps", "-q", DOCKER_API_VERSION="1.45")[:2], (
            1, "Error response from daemon: client version 1.45 is too new. Maximum supported API version is 1.41"))
        self.assertEqual(self.ask("version", "-f", "{{.Client.APIVersion}}", DOCKER_API_VERSION="1.40")[:2], (0, "1.40"))

    def test_an_answer_in_plain_words_is_told(self):
        self.assertEqual(self.ask("ps", DOCKER_API_VERSION="1.10"), (1, "Error response from daemon: client version is too old", []))

    def test_a_flag_that_it_does_not_know_is_refused_and_nothing_is_asked(self):
        for words, flag, version in ((["run", "--annotation", "a=b", "image"], "annotation", "1.43"),
                                     (["images", "--tree"], "tree", "1.47"),
                                     (["create", "--health-start-interval", "1s", "image"], "health-start-interval", "1.44")):
            self.assertEqual(self.ask(*words), (
                1, f'"--{flag}" requires API version {version}, but the Docker daemon API version is 1.41', []))
        self.assertEqual(self.ask("create", "--cgroupns", "host", "image", DOCKER_API_VERSION="1.40")[:1], (1,))


if __name__ == "__main__":
    unittest.main()
