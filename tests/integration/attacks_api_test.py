#!/usr/bin/env python3
"""Attacks on the API, the logs and the embedded registry: each fails, and the engine lives.

Covered here: smuggled requests; numbers that explode; hostile object and driver names; filter patterns; secrets in the debug log;
half-open connections; links in a log's place; lines without end; and of the registry: huge manifests, page sizes, names that
are paths, upload sessions of others, blobs and manifests that are not what they say, foreign Host headers.
Ambiguous JSON, other protocols, web pages, TLS, socket modes and bodies without end are in api_test.py and api_daemon_test.py; log records that are
forged in containers_test.py; redirects, tokens and credentials in pull_lies_test.py.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/attacks_api_test.py [WORD]
"""

import concurrent.futures
import hashlib
import http.client
import json
import math
import os
import pathlib
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from attack_world import SECRET, AttackTest, Tar, listening, without_quarantine


class ApiAttacks(AttackTest):
    environment = without_quarantine()

    def resident(self):
        return int(pathlib.Path(f"/proc/{self.engine.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def names(self):
        return [n for c in self.client.get("/containers/json?all=1").json() for n in c["Names"]]

    def test_no_request_is_smuggled_in_the_body_of_another(self):
        """CVE-2022-35256, CVE-2021-22959, CVE-2021-22960."""
        body = json.dumps({"Image": self.image}).encode()
        hidden = b"POST /containers/create?name=smuggled HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        start = b"POST /containers/none/kill HTTP/1.1\r\nHost: x\r\n"
        for name, head in {
            "both lengths": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(hidden),
            "odd coding": b"Transfer-Encoding: xchunked\r\n\r\n",
            "blank before colon": b"Content-Length : %d\r\n\r\n" % len(hidden),
            "folded": b"X: a\r\n Content-Length: 3\r\n\r\n",
            "signed length": b"Content-Length: +0\r\n\r\n",
            "chunk size": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        }.items():
            with self.subTest(name), self.client.connect() as connection:
                try:
                    connection.socket.sendall(start + head + hidden)
                    connection.socket.shutdown(socket.SHUT_WR)
                    answer = b"".join(iter(lambda: connection.socket.recv(65536), b""))
                except (BrokenPipeError, ConnectionResetError):
                    answer = b"HTTP/1.1 400"
                # 404: answered before the body, with the connection closed after it
                self.assertRegex(answer, rb"^HTTP/1.1 (400|501|404)")
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
                self.assertNotIn("/smuggled", self.names())

    def test_numbers_are_bounded_before_they_are_used(self):
        """CVE-2018-20699."""
        for host in ('{"Memory":1e30}', '{"Memory":-5}', '{"Memory":NaN}', '{"CpusetCpus":"0-9223372036854775807"}',
                     '{"CpusetCpus":"0-4294967296"}', '{"NanoCpus":-1}', '{"ShmSize":-1}', '{"PidsLimit":1e99}', '{"CpuShares":9e18}'):
            with self.subTest(host):
                text = f'{{"Image":"{self.image}","HostConfig":{host}}}'.encode()
                answer = self.client.request("POST", "/containers/create", text, {"Content-Type": "application/json"})
                self.assertIn(answer.status, (400, 501), answer)
        self.assertEqual(self.names(), [])

    def test_names_that_are_paths_or_controls_are_refused(self):
        """Rows "object names" and CVE-2021-20206."""
        for name in ("../x", "a/b", "a\nb", "\x1b[2J", "x" * 10240, ".", "-x", "a\0b", "%2e%2e"):
            with self.subTest(name[:20]):
                answer = self.client.post("/containers/create?" + urllib.parse.urlencode({"name": name}), {"Image": self.image})
                self.assertIn(answer.status, (400, 414, 431), answer)
        for host in ({"LogConfig": {"Type": "../../x"}}, {"LogConfig": {"Type": "/bin/sh"}}, {"Runtime": "../../x"}, {"Runtime": "/bin/sh"},
                     {"NetworkMode": "../../x"}, {"VolumeDriver": "../x"}, {"LogConfig": {"Type": "json-file", "Config": {"path": "/x"}}}):
            with self.subTest(str(host)):
                self.assert_refused(self.attempt("true", host=host))
        self.assertEqual(self.names(), [])

    def test_a_filter_is_no_way_to_burn_time_or_stack(self):
        """Row "filter patterns"."""
        container = self.create("true").json()["Id"]
        self.assertEqual(self.client.post(f"/containers/{container}/rename?name={'a' * 60}").status in (204, 404, 501), True)
        for pattern in ("((((a*)*)*)*)b", "(" * 20000, "a" * 50000, "[[[", "(a|a)*" * 50 + "b", "\\"):
            query = urllib.parse.urlencode({"all": 1, "filters": json.dumps({"name": [pattern]})})
            answer = self.client.get("/containers/json?" + query)
            self.assertIn(answer.status, (200, 400, 414, 431), answer)
            self.assertEqual(self.client.get("/_ping").status, 200)

    def test_secrets_are_in_no_log_and_no_event(self):
        """CVE-2019-13509."""
        since = self.client.get("/info").json()["SystemTime"]
        self.client.pull(f"{self.engine.registry}/missing:latest", user="u", password=SECRET)
        self.client.post("/containers/create", {"Image": self.image, "Env": ["TOKEN=" + SECRET], "Cmd": [SECRET]})
        self.client.pull(f"u:{SECRET}@{self.engine.registry}/missing:latest")
        self.assertNotIn(SECRET, self.engine.log_text())
        until = urllib.parse.quote(self.client.get("/info").json()["SystemTime"])
        self.assertNotIn(SECRET, self.client.get(f"/events?since={urllib.parse.quote(since)}&until={until}").body.decode())
        self.engine.remove_containers()

    def test_debug_and_metrics_are_not_offered(self):
        """Rows "debug and metrics endpoints" and "path ambiguity"."""
        for path in ("/debug/pprof/", "/debug/vars", "/metrics", "/containers/..%2f..%2fx/json", "/v1.43/../../etc/passwd"):
            self.assertEqual(self.client.get(path).status, 404, path)
        for path in ("//containers/create", "/containers/./create", "/containers/x/../create", "/containers/create/",
                     "/v1.43//containers/create", "/containers%252fcreate", "/CONTAINERS/create"):
            self.assertIn(self.client.post(path + "?name=odd", {"Image": self.image}).status, (301, 400, 404), path)
        self.assertEqual(self.names(), [])
        self.assertEqual(len(listening(self.engine.pid)), 1)  # the registry, which was asked for

    def test_checkpoints_are_not_taken_and_not_restored(self):
        """CVE-2024-8676, CVE-2026-53492, CVE-2026-50195."""
        container = self.create("true").json()["Id"]
        for method, path in (("POST", f"/containers/{container}/checkpoints"), ("GET", f"/containers/{container}/checkpoints"),
                             ("POST", "/images/load"), ("POST", "/build")):
            self.assertIn(self.client.request(method, path, {"CheckpointID": "../../x"}).status, (404, 501), path)
        answer = self.client.post(f"/containers/{container}/start?checkpoint=x&checkpoint-dir={self.canary}")
        self.assertIn(answer.status, (400, 404, 501), answer)

    def test_one_line_of_the_log_stays_one_line(self):
        """Row "terminal and engine-log injection"; core/log_test.cpp tries what no request of today brings into the log."""
        evil = "x\n2026-01-01 injected\x1b[2J\x07"
        for name in (evil, "nowhere.test/" + evil):
            self.client.pull(name)
            self.client.post("/containers/create", {"Image": name, "Labels": {evil: evil}})
            self.client.get("/containers/" + urllib.parse.quote(name, "") + "/json")
            self.client.get("/events?until=1&filters=" + urllib.parse.quote(json.dumps({"label": [evil]})))
        container = self.create("true", Labels={evil: evil}, Env=["X=" + evil]).json()["Id"]
        self.client.post(f"/containers/{container}/start")
        self.client.wait(container)
        self.assert_refused(self.attempt(evil))
        text = self.engine.log_text()
        self.assertFalse([c for c in set(text) if ord(c) < 32 and c not in "\n\t"], "control characters")
        self.assertFalse([line for line in text.splitlines() if line.startswith("2026-01-01 injected")])

    def test_a_progress_stream_has_one_writer(self):
        """CVE-2024-36623: twenty pull one image, half of them go in the middle."""
        reference = self.push("wide", Tar().file("noise", os.urandom(6 << 20)))
        self.assertEqual(self.client.delete(f"/images/{reference}?force=1").status, 200)

        def pull(number):
            with self.client.connect() as connection:
                connection.send_request("POST", "/images/create?fromImage=" + urllib.parse.quote(reference, ""))
                status, _, headers = connection.read_head()
                pieces = connection.pieces(status, headers)
                if number % 2:
                    return next(pieces) and []
                return [json.loads(line) for line in b"".join(pieces).splitlines() if line.strip()]

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            for lines in pool.map(pull, range(20)):
                self.assertFalse([line for line in lines if "error" in line])
                self.assertTrue(not lines or reference in lines[-1]["status"], lines[-1:])
        self.assertEqual(self.ran("ls -l /noise", image=reference).split()[4], str(6 << 20))

    def test_attaching_and_resizing_without_end_leaves_nothing(self):
        """CVE-2025-64329, CVE-2026-53495, CVE-2022-23471, CVE-2022-31030, CVE-2022-1708."""
        container = self.client.run(self.image, ["sh", "-c", "yes & cat"], Tty=True, OpenStdin=True)
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        before, size = len(os.listdir(f"/proc/{self.engine.pid}/fd")), self.resident()
        attach = f"/containers/{container}/attach?stream=1&stdin=1&stdout=1&stderr=1"
        for number in range(300):
            self.client.hijack(attach, upgrade=number % 2 == 0).close()
            self.assertIn(self.client.post(f"/containers/{container}/resize?h={number + 1}&w={number * 7 % 300 + 1}").status, (200, 204))
        for wrong in ("h=-1&w=1", "h=99999999999&w=1", "h=x&w=1", "h=4294967296&w=1"):
            self.assertEqual(self.client.post(f"/containers/{container}/resize?{wrong}").status, 400, wrong)
        silent = [self.client.hijack(attach) for _ in range(20)]  # they never read, while `yes` goes on
        for _ in range(200):
            self.assertEqual(self.client.get("/_ping").status, 200)
        self.assertLess(self.resident() - size, 48 << 20)
        for stream in silent:
            stream.close()
        self.assertEqual(self.client.post(f"/containers/{container}/kill").status, 204)
        for _ in range(500):
            if len(os.listdir(f"/proc/{self.engine.pid}/fd")) <= before:
                break
            self.client.get("/_ping")
            time.sleep(0.02)
        self.assertLessEqual(len(os.listdir(f"/proc/{self.engine.pid}/fd")), before)

    def test_crash_loops_slow_down(self):
        """Row "restart storms": each waits twice as long as before, so that none comes far."""
        started = time.monotonic()
        looping = [self.client.run(self.image, ["false"], HostConfig={"RestartPolicy": {"Name": "always"}}) for _ in range(20)]
        for container in looping:
            self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        seen = 0
        while seen < 3:
            seen = self.client.get(f"/containers/{looping[0]}/json").json()["RestartCount"]
            time.sleep(0.05)
        most = math.log2((time.monotonic() - started) / 0.1 + 1) + 1  # of a doubling that begins at 100 ms
        for container in looping:
            self.assertLessEqual(self.client.get(f"/containers/{container}/json").json()["RestartCount"], most + 1)
        self.assertEqual(self.client.get("/_ping").status, 200)

    def test_half_open_connections_hold_up_nobody(self):
        """Row "connection and body exhaustion"."""
        held = [self.client.connect() for _ in range(400)]
        try:
            for number, connection in enumerate(held):
                connection.socket.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n" if number % 2 else b"G")
            self.assertEqual(self.client.get("/_ping").body, b"OK")
            with self.client.connect() as connection:
                try:
                    connection.socket.sendall(b"GET /_ping HTTP/1.1\r\nX: " + b"x" * (4 << 20))
                    answer = connection.socket.recv(65536)
                except (BrokenPipeError, ConnectionResetError):
                    answer = b"HTTP/1.1 431"
                self.assertRegex(answer, rb"^HTTP/1.1 4(00|13|31)")
        finally:
            for connection in held:
                connection.close()

    def test_a_link_in_the_place_of_a_log_leads_nowhere(self):
        """CVE-2025-0750, CVE-2026-53489."""
        container = self.create("echo", "written").json()["Id"]
        path = pathlib.Path(self.client.get(f"/containers/{container}/json").json()["LogPath"] or
                            f"{self.engine.data_root}/containers/{container}/{container}-json.log")
        self.assertIn(self.engine.data_root, str(path))
        path.unlink(missing_ok=True)
        path.symlink_to(self.canary / "token")
        self.client.post(f"/containers/{container}/start")
        self.client.wait(container)
        self.assertNotIn(SECRET.encode(), self.client.get(f"/containers/{container}/logs?stdout=1&stderr=1").body)

    def test_a_line_without_end_fills_no_memory(self):
        """Row "disk filling": memory; json_file_test.cpp has rotation."""
        before = self.resident()
        container = self.client.run(self.image, ["sh", "-c", "tr '\\0' x </dev/zero | head -c 60000000"])
        self.addCleanup(self.client.delete, f"/containers/{container}?force=1")
        self.assertEqual(self.client.wait(container), 0)
        self.assertLess(self.resident() - before, 32 << 20)
        log = self.client.get(f"/containers/{container}/json").json()["LogPath"]
        self.assertGreaterEqual(os.stat(log).st_size, 60000000)  # nothing is lost either


class RegistryAttacks(AttackTest):
    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.engine.registry, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def upload(self, repository):
        status, headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        self.assertEqual(status, 202)
        return urllib.parse.urlsplit({k.lower(): v for k, v in headers.items()}["location"]).path

    def test_a_huge_manifest_is_refused_before_it_is_read(self):
        """CVE-2017-11468."""
        with socket.create_connection(self.engine.registry.split(":"), timeout=20) as connection:
            connection.sendall(b"PUT /v2/a/manifests/x HTTP/1.1\r\n"
                               b"Host: %s\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: 1073741824\r\n\r\n" % self.engine.registry.encode())
            self.assertRegex(connection.recv(4096), rb"^HTTP/1.1 413")

        with socket.create_connection(self.engine.registry.split(":"), timeout=20) as connection:
            connection.sendall(b"PUT /v2/a/manifests/x HTTP/1.1\r\nHost: %s\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n" % self.engine.registry.encode())
            answer = b""
            try:
                for _ in range(64):
                    connection.sendall(b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
                answer = connection.recv(4096)
            except (BrokenPipeError, ConnectionResetError):
                answer = answer or b"HTTP/1.1 413"  # it did not wait for the end
            self.assertRegex(answer, rb"^HTTP/1.1 413")
        self.assertEqual(self.ask("GET", "/v2/a/manifests/x")[0], 404)

    def test_nothing_is_deleted(self):
        """CVE-2026-41888, CVE-2026-35172: deletion is off, by every way to it."""
        digest = "sha256:" + hashlib.sha256(b"kept").hexdigest()
        self.assertEqual(self.ask("PUT", f"{self.upload('kept')}?digest={digest}", b"kept", Content_Type="application/octet-stream")[0], 201)
        for path in (f"/v2/kept/blobs/{digest}", "/v2/sample/manifests/latest", f"/v2/sample/manifests/{digest}"):
            self.assertEqual(self.ask("DELETE", path)[0], 405, path)
        self.assertEqual(self.ask("GET", f"/v2/kept/blobs/{digest}")[2], b"kept")
        self.assertEqual(self.ask("GET", "/v2/sample/manifests/latest")[0], 200)

    def test_a_blob_is_read_where_it_was_pushed_only(self):
        """CVE-2026-117685, CVE-2026-35172: one store for all repositories gives none the blobs of another."""
        digest = "sha256:" + hashlib.sha256(b"in one").hexdigest()
        self.assertEqual(self.ask("PUT", f"{self.upload('one')}?digest={digest}", b"in one", Content_Type="application/octet-stream")[0], 201)
        self.assertEqual(self.ask("GET", f"/v2/two/blobs/{digest}")[0], 404)
        for source in ("three", "one/../one", "%6fne", ""):
            self.assertEqual(self.ask("POST", f"/v2/two/blobs/uploads/?mount={digest}&from={urllib.parse.quote(source, '%')}")[0], 202 if source != "%6fne" else 201, source)
        self.assertEqual(self.ask("GET", f"/v2/four/blobs/{digest}")[0], 404)

    def test_abandoned_uploads_are_bounded(self):
        """Row "abandoned uploads"."""
        answers = [self.ask("POST", "/v2/abandoned/blobs/uploads/") for _ in range(130)]
        self.assertEqual({status for status, _, _ in answers}, {202, 429})
        self.assertEqual(json.loads(answers[-1][2])["errors"][0]["code"], "TOOMANYREQUESTS")
        for status, headers, _ in answers:
            if status == 202:
                self.ask("DELETE", urllib.parse.urlsplit({k.lower(): v for k, v in headers.items()}["location"]).path)
        digest = "sha256:" + hashlib.sha256(b"later").hexdigest()
        self.assertEqual(self.ask("PUT", f"{self.upload('a')}?digest={digest}", b"later", Content_Type="application/octet-stream")[0], 201)

    def test_page_sizes_are_bounded(self):
        """CVE-2023-2253."""
        for path in ("/v2/_catalog", "/v2/sample/tags/list"):
            for number in ("2147483647", "-1", "1000000000", "99999999999999999999", "x"):
                self.assertIn(self.ask("GET", f"{path}?n={number}")[0], (200, 400, 404), path)

    def test_names_and_ids_are_never_paths(self):
        """Row "names and ids"."""
        up = "..%2f" * 12
        for path in (f"/v2/{up}etc/manifests/passwd", "/v2/../../etc/manifests/x", "/v2/a//b/manifests/x", f"/v2/{'a' * 10240}/manifests/x",
                     f"/v2/a/manifests/{up}{self.canary}/token", f"/v2/a/blobs/sha256:{up}{self.canary}/token", "/v2/a/blobs/sha256:../../x",
                     f"/v2/a/blobs/uploads/{up}x", "/v2/a/blobs/uploads/../../../x", "/v2/A/manifests/x", "/v2/a/manifests/-x"):
            with self.subTest(path[:60]):
                status, _, body = self.ask("GET", path)
                self.assertIn(status, (400, 404, 414, 431), path)
                self.assertNotIn(SECRET.encode(), body)
                self.assertIn(self.ask("DELETE", path)[0], (400, 404, 405, 414, 431), path)

    def test_an_upload_belongs_to_its_repository(self):
        """CVE-2026-32589."""
        path = self.upload("mine")
        other = path.replace("/v2/mine/", "/v2/other/")
        self.assertNotEqual(path, other)
        digest = "sha256:" + hashlib.sha256(b"evil").hexdigest()
        for method, target, body in (("PATCH", other, b"evil"), ("GET", other, None), ("PUT", f"{other}?digest={digest}", b"evil"), ("DELETE", other, None)):
            self.assertEqual(self.ask(method, target, body, Content_Type="application/octet-stream")[0], 404, method)
        digest = "sha256:" + hashlib.sha256(b"good").hexdigest()
        self.assertEqual(self.ask("PUT", f"{path}?digest={digest}", b"good", Content_Type="application/octet-stream")[0], 201)
        self.assertEqual(self.ask("GET", f"/v2/mine/blobs/{digest}")[2], b"good")

    def test_a_blob_with_another_digest_is_not_kept(self):
        """Row "push integrity"."""
        digest = "sha256:" + hashlib.sha256(b"promised").hexdigest()
        self.assertEqual(self.ask("PUT", f"{self.upload('a')}?digest={digest}", b"other", Content_Type="application/octet-stream")[0], 400)
        self.assertEqual(self.ask("HEAD", f"/v2/a/blobs/{digest}")[0], 404)

    def test_a_manifest_of_absent_parts_is_not_kept(self):
        """Row "push integrity"."""
        kind = "application/vnd.oci.image.manifest.v1+json"
        part = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "0" * 64, "size": 3}
        for body in (json.dumps({"schemaVersion": 2, "mediaType": kind, "config": part, "layers": []}), "null", "[]", "{", "not json"):
            self.assertIn(self.ask("PUT", "/v2/a/manifests/absent", body, Content_Type=kind)[0], (400, 404), body)
        self.assertEqual(self.ask("GET", "/v2/a/manifests/absent")[0], 404)

    def test_a_web_page_that_was_led_here_is_refused(self):
        """Row "open listener"."""
        for path in ("/v2/", "/v2/_catalog", "/v2/sample/manifests/latest"):
            self.assertEqual(self.ask("GET", path, Host="evil.test")[0], 403, path)
            self.assertEqual(self.ask("GET", f"http://evil.test{path}")[0], 403, path)

    def test_blobs_are_never_shown_as_pages(self):
        """Row "open listener"."""
        digest = "sha256:" + hashlib.sha256(b"<script>").hexdigest()
        self.assertEqual(self.ask("PUT", f"{self.upload('a')}?digest={digest}", b"<script>", Content_Type="application/octet-stream")[0], 201)
        headers = {k.lower(): v for k, v in self.ask("GET", f"/v2/a/blobs/{digest}")[1].items()}
        self.assertEqual((headers["content-type"], headers.get("x-content-type-options")), ("application/octet-stream", "nosniff"))
