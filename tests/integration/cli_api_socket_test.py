#!/usr/bin/env python3
"""What davit create --use-api-socket asks an engine for, and which logins it puts into the container. The engine here is the test;
docker's CLI, where it is there, has to ask for the same.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/cli_api_socket_test.py [WORD]
"""

import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cli_endpoint_test import SECONDS, has_docker_28
from cli_logins_test import make_helper
from fake_engine import FakeEngine, say
from private_engine import program

JSON = "Content-Type: application/json\r\n"
INSIDE = "run/secrets/docker/config.json"


def auth(user):
    return {"auth": base64.b64encode(f"{user}:secret".encode()).decode()}


class CreatingEngine(FakeEngine):
    """Remembers what containers were asked for, and what files they were given."""

    def __init__(self, listener):
        self.containers, self.files, self.takes_files = [], {}, True
        super().__init__(listener)

    def answer(self, connection, target):
        path = target.split("?")[0].split("/", 2)[2]
        if path == "containers/create":
            body = json.loads(self.body)
            self.containers.append((body.get("Env") or [], body["HostConfig"].get("Mounts"), body["HostConfig"].get("Binds") or []))
            say(connection, "201 Created", b'{"Id": "made", "Warnings": []}', JSON)
        elif path == "containers/made/archive" and "path=%2F" in target and self.takes_files:
            with tarfile.open(fileobj=io.BytesIO(self.body)) as archive:
                for member in archive:
                    self.files[member.name.lstrip("/")] = (member.mode, json.loads(archive.extractfile(member).read()))
            say(connection, "200 OK")
        else:
            say(connection, "404 Not Found", b'{"message": "page not found"}', JSON)
        return True


class CliApiSocket(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.engine = CreatingEngine.on_unix_socket(self.folder / "socket")
        self.addCleanup(self.engine.close)
        self.mount = {"Type": "bind", "Source": f"{self.folder}/socket", "Target": "/var/run/docker.sock", "BindOptions": {}}

    def ask(self, settings, *words, address=None):
        """Exit code, standard error, the containers asked for, and the files given."""
        self.folder.joinpath("config.json").write_text(json.dumps(settings))
        said = []
        for each in [program("davit")] + (["docker"] if has_docker_28() else []):
            self.engine.containers, self.engine.files = [], {}
            done = subprocess.run(
                [each, "--config", self.folder, "-H", address or f"unix://{self.folder}/socket", *words], capture_output=True,
                text=True, timeout=SECONDS, stdin=subprocess.DEVNULL, env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})
            said.append((done.returncode, done.stderr.strip().replace("davit", "docker"), self.engine.containers, self.engine.files))
        self.assertEqual(said[0], said[-1], f"davit and docker differ on {words} with {settings}")
        return said[0]

    def create(self, settings, *words):
        """The variables and mounts of the one container, and the logins given; all went well."""
        code, complaint, containers, files = self.ask(settings, "create", "--use-api-socket", *words, "image")
        self.assertEqual((code, complaint, len(containers)), (0, "", 1))
        mode, file = files.pop(INSIDE, (0o600, {}))
        self.assertEqual((mode, files), (0o600, {}))
        return *containers[0], file.get("auths")

    def test_the_socket_is_mounted_and_nothing_is_given_without_a_login(self):
        self.assertEqual(self.create({}), ([], [self.mount], [], None))
        env, mounts, binds, _ = self.create({}, "-e", "A=b", "-v", "/x:/y", "--mount", "type=tmpfs,target=/z")
        self.assertEqual((env, mounts, binds), (["A=b"], [{"Type": "tmpfs", "Target": "/z"}, self.mount], ["/x:/y"]))

    def test_all_logins_are_given_and_nothing_else_of_the_settings(self):
        logins = {"one.example": auth("me"), "https://index.docker.io/v1/": auth("hub"), "token.example": {"identitytoken": "T"}}
        env, _, _, given = self.create({"auths": logins, "psFormat": "{{.Names}}", "HttpHeaders": {"X": "y"}}, "-e", "A=b")
        self.assertEqual((env, given), (["A=b", "DOCKER_CONFIG=/run/secrets/docker"], logins))

    def test_helpers_are_asked_for_what_they_have(self):
        make_helper(self.folder, "all", """case $1 in list) echo '{"a.example": "x", "https://b.example/": "y"}' ;;
            *) read key; echo '{"Username": "of '$key'", "Secret": "secret"}' ;; esac""")
        make_helper(self.folder, "one", """read key; echo '{"Username": "<token>", "Secret": "T"}'""")
        of_all = {"a.example": auth("of a.example"), "https://b.example/": auth("of https://b.example/")}
        stored = {"file.example": auth("me")}
        self.assertEqual(self.create({"credsStore": "all", "auths": stored})[3], of_all)
        token = {"one.example": {"identitytoken": "T"}}
        self.assertEqual(self.create({"credHelpers": {"one.example": "one"}, "auths": stored})[3], {**stored, **token})

    def test_a_container_that_is_told_of_other_logins_gets_none(self):
        env, _, _, given = self.create({"auths": {"one.example": auth("me")}}, "-e", "DOCKER_CONFIG=/mine")
        self.assertEqual((env, given), (["DOCKER_CONFIG=/mine"], None))

    def test_an_engine_far_away_has_no_socket_to_give(self):
        code, complaint, *_ = self.ask({}, "create", "--use-api-socket", "image", address="tcp://127.0.0.1:1")
        self.assertEqual((code, complaint), (
            1, "flag --use-api-socket can only be used with unix sockets: docker endpoint tcp://127.0.0.1:1 incompatible"))

    def test_what_fails_is_told(self):
        self.engine.takes_files = False
        code, complaint, containers, _ = self.ask({"auths": {"one.example": auth("me")}}, "create", "--use-api-socket", "image")
        self.assertEqual((code, complaint, len(containers)), (
            1, "injecting docker config.json into container failed: copying config.json into container failed: "
               "Error response from daemon: page not found", 1))

    def test_without_its_helper_no_container_is_asked_for(self):
        self.folder.joinpath("config.json").write_text('{"credsStore": "missing"}')
        done = subprocess.run([program("davit"), "--config", self.folder, "-H", f"unix://{self.folder}/socket", "create",
                               "--use-api-socket", "image"], capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual((done.returncode, done.stderr, self.engine.containers), (
            1, 'resolving credentials failed: exec: "docker-credential-missing": executable file not found in $PATH\n', []))


if __name__ == "__main__":
    unittest.main()
