#!/usr/bin/env python3
"""The Docker Engine API itself: versions, headers, errors, bodies, lists and filters, what is shown of an object.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/api_test.py [WORD]
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from api_world import ApiWorld, asked
from private_engine import free_port

ROOT = HERE.parents[1]


class Api(ApiWorld):
    def listed(self, **parameters):
        answer = self.client.get(asked("/containers/json", **parameters))
        self.assertEqual(answer.status, 200, answer)
        return [container["Names"][0] for container in answer.json()]

    # Versions, headers, errors.

    def test_a_path_may_be_a_whole_address(self):
        self.assertEqual(self.client.request("GET", "http://docker/v1.40/_ping").body, b"OK")
        self.assertEqual(self.client.get("http://docker/containers/none/json").status, 404)

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
        for path in ("/containers/json", "/images/json"):
            self.assertEqual(self.refused(400, "GET", asked(path, filters={"x": []})), "invalid filter 'x'")
        self.assertEqual(
            self.refused(400, "GET", asked("/containers/json", filters={"status": ["odd"]})),
            "invalid filter 'status=odd': invalid value for state (odd): must be one of created, running, paused, restarting, removing, exited, dead",
        )
        self.assertEqual(
            self.refused(400, "GET", asked("/containers/json", filters={"health": ["odd"]})),
            "invalid filter 'health=odd': invalid value for health (odd): must be one of none, starting, healthy, unhealthy",
        )
        self.assertIn("invalid filter", self.refused(400, "GET", "/containers/json?filters=%7B"))

    def test_words_of_dockers_for_what_is_asked_wrongly(self):
        for name in ("", "%20", "%20%09"):
            self.assertEqual(self.refused(400, "DELETE", f"/images/{name}"), "image name cannot be blank", name)
        self.assertIn("invalid reference format", self.refused(400, "DELETE", "/images/json/"))
        self.assertEqual(self.refused(404, "DELETE", "/containers/"), "page not found")
        container = self.create("true", name="worded")
        kill = "cannot kill container"
        self.assertEqual(self.refused(404, "POST", "/containers/nobody/kill"), f"{kill}: nobody: No such container: nobody")
        self.assertEqual(self.refused(400, "POST", "/containers/worded/kill?signal=odd"), f"{kill}: worded: invalid signal: odd")
        self.assertEqual(self.refused(409, "POST", "/containers/worded/kill"), f"{kill}: worded: container {container} is not running")
        for query, said in (
            ("", 'height "": invalid syntax'), ("h=1&w=x", 'width "x": invalid syntax'), ("h=1.5&w=1", 'height "1.5": invalid syntax'),
            ("h=1&w=-1", 'width "-1": value out of range'), ("h=99999999999999999999&w=1", 'height "99999999999999999999": value out of range'),
        ):
            self.assertEqual(self.refused(400, "POST", f"/containers/worded/resize?{query}"), f"invalid resize {said}")
        for list_name in ("CapAdd", "CapDrop"):
            body = {"Image": self.image, "Cmd": ["true"], "HostConfig": {list_name: ["odd"]}}
            self.assertEqual(
                self.refused(400, "POST", "/containers/create", body), f'invalid {list_name}: unknown capability: "CAP_ODD"'
            )
        self.assertIn("odd", self.refused(400, "POST", "/images/create?fromImage=127.0.0.1:1/x&platform=odd"))

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
        self.assertEqual([name for name, _ in info["DriverStatus"]],
                         ["Backing Filesystem", "Supports d_type", "Using metacopy", "Native Overlay Diff", "userxattr"])
        has_memory_of_v1 = info["CgroupVersion"] == "1"
        for version, fields in (("v1.41", ["KernelMemory", "KernelMemoryTCP"]), ("v1.51", ["KernelMemoryTCP"]), ("v1.52", [])):
            seen = self.client.get(f"/{version}/info").json()
            self.assertEqual({name: value for name, value in seen.items() if name.startswith("KernelMemory")},
                             {name: has_memory_of_v1 for name in fields}, version)

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

    def test_a_great_body_holds_up_no_other_request(self):
        keys = ",".join(f'"{number:06x}":0' for number in range(370_000))
        body = ('{"Image":"no/such","x":{' + keys + "}}").encode()
        with self.client.connect() as great, self.client.connect() as small:
            head = f"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            great.socket.sendall(head.encode() + body[:-1])
            small.request("GET", "/_ping")
            time.sleep(0.2)
            great.socket.sendall(body[-1:])  # it is whole before the other request comes
            self.assertEqual(small.request("GET", "/_ping").status, 200)
            great.socket.setblocking(False)
            with self.assertRaises(BlockingIOError):
                great.socket.recv(1)
            great.socket.settimeout(60)
            self.assertEqual(great.read_head()[0], 404)

    def test_what_is_not_offered_is_refused_by_name(self):
        for host, name in (({"BlkioWeight": 10}, "BlkioWeight"), ({"StorageOpt": {"size": "1G"}}, "StorageOpt")):
            message = self.refused(501, "POST", "/containers/create", {"Image": self.image, "HostConfig": host})
            self.assertIn(name, message)
        self.assertIn("MAC address", self.refused(501, "POST", "/containers/create", {"Image": self.image, "MacAddress": "02:42:ac:11:00:09"}))
        self.create("true", HostConfig={"Isolation": "default"})
        self.assertIn("Isolation", self.refused(501, "POST", "/containers/create", {"Image": self.image, "HostConfig": {"Isolation": "hyperv"}}))

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
        self.assertEqual(names(until=["1h30m"]), [self.image])
        made = datetime.date.fromisoformat(self.client.get(f"/images/{self.image}/json").json()["Created"][:10])
        self.assertEqual(names(until=[f"{made + datetime.timedelta(days=1)}"]), [self.image])
        self.assertEqual(names(until=[f"{made - datetime.timedelta(days=1)}"]), [])
        self.assertIn("until", self.refused(400, "GET", asked("/images/json", filters={"until": ["1 hour"]})))
        for version, found in (("v1.40", 0), ("v1.41", 1)):  # the name was a parameter of its own once
            self.assertEqual(len(self.client.get(f"/{version}/images/json?filter=other").json()), found, version)
        self.assertEqual(self.refused(400, "GET", asked("/images/json", filters={"dangling": ["maybe"]})), "invalid filter 'dangling=[maybe]'")

    def test_an_image_is_found_by_id_prefix_and_reference_and_looks_as_its_version_has_it(self):
        seen = self.client.get(f"/images/{self.image}/json").json()
        for name in (seen["Id"], seen["Id"][7:19], seen["RepoDigests"][0], urllib.parse.quote(self.image, safe="")):
            self.assertEqual(self.client.get(f"/images/{name}/json").json()["Id"], seen["Id"], name)
        self.assertNotIn("Hostname", seen["Config"])
        self.assertNotIn("VirtualSize", seen)
        old = self.client.get(f"/v1.43/images/{self.image}/json").json()
        self.assertEqual(old["Config"]["Hostname"], "")
        self.assertEqual((old["ContainerConfig"]["Hostname"], "ContainerConfig" in self.client.get(f"/v1.45/images/{self.image}/json").json()), ("", False))
        between = self.client.get(f"/v1.51/images/{self.image}/json").json()["Config"]
        self.assertEqual((between["User"], between["Entrypoint"], between["Labels"], "Hostname" in between), ("", None, None, False))
        self.assertNotIn("User", seen["Config"])
        self.assertEqual(old["VirtualSize"], old["Size"])

    def test_containers_of_an_image_are_counted(self):
        def count(version):
            return self.client.get(f"/{version}/images/json").json()[0]["Containers"]
        before = count("v1.51")
        self.create("true")
        self.assertEqual((count("v1.50"), count("v1.51")), (-1, before + 1))

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

    # What is made, shown and refused.

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

    def test_a_start_takes_an_empty_object_and_no_other(self):
        container = self.create("true")
        self.assertIn("removed in v1.24", self.refused(400, "POST", f"/containers/{container}/start", {"Binds": ["/:/host"]}))
        self.assertEqual(self.client.post(f"/containers/{container}/start", {}).status, 204)

    def test_a_platform_may_be_named_in_all_its_spellings(self):
        architecture = self.client.get(f"/images/{self.image}/json").json()["Architecture"]
        spelling = {"amd64": "x86_64", "arm64": "aarch64"}[architecture]
        def ask(platform):
            return "/containers/create?platform=" + urllib.parse.quote(platform, safe="")
        for platform in (f"linux/{architecture}", f"LINUX/{spelling}", "linux", architecture):
            answer = self.client.post(ask(platform), {"Image": self.image})
            self.assertEqual(answer.status, 201, answer)
            self.client.delete(f"/containers/{answer.json()['Id']}")
        self.assertIn("(linux/s390x)", self.refused(404, "POST", ask("linux/s390x"), {"Image": self.image}))
        self.refused(400, "POST", ask("bogus"), {"Image": self.image})

    def test_an_extra_host_has_an_address(self):
        for extra in ("a:x", "a:1.2.3", "a:[::1"):
            self.assertIn("invalid IP address", self.refused(400, "POST", "/containers/create", {"Image": self.image, "HostConfig": {"ExtraHosts": [extra]}}))
        self.create("true", HostConfig={"ExtraHosts": ["a:1.2.3.4", "b=::1", "c:[::1]", "d:host-gateway"]})

    def test_networks_tell_who_joins_and_leaves(self):
        begin = time.time()
        container = self.start("true")
        self.client.wait(container)
        events = self.client.stream("GET", asked("/events", since=f"{begin:.6f}", until=f"{time.time():.6f}"))
        ours = [event for event in events if container in (event["Actor"]["ID"], event["Actor"]["Attributes"].get("container"))]
        self.assertEqual([(event["Type"], event["Action"]) for event in ours],
                         [("container", "create"), ("network", "connect"), ("container", "start"), ("network", "disconnect"), ("container", "die")])
        self.assertEqual(ours[1]["Actor"]["Attributes"], {"container": container, "name": "bridge", "type": "bridge"})

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
        self.assertEqual(lines[-1], {"status": f"Status: Downloaded newer image for {repository}"})
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
        self.assertEqual(self.refused(403, "POST", "/images/create?fromImage=scratch"), "'scratch' is a reserved name")
        again = self.client.post(f"/images/create?fromImage={self.image.rpartition(':')[0]}&tag=latest")
        self.assertEqual(again.headers["content-type"], "application/json")
        lines = again.json_lines()
        self.assertEqual(lines[0], {"status": "Pulling from sample", "id": "latest"})
        self.assertEqual(lines[-1], {"status": f"Status: Image is up to date for {self.image}"})


if __name__ == "__main__":
    unittest.main()
