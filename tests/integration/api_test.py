#!/usr/bin/env python3
"""The Docker Engine API itself: versions, headers, errors, lists and filters, streams, hijacked connections, hostile clients.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/api_test.py [WORD]
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from engine import split_frames
from private_engine import PrivateEngine, free_port, program

ROOT = HERE.parents[1]


def asked(path, **parameters):
    """A path with a query; lists and dicts are sent as JSON."""
    return path + "?" + urllib.parse.urlencode(
        {name: json.dumps(value) if isinstance(value, (dict, list)) else value for name, value in parameters.items()}
    )


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.engine = PrivateEngine("-H", f"tcp://127.0.0.1:{cls.port}").start()
        cls.addClassCleanup(cls.engine.destroy)
        cls.client = cls.engine.client
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([ROOT / "images/sample/build", folder], check=True, stdout=subprocess.DEVNULL)
            cls.image = f"{cls.engine.registry}/sample:latest"
            subprocess.run([ROOT / "images/push", folder, cls.image], check=True, stdout=subprocess.DEVNULL)
        if failure := cls.client.pull(cls.image):
            raise RuntimeError(f"the pull failed: {failure}")

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    def create(self, *command, name="", **config):
        answer = self.client.post(f"/containers/create?name={name}", {"Image": self.image, "Cmd": list(command), **config})
        self.assertEqual(answer.status, 201, answer)
        container = answer.json()["Id"]
        self.addCleanup(lambda: self.client.delete(f"/containers/{container}?force=1"))
        return container

    def start(self, *command, **options):
        container = self.create(*command, **options)
        self.assertEqual(self.client.post(f"/containers/{container}/start").status, 204)
        return container

    def refused(self, status, method, target, body=None, **keywords):
        """The message of an answer that must have this status."""
        answer = self.client.request(method, target, body, **keywords)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(list(answer.json()), ["message"])
        return answer.message()

    def listed(self, **parameters):
        answer = self.client.get(asked("/containers/json", **parameters))
        self.assertEqual(answer.status, 200, answer)
        return [container["Names"][0] for container in answer.json()]

    def raw(self, data):
        """What the engine answers to these bytes, up to its end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer

    # Versions, headers, errors.

    def test_ping_has_all_headers_for_get_and_for_head(self):
        for method, body in (("GET", b"OK"), ("HEAD", b"")):
            answer = self.client.request(method, "/_ping")
            self.assertEqual((answer.status, answer.body), (200, body))
            for name, value in {
                "api-version": "1.55", "builder-version": "1", "docker-experimental": "false", "ostype": "linux",
                "swarm": "inactive", "cache-control": "no-cache, no-store, must-revalidate", "pragma": "no-cache",
                "content-type": "text/plain; charset=utf-8", "content-length": "2",
            }.items():
                self.assertEqual(answer.headers.get(name), value, name)
            self.assertIn("(linux)", answer.headers["server"])

    def test_versions_from_124_to_155_are_spoken_and_others_refused_in_dockers_words(self):
        for version in ("/v1.24", "/v1.41", "/v1.55", ""):
            self.assertEqual(self.client.get(f"{version}/version").json()["ApiVersion"], "1.55")
        self.assertEqual(
            self.refused(400, "GET", "/v1.12/version"),
            "client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
        )
        self.assertEqual(
            self.refused(400, "GET", "/v1.99/version"),
            "client version 1.99 is too new. Maximum supported API version is 1.55",
        )

    def test_unknown_and_ambiguous_paths_are_dockers_404(self):
        for method, path in (
            ("GET", "/nonsense"), ("GET", "/v1.41/nonsense"), ("POST", "/info"), ("PUT", "/version"), ("GET", "/"),
            ("GET", "//info"), ("GET", "/info/"), ("GET", "/./info"), ("GET", "/x/../info"), ("GET", "/%2e%2e/info"),
            ("GET", "/containers/..%2f..%2fx/json"), ("POST", "/v1.41//containers/create"), ("GET", "/vfoo/info"),
            ("GET", "/debug/pprof/"), ("GET", "/metrics"),
        ):
            self.assertEqual(self.refused(404, method, path), "page not found", path)

    def test_errors_name_the_object(self):
        self.assertEqual(self.refused(404, "GET", "/containers/nobody/json"), "No such container: nobody")
        self.assertEqual(self.refused(404, "GET", "/images/no/such/json"), "No such image: no/such:latest")
        self.assertEqual(self.refused(400, "GET", asked("/containers/json", filters={"x": ["1"]})), "invalid filter 'x'")
        self.assertEqual(self.refused(400, "GET", asked("/containers/json", filters={"status": ["odd"]})), "invalid filter 'status=odd'")
        self.assertIn("invalid filter", self.refused(400, "GET", "/containers/json?filters=%7B"))

    def test_version_and_info_have_what_the_docker_cli_prints(self):
        version = self.client.get("/version").json()
        self.assertEqual(version["MinAPIVersion"], "1.24")
        self.assertEqual(version["Components"][0]["Name"], "Engine")
        self.assertEqual(version["KernelVersion"], os.uname().release)
        info = self.client.get("/info").json()
        self.assertEqual((info["Driver"], info["LoggingDriver"], info["OSType"]), ("overlay2", "json-file", "linux"))
        self.assertEqual(sorted(info["Plugins"]["Network"]), ["bridge", "host", "none"])
        self.assertIn(info["DefaultRuntime"], info["Runtimes"])
        self.assertEqual(info["Swarm"]["LocalNodeState"], "inactive")
        self.assertGreater(info["MemTotal"], 1 << 20)
        self.assertEqual(info["DockerRootDir"], self.engine.data_root)
        self.assertIn("Backing Filesystem", dict(info["DriverStatus"]))

    # Bodies.

    def test_a_body_that_two_readers_could_read_differently_is_refused(self):
        for body in (
            b'{"Image":"x","HostConfig":{"Privileged":false,"Privileged":true}}', b"{}{}", b"[" * 1_000_000, b"{", b"",
            b'{"Image":"\xff\xfe"}', b'{"HostConfig":{"Memory":1e30}}', b'{"HostConfig":{"Memory":NaN}}',
        ):
            self.refused(400, "POST", "/containers/create", body, headers={"Content-Type": "application/json"})
        self.assertEqual(self.listed(all=1), [])

    def test_a_body_that_is_not_json_by_its_type_is_refused(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):
            headers = {"Content-Type": kind} if kind else {}
            message = self.refused(400, "POST", "/containers/create", b'{"Image":"x"}', headers=headers)
            self.assertEqual(message, f"unsupported Content-Type header ({kind or ''}): must be 'application/json'")

    def test_a_huge_body_is_refused_before_it_is_read(self):
        with self.client.connect() as connection:
            connection.socket.sendall(
                b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 10737418240\r\n\r\n{"
            )
            self.assertEqual(connection.read_head()[0], 413)

    def test_what_is_not_offered_is_refused_by_name(self):
        for host, name in (({"BlkioWeight": 10}, "BlkioWeight"), ({"StorageOpt": {"size": "1G"}}, "StorageOpt")):
            message = self.refused(501, "POST", "/containers/create", {"Image": self.image, "HostConfig": host})
            self.assertIn(name, message)

    # Lists.

    def test_lists_are_filtered_limited_and_newest_first(self):
        first = self.create("true", name="list-one", Labels={"a": "1"})
        second = self.start("sleep", "100", name="list-two", Labels={"a": "2", "b": ""})
        third = self.create("true", name="list-three")
        one, two, three = "/list-one", "/list-two", "/list-three"
        self.assertEqual(self.listed(), [two])
        self.assertEqual(self.listed(all="true"), [three, two, one])
        self.assertEqual(self.listed(limit=2), [three, two])
        for filters, names in (
            ({"name": ["list-t"]}, [three, two]), ({"name": ["^/?list-one$"]}, [one]), ({"name": ["^one"]}, []),
            ({"id": [second[:12]]}, [two]), ({"label": ["a"]}, [two, one]), ({"label": ["a=2", "b"]}, [two]),
            ({"status": ["created"]}, [three, one]), ({"status": {"running": True}}, [two]),
            ({"ancestor": [self.image]}, [three, two, one]), ({"ancestor": ["nothing"]}, []),
            ({"before": [third]}, [two, one]), ({"since": [first]}, [three, two]), ({"since": ["list-two"]}, [three]),
            ({"network": ["bridge"]}, [three, two, one]), ({"network": ["none"]}, []), ({"exited": ["0"]}, []),
            ({"name": ["((((a*)*)*)*)b"]}, []), ({"name": ["(" * 5000]}, []),
        ):
            self.assertEqual(self.listed(all=1, filters=filters), names, str(filters)[:100])
        self.assertEqual(self.client.get(asked("/containers/json", all=1, filters={"since": ["nobody"]})).status, 404)

    def test_images_are_listed_and_filtered(self):
        def names(**filters):
            answer = self.client.get(asked("/images/json", filters=filters))
            self.assertEqual(answer.status, 200, answer)
            return [tag for image in answer.json() for tag in image["RepoTags"]]
        repository = self.image.rpartition(":")[0]
        self.assertEqual(names(), [self.image])
        self.assertEqual(names(reference=[repository]), [self.image])
        self.assertEqual(names(reference=["*/sam*:l*"]), [self.image])
        self.assertEqual(names(reference=["other"]), [])
        self.assertEqual(names(dangling=["true"]), [])
        self.assertEqual(self.refused(400, "GET", asked("/images/json", filters={"dangling": ["maybe"]})), "invalid filter 'dangling=[maybe]'")

    def test_an_image_is_found_by_id_prefix_and_reference_and_looks_as_its_version_has_it(self):
        seen = self.client.get(f"/images/{self.image}/json").json()
        for name in (seen["Id"], seen["Id"][7:19], seen["RepoDigests"][0], urllib.parse.quote(self.image, safe="")):
            self.assertEqual(self.client.get(f"/images/{name}/json").json()["Id"], seen["Id"], name)
        self.assertNotIn("Hostname", seen["Config"])
        self.assertNotIn("VirtualSize", seen)
        old = self.client.get(f"/v1.43/images/{self.image}/json").json()
        self.assertEqual(old["Config"]["Hostname"], "")
        self.assertEqual(old["VirtualSize"], old["Size"])

    def test_inspect_shows_networks_as_the_version_has_them(self):
        container = self.start("sleep", "100")
        old = self.client.get(f"/v1.50/containers/{container}/json").json()["NetworkSettings"]
        new = self.client.get(f"/v1.55/containers/{container}/json").json()["NetworkSettings"]
        self.assertEqual(old["IPAddress"], old["Networks"]["bridge"]["IPAddress"])
        self.assertNotIn("IPAddress", new)
        self.assertEqual(new["Networks"], old["Networks"])

    def test_sizes_are_measured_when_asked_for(self):
        container = self.start("sh", "-c", "head -c 123456 /dev/zero > /file; ln /file /again; ln -s / /link", name="sized")
        self.client.wait(container)
        image = self.client.get(f"/images/{self.image}/json").json()["Size"]
        listed = self.client.get(asked("/containers/json", all=1, size=1, filters={"name": ["sized"]})).json()[0]
        inspected = self.client.get(f"/containers/{container}/json?size=true").json()
        for seen in (listed, inspected):
            self.assertGreaterEqual(seen["SizeRw"], 123456)
            self.assertLess(seen["SizeRw"], 2 * 123456)
            self.assertEqual(seen["SizeRootFs"], image + seen["SizeRw"])
        self.assertNotIn("SizeRw", self.client.get(f"/containers/{container}/json").json())

    def test_the_phases_of_a_start_can_be_asked_for(self):
        container = self.start("true")
        times = self.client.get(f"/davit/containers/{container}/launch").json()
        self.assertEqual(times["Id"], container)
        self.assertTrue(times["Phases"])
        self.assertEqual(times["TotalMicroseconds"], sum(phase["Microseconds"] for phase in times["Phases"]))

    # Streams.

    def test_a_wait_sends_its_head_before_the_container_ends(self):
        container = self.start("sh", "-c", "read line; exit 7", OpenStdin=True, StdinOnce=True)
        with self.client.connect() as connection:
            connection.send_request("POST", f"/containers/{container}/wait?condition=next-exit")
            status, _, headers = connection.read_head()
            self.assertEqual(status, 200)
            self.client.post(f"/containers/{container}/kill")
            body = b"".join(connection.pieces(status, headers, "POST"))
            self.assertEqual(json.loads(body)["StatusCode"], 137)
        self.assertEqual(self.refused(400, "POST", f"/containers/{container}/wait?condition=odd"), 'invalid condition: "odd"')
        self.assertEqual(self.refused(404, "POST", "/containers/nobody/wait"), "No such container: nobody")

    def wait_beside_a_failing_start(self, condition, **host):
        """(status and body of a wait that was there first, whether it ended before the container was removed)."""
        container = self.create("no-such-program", HostConfig=host)
        with self.client.connect() as connection:
            connection.send_request("POST", f"/containers/{container}/wait?condition={condition}")
            status, _, headers = connection.read_head()
            self.assertIn("no-such-program", self.refused(400, "POST", f"/containers/{container}/start"))
            connection.socket.settimeout(0.5)
            pieces = connection.pieces(status, headers)
            try:
                body, was_first = b"".join(pieces), True
            except TimeoutError:
                self.assertEqual(self.client.delete(f"/containers/{container}").status, 204)
                connection.socket.settimeout(30)
                body, was_first = b"".join(connection.pieces(status, headers)), False
        return json.loads(body), was_first

    def test_a_wait_beside_a_start_that_fails_ends_as_dockers_does(self):
        self.assertEqual(self.wait_beside_a_failing_start("not-running"), ({"StatusCode": 0}, True))
        for condition in ("next-exit", "removed"):
            self.assertEqual(self.wait_beside_a_failing_start(condition), ({"StatusCode": 127}, False), condition)
            self.assertEqual(self.wait_beside_a_failing_start(condition, AutoRemove=True), ({"StatusCode": 127}, True), condition)

    def test_a_wait_after_a_start_that_failed_tells_why(self):
        container = self.create("no-such-program")
        self.refused(400, "POST", f"/containers/{container}/start")
        answer = self.client.post(f"/containers/{container}/wait").json()
        self.assertEqual(answer["StatusCode"], 127)
        self.assertIn("executable file not found in $PATH", answer["Error"]["Message"])

    def test_the_docker_cli_tells_of_a_missing_program_once_and_ends_with_127(self):
        # The CLI of version 20 gives its wait up before it reads the answer, and says so, whatever the engine.
        is_old = "version 20." in subprocess.run(["docker", "--version"], stdout=subprocess.PIPE, text=True).stdout
        for flags in (["--rm"], [], ["-d", "--rm"]):
            done = subprocess.run(["docker", "-H", f"unix://{self.engine.socket}", "run", *flags, self.image, "no-such-program"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 127, done)
            self.assertEqual(done.stderr.count("no-such-program"), 1, done.stderr)
            if not is_old:
                self.assertNotIn("rror waiting for container", done.stderr)
        for container in self.client.get("/containers/json?all=1").json():
            if container["Command"] == "no-such-program":
                self.client.delete(f"/containers/{container['Id']}")

    def test_a_command_may_be_one_text(self):
        answer = self.client.post("/containers/create", {"Image": self.image, "Entrypoint": "echo", "Cmd": "two words"})
        self.assertEqual(answer.status, 201, answer)
        container = answer.json()["Id"]
        self.addCleanup(lambda: self.client.delete(f"/containers/{container}?force=1"))
        seen = self.client.get(f"/containers/{container}/json").json()
        self.assertEqual((seen["Config"]["Entrypoint"], seen["Config"]["Cmd"], seen["Path"], seen["Args"]),
                         (["echo"], ["two words"], "echo", ["two words"]))
        self.client.post(f"/containers/{container}/start")
        self.assertEqual(self.client.wait(container), 0)
        self.assertEqual(self.client.output(container)[0], b"two words\n")
        self.assertIn("Cmd", self.refused(400, "POST", "/containers/create", {"Image": self.image, "Cmd": 5}))

    def test_inspect_shows_what_is_hidden_and_protected(self):
        host = self.client.get(f"/containers/{self.create('true')}/json").json()["HostConfig"]
        self.assertTrue({"/proc/kcore", "/proc/keys", "/sys/firmware"} <= set(host["MaskedPaths"]))
        self.assertEqual(host["ReadonlyPaths"], ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
        for asked, shown in (({"Privileged": True}, None), ({"MaskedPaths": [], "ReadonlyPaths": []}, []),
                             ({"SecurityOpt": ["systempaths=unconfined"]}, [])):
            host = self.client.get(f"/containers/{self.create('true', HostConfig=asked)}/json").json()["HostConfig"]
            self.assertEqual((host["MaskedPaths"], host["ReadonlyPaths"]), (shown, shown), asked)

    def test_a_container_without_a_log_runs_and_says_so_when_its_log_is_asked_for(self):
        container = self.start("echo", "x", HostConfig={"LogConfig": {"Type": "none", "Config": {"max-size": "1m"}}})
        self.assertEqual(self.client.wait(container), 0)
        for more in ("", "&follow=1"):
            self.assertEqual(self.refused(501, "GET", f"/containers/{container}/logs?stdout=1{more}"),
                             "configured logging driver does not support reading")
        self.assertNotIn("error   GET", self.engine.log_text())

    def test_networks_tell_who_joins_and_leaves(self):
        begin = time.time()
        container = self.start("true")
        self.client.wait(container)
        events = self.client.stream("GET", asked("/events", since=f"{begin:.6f}", until=f"{time.time():.6f}"))
        ours = [event for event in events if container in (event["Actor"]["ID"], event["Actor"]["Attributes"].get("container"))]
        self.assertEqual([(event["Type"], event["Action"]) for event in ours],
                         [("container", "create"), ("network", "connect"), ("container", "start"), ("network", "disconnect"), ("container", "die")])
        self.assertEqual(ours[1]["Actor"]["Attributes"], {"container": container, "name": "bridge", "type": "bridge"})

    def test_logs_are_framed_unless_there_is_a_terminal_and_typed_by_version(self):
        plain = self.start("sh", "-c", "echo out; echo err >&2")
        terminal = self.start("echo", "tty", Tty=True)
        for container in (plain, terminal):
            self.client.wait(container)
        path = "logs?stdout=1&stderr=1"
        framed = self.client.get(f"/v1.42/containers/{plain}/{path}")
        self.assertEqual(framed.headers["content-type"], "application/vnd.docker.multiplexed-stream")
        self.assertEqual(split_frames(framed.body), (b"out\n", b"err\n"))
        self.assertEqual(self.client.get(f"/v1.41/containers/{plain}/{path}").headers["content-type"], "application/vnd.docker.raw-stream")
        raw = self.client.get(f"/containers/{terminal}/{path}")
        self.assertEqual((raw.headers["content-type"], raw.body), ("application/vnd.docker.raw-stream", b"tty\r\n"))
        only = self.client.get(f"/containers/{plain}/logs?stderr=1&timestamps=1&tail=1")
        stamp, _, line = split_frames(only.body)[1].partition(b" ")
        self.assertEqual((len(stamp), stamp[-1:], line), (30, b"Z", b"err\n"))
        self.assertEqual(self.refused(400, "GET", f"/containers/{plain}/logs"), "Bad parameters: you must choose at least one stream")
        self.refused(400, "GET", f"/containers/{plain}/logs?stdout=1&since=yesterday")

    def test_events_tell_the_past_and_end_at_until(self):
        since = time.time()
        container = self.start("true", name="told")
        self.client.wait(container)
        window = {"since": f"{since:.9f}", "until": f"{time.time() + 0.5:.9f}"}
        def actions(**filters):
            answer = self.client.get(asked("/events", filters=filters, **window))
            self.assertEqual(answer.status, 200, answer)
            return [event["Action"] for event in answer.json_lines()]
        self.assertEqual(actions(container=["told"]), ["create", "start", "die"])
        self.assertEqual(actions(container=[container[:12]], event=["die"]), ["die"])
        self.assertEqual(actions(container=["told"], type=["image"]), [])
        self.assertIn("invalid filter", self.refused(400, "GET", asked("/events", filters={"x": ["1"]})))
        self.assertIn("cannot be after", self.refused(400, "GET", asked("/events", since=9, until=5)))
        old = self.client.get(asked("/v1.50/events", filters={"event": ["die"], "container": ["told"]}, **window)).json_lines()[0]
        self.assertEqual((old["status"], old["id"], old["from"]), ("die", container, self.image))
        new = self.client.get(asked("/v1.55/events", filters={"event": ["die"], "container": ["told"]}, **window)).json_lines()[0]
        self.assertEqual((new["Type"], new["scope"], "status" in new), ("container", "local", False))

    def test_events_come_as_they_happen(self):
        events = self.client.stream("GET", asked("/events", filters={"type": ["container"], "container": ["live"]}))
        seen = []
        reader = threading.Thread(target=lambda: seen.append(next(events)))
        reader.start()
        while self.client.get("/info").json()["NEventsListener"] == 0:
            time.sleep(0.01)
        self.create("true", name="live")
        reader.join(30)
        events.close()
        self.assertEqual(seen[0]["Action"], "create")
        while self.client.get("/info").json()["NEventsListener"] > 0:  # a client that has gone ends its stream
            time.sleep(0.01)

    def test_a_pull_without_a_tag_pulls_every_tag(self):
        repository = f"{self.engine.registry}/tagged"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([ROOT / "images/sample/build", folder], check=True, stdout=subprocess.DEVNULL)
            for tag in ("b", "a", "c"):
                subprocess.run([ROOT / "images/push", folder, f"{repository}:{tag}"], check=True, stdout=subprocess.DEVNULL)
        lines = self.client.post(f"/images/create?fromImage={repository}").json_lines()
        for tag in "abc":
            self.addCleanup(lambda tag=tag: self.client.delete(f"/images/{repository}:{tag}"))
        self.assertEqual([line["id"] for line in lines if line["status"] == "Pulling from tagged"], ["a", "b", "c"])
        self.assertEqual(lines[-1], {"status": f"Status: Image is up to date for {repository}"})
        have = self.client.get(f"/images/{repository}:a/json").json()["RepoTags"]
        self.assertEqual([tag for tag in have if "/tagged:" in tag], [f"{repository}:{tag}" for tag in "abc"])
        self.refused(404, "POST", f"/images/create?fromImage={self.engine.registry}/nothing")
        with urllib.request.urlopen(f"http://{self.engine.registry}/v2/tagged/tags/list?n=2", timeout=30) as page:
            self.assertEqual(json.load(page)["tags"], ["a", "b"])
            self.assertEqual(page.headers["Link"], '</v2/tagged/tags/list?last=b&n=2>; rel="next"')

    def test_a_network_that_is_not_there_is_refused_at_the_start(self):
        container = self.create("true", HostConfig={"NetworkMode": "nope"})
        message = self.refused(404, "POST", f"/containers/{container}/start")
        self.assertEqual(message, "failed to set up container networking: network nope not found")
        seen = self.client.get(f"/containers/{container}/json").json()
        self.assertEqual((seen["State"]["Status"], seen["State"]["ExitCode"]), ("created", 128))
        self.assertEqual(seen["State"]["Error"], message)
        self.assertEqual(list(seen["NetworkSettings"]["Networks"]), ["nope"])
        self.assertEqual(self.client.delete(f"/containers/{container}").status, 204)

    def test_a_capability_may_be_one_text(self):
        container = self.create("true", HostConfig={"CapAdd": "NET_ADMIN", "CapDrop": "CHOWN"})
        host = self.client.get(f"/containers/{container}/json").json()["HostConfig"]
        self.assertEqual((host["CapAdd"], host["CapDrop"]), (["NET_ADMIN"], ["CHOWN"]))

    def test_a_pull_that_fails_before_its_first_line_is_an_error_answer(self):
        message = self.refused(404, "POST", f"/images/create?fromImage={self.engine.registry}/nothing&tag=latest")
        self.assertIn("nothing", message)
        self.refused(500, "POST", f"/images/create?fromImage=127.0.0.1:{free_port()}/x&tag=latest")
        self.refused(400, "POST", "/images/create?fromImage=UPPER&tag=latest")
        self.refused(400, "POST", "/images/create")
        again = self.client.post(f"/images/create?fromImage={self.image.rpartition(':')[0]}&tag=latest")
        self.assertEqual(again.headers["content-type"], "application/json")
        lines = again.json_lines()
        self.assertEqual(lines[0], {"status": "Pulling from sample", "id": "latest"})
        self.assertEqual(lines[-1], {"status": f"Status: Image is up to date for {self.image}"})

    # Hijacked connections.

    def test_attach_upgrades_when_asked_and_answers_200_otherwise(self):
        for upgrade, kind in ((True, "application/vnd.docker.multiplexed-stream"), (False, "application/vnd.docker.raw-stream")):
            container = self.create("cat", OpenStdin=True, StdinOnce=True, AttachStdin=True)
            with self.client.hijack(f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1", upgrade=upgrade) as stream:
                self.assertEqual(stream.headers["content-type"], kind)
                self.client.post(f"/containers/{container}/start")
                stream.write(b"over")
                stream.close_write()
                self.assertEqual(stream.read_frames(), (b"over", b""))
        self.assertEqual(self.refused(404, "POST", "/containers/nobody/attach?stream=1"), "No such container: nobody")
        other = self.client.request("POST", f"/containers/{container}/attach?stream=1", headers={"Connection": "Upgrade", "Upgrade": "h2c"})
        self.assertEqual(other.status, 400)

    def test_the_detach_keys_end_the_session_and_not_the_container(self):
        container = self.start("cat", Tty=True, OpenStdin=True)
        target = f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1"
        for keys, typed in (("", b"\x10\x11"), ("&detachKeys=ctrl-a,x", b"\x01x")):
            with self.client.hijack(target + keys) as stream:
                stream.write(b"seen\n" + typed[:1])
                stream.read_until(b"seen\r\nseen\r\n")
                stream.write(typed[1:] + b"unseen\n")
                self.assertNotIn(b"unseen", stream.read_all())
        self.assertTrue(self.client.get(f"/containers/{container}/json").json()["State"]["Running"])
        self.assertEqual(self.refused(400, "POST", target + "&detachKeys=odd,"), "Invalid detach keys (odd,) provided")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.engine.pid}/fd"))

    def test_clients_that_attach_and_go_leave_nothing_behind(self):
        container = self.start("sleep", "1000", OpenStdin=True)
        before = self.descriptors()
        target = f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1"
        for half_closed in (False, True):
            for _ in range(50):
                with self.client.hijack(target) as stream:
                    if half_closed:
                        stream.close_write()
        end = time.monotonic() + 30
        while self.descriptors() > before and time.monotonic() < end:
            time.sleep(0.1)
        self.assertLessEqual(self.descriptors(), before)

    def test_a_client_that_stops_reading_holds_up_nobody(self):
        container = self.start("sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done")
        with self.client.hijack(f"/containers/{container}/attach?stream=1&stdout=1"):
            self.assertEqual(self.client.get("/_ping").status, 200)
            self.assertEqual(self.client.post(f"/containers/{container}/kill").status, 204)
            self.assertEqual(self.client.wait(container), 137)

    # TCP.

    def test_a_web_page_that_was_led_here_is_refused(self):
        own = f"127.0.0.1:{self.port}"
        def status(*headers):
            lines = "".join(f"{line}\r\n" for line in headers)
            return int(self.raw(f"GET /version HTTP/1.1\r\nConnection: close\r\n{lines}\r\n".encode()).split()[1])
        self.assertEqual(status(f"Host: {own}"), 200)
        self.assertEqual(status("Host: localhost"), 200)
        self.assertEqual(status("Host: evil.test"), 403)
        self.assertEqual(status(f"Host: {own}", "Origin: http://evil.test"), 403)
        self.assertEqual(status(f"Host: {own}", "Origin: null"), 403)
        self.assertNotIn(b"access-control-allow", self.raw(f"GET /version HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n".encode()).lower())

    def test_other_protocols_than_http_1_are_refused_and_the_engine_lives(self):
        self.assertEqual(self.client.get(asked("/containers/json", filters={"name": ["(" * 100_000]})).status, 414)
        for data in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 64, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 4096):
            answer = self.raw(data)
            self.assertTrue(answer == b"" or answer.split()[1] in (b"400", b"505"), answer)
        self.assertEqual(self.client.get("/_ping").body, b"OK")

    def test_plain_tcp_beyond_loopback_is_a_start_up_error(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                [program("davitd"), "--data-root", f"{folder}/data", "--exec-root", f"{folder}/run", "--bridge", "davit-test1",
                 "--bip", "10.214.0.1/16", "-H", f"tcp://0.0.0.0:{free_port()}"],
                capture_output=True, text=True, timeout=60,
            )
            subprocess.run(["ip", "link", "delete", "davit-test1"], capture_output=True)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("--tlsverify", ended.stderr)

    # The daemon.

    def test_a_second_engine_on_the_same_data_root_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                [program("davitd"), "--data-root", self.engine.data_root, "--exec-root", f"{folder}/run", "-H", f"unix://{folder}/s"],
                capture_output=True, text=True, timeout=60,
            )
        self.assertEqual(ended.returncode, 1)
        self.assertIn("another davitd", ended.stderr)

    def test_the_socket_and_the_roots_are_closed_to_others(self):
        self.assertEqual(os.stat(self.engine.socket).st_mode & 0o777, 0o660)
        for root in (self.engine.data_root, self.engine.exec_root):
            self.assertEqual(os.stat(root).st_mode & 0o007, 0, root)

    def test_configuration_is_checked_before_anything_starts(self):
        def check(text, *flags):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(text)
                file.flush()
                return subprocess.run([program("davitd"), "--validate", "--config-file", file.name, *flags], capture_output=True, text=True, timeout=60)
        self.assertEqual(check('{"debug": true}').returncode, 0)
        self.assertIn("don't match any configuration option: nonsense", check('{"nonsense": 1}').stderr)
        self.assertIn("both as a flag and in the configuration file: debug", check('{"debug": true}', "-D").stderr)
        self.assertIn("unknown flag: --nonsense", check("", "--nonsense").stderr)

    def test_a_hangup_reads_the_log_level_again_and_the_engine_goes_on(self):
        os.kill(self.engine.pid, 1)
        self.assertEqual(self.client.get("/_ping").status, 200)


if __name__ == "__main__":
    unittest.main()
