#!/usr/bin/env python3
"""The streams of the Docker Engine API: waits, logs, events, and the hijacked connections of attach.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/api_streams_test.py [WORD]
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from api_world import ApiWorld, asked
from engine import split_frames
from waiting import awaited


class Streams(ApiWorld):
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

    def test_a_container_without_a_log_runs_and_says_so_when_its_log_is_asked_for(self):
        container = self.start("echo", "x", HostConfig={"LogConfig": {"Type": "none", "Config": {"max-size": "1m"}}})
        self.assertEqual(self.client.wait(container), 0)
        for more in ("", "&follow=1"):
            self.assertEqual(self.refused(501, "GET", f"/containers/{container}/logs?stdout=1{more}"),
                             "configured logging driver does not support reading")
        self.assertNotIn("error   GET", self.engine.log_text())

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

    def test_the_details_of_a_log_are_what_its_options_choose(self):
        log = {"Type": "json-file", "Config": {"labels": "place", "env": "WHO"}}
        container = self.start("echo", "x", Labels={"place": "a b", "other": "y"}, Env=["WHO=me,you"], HostConfig={"LogConfig": log})
        bare = self.start("echo", "y")
        for one in (container, bare):
            self.client.wait(one)
        def logged(one, more=""):
            return split_frames(self.client.get(f"/containers/{one}/logs?stdout=1{more}").body)[0]
        self.assertEqual(logged(container), b"x\n")
        self.assertEqual(logged(container, "&details=1"), b"WHO=me%2Cyou,place=a+b x\n")
        self.assertEqual(logged(bare, "&details=1"), b" y\n")
        stamp, _, rest = logged(container, "&details=1&timestamps=1").partition(b" ")
        self.assertEqual((len(stamp), rest), (30, b"WHO=me%2Cyou,place=a+b x\n"))
        self.assertEqual(logged(container, "&since=9999999999"), b"")

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
        # A name that is no filter filters nothing here, as in dockerd 28.5; the lists of objects refuse it.
        self.assertEqual(actions(container=["told"], x=["1"], Event=["die"]), ["create", "start", "die"])
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

    def test_input_that_ends_ends_the_session_where_the_containers_own_goes_on(self):
        for terminal in (False, True):
            container = self.start("cat", Tty=terminal, OpenStdin=True)
            with self.client.hijack(f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1") as stream:
                stream.close_write()
                self.assertEqual(stream.read_all(), b"")
            self.assertTrue(self.client.get(f"/containers/{container}/json").json()["State"]["Running"])

    def test_the_detach_keys_end_the_session_and_not_the_container(self):
        since = time.time()
        container = self.start("cat", Tty=True, OpenStdin=True)
        target = f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1"
        for keys, typed in (("", b"\x10\x11"), ("&detachKeys=ctrl-a,x", b"\x01x")):
            with self.client.hijack(target + keys) as stream:
                stream.write(b"seen\n" + typed[:1])
                stream.read_until(b"seen\r\nseen\r\n")
                stream.write(typed[1:] + b"unseen\n")
                self.assertNotIn(b"unseen", stream.read_all())
        self.assertTrue(self.client.get(f"/containers/{container}/json").json()["State"]["Running"])
        window = {"since": f"{since:.9f}", "until": f"{time.time():.9f}", "filters": {"event": ["attach", "detach"], "container": [container]}}
        events = self.client.get(asked("/events", **window)).json_lines()
        self.assertEqual([event["Action"] for event in events], ["attach", "detach", "attach", "detach"])
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
        self.assertLessEqual(awaited(self.descriptors, lambda count: count <= before, 30), before)

    def test_a_client_that_stops_reading_holds_up_nobody(self):
        container = self.start("sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done")
        with self.client.hijack(f"/containers/{container}/attach?stream=1&stdout=1"):
            self.assertEqual(self.client.get("/_ping").status, 200)
            self.assertEqual(self.client.post(f"/containers/{container}/kill").status, 204)
            self.assertEqual(self.client.wait(container), 137)


if __name__ == "__main__":
    unittest.main()
