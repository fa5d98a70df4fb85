#!/usr/bin/env python3
"""Images as the API tells of them: what a pull says, how they are deleted while containers stand on them, their names,
where they lie.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/api_images_test.py [WORD]
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "images")]
from api_world import ApiWorld
from oci_layout import INDEX, Layout, Tar, architecture

PUSH = HERE.parents[1] / "images/push"


class ApiImages(ApiWorld):
    def push(self, name, platforms=None, is_index=False, config=None):
        """Pushes an image of one file; with `is_index`, one that is in an index by itself. Its whole name."""
        image = f"{self.engine.registry}/{name}"
        with tempfile.TemporaryDirectory() as folder:
            layout = Layout(folder)
            layer = layout.add_layer(Tar().folder("etc/").file("etc/word", name).bytes())
            manifest = layout.add_image("latest", [layer], config or {"Cmd": ["sh"]}, architecture=platforms or architecture())
            if is_index:
                layout.manifests = []
                described = {**manifest, "platform": {"os": "linux", "architecture": platforms or architecture()}}
                layout.add_manifest("latest", layout.add_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}, INDEX))
            subprocess.run([PUSH, folder, image], check=True, stdout=subprocess.DEVNULL)
        self.addCleanup(lambda: self.client.delete(f"/images/{image}?force=1"))
        return image

    def pull_lines(self, image, **query):
        answer = self.client.post("/images/create?" + urllib.parse.urlencode({"fromImage": image, **query}))
        self.assertEqual(answer.status, 200, answer)
        return [line["status"] for line in answer.json_lines()]

    def deleted(self, name, force=False):
        answer = self.client.delete(f"/images/{name}?force={int(force)}")
        self.assertEqual(answer.status, 200, answer)
        return [line.get("Deleted") or "-" + line["Untagged"] for line in answer.json()]

    def other_name(self, tag):
        """The sample image under a second tag; pulled."""
        image = f"{self.engine.registry}/sample:{tag}"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([HERE.parents[1] / "images/sample/build", folder], check=True, stdout=subprocess.DEVNULL)
            subprocess.run([PUSH, folder, image], check=True, stdout=subprocess.DEVNULL)
        self.addCleanup(lambda: self.client.delete(f"/images/{image}"))
        return image

    def test_tags_are_listed_by_their_whole_names(self):
        tags = ("b", "10", "9", "C")
        for tag in tags:
            self.pull_lines(self.other_name(tag))
        repository = f"{self.engine.registry}/sample:"
        inspected = self.client.get(f"/images/{self.image}/json").json()
        listed = [image for image in self.client.get("/images/json").json() if image["Id"] == inspected["Id"]]
        self.assertEqual(len(listed), 1)
        for shown in (inspected, listed[0]):
            have = [tag.removeprefix(repository) for tag in shown["RepoTags"]]
            self.assertEqual(have, sorted(have))
            self.assertLessEqual(set(tags), set(have))

    def test_a_name_that_leads_to_a_known_image_from_now_on_is_news(self):
        image = self.other_name("second")
        self.assertEqual(self.pull_lines(image)[-1], f"Status: Downloaded newer image for {image}")
        self.assertEqual(self.pull_lines(image)[-1], f"Status: Image is up to date for {image}")

    def test_an_image_of_another_platform_is_pulled_with_a_warning_but_not_out_of_an_index(self):
        other = "arm64" if architecture() == "amd64" else "amd64"
        lone = self.push("lone:1", platforms=other)
        self.assertEqual(self.pull_lines(lone)[-1], f"Status: Downloaded newer image for {lone}")
        self.assertEqual(self.pull_lines(lone, platform=f"linux/{architecture()}")[-2:], [
            f"Status: Image is up to date for {lone}",
            f"WARNING: image with reference {lone} was found but its platform (linux/{other}) does not match the "
            f"specified platform (linux/{architecture()})",
        ])
        listed = self.push("listed:1", platforms=other, is_index=True)
        self.assertIn("no matching manifest for linux/" + architecture(), self.refused(404, "POST", f"/images/create?fromImage={listed}"))
        self.assertEqual(self.pull_lines(listed, platform=f"linux/{other}")[-1], f"Status: Downloaded newer image for {listed}")

    def test_an_image_is_not_taken_for_that_of_another_platform(self):
        own, other = architecture(), "arm64" if architecture() == "amd64" else "amd64"
        image = self.push("one_platform:1", platforms=own)
        self.client.pull(image)
        def asked(name, *texts):
            return "&".join(f"{name}={urllib.parse.quote(text)}" for text in texts)
        def platform(of):
            return json.dumps({"os": "linux", "architecture": of})
        mismatch = (f"image with reference {image} was found but its platform (linux/{own}) does not match the specified "
                    f"platform (linux/{other})")
        inspect, deletion = f"/images/{image}/json?", f"/images/{image}?"
        for method, target in (("GET", inspect + asked("platform", platform(other))), ("DELETE", deletion + asked("platforms", platform(other))),
                               ("POST", f"/containers/create?platform=linux/{other}")):
            self.assertEqual(self.refused(404, method, target, {"Image": image} if method == "POST" else None), mismatch)
        for method, target, name in (("GET", inspect, "platform"), ("DELETE", deletion, "platforms")):
            self.assertEqual(self.refused(400, method, target + asked(name, '{"os": "linux"}')), "both OS and Architecture must be provided")
            for malformed in ("x", "[]", '"linux/amd64"'):
                self.assertIn("the platform", self.refused(400, method, target + asked(name, malformed)))
        self.assertEqual(self.refused(400, "DELETE", deletion + asked("platforms", platform(own), platform(other))), "multiple platforms are not supported")
        self.assertEqual(self.refused(400, "GET", inspect + "manifests=1&" + asked("platform", platform(own))),
                         "conflicting options: manifests and platform options cannot both be set")
        self.assertEqual(self.client.get("/v1.48" + inspect + asked("platform", platform(other))).status, 200)
        self.assertEqual(self.client.get(inspect + asked("platform", platform(own))).status, 200)
        self.assertEqual(self.client.delete(deletion + asked("platforms", platform(own))).json()[0], {"Untagged": image})
        self.assertEqual(self.client.get(inspect).status, 404)

    def test_what_is_no_name_of_an_image_is_refused_and_not_looked_for(self):
        plain = "invalid reference format"
        for name, message in {
            "UPPER": plain + ": repository name (library/UPPER) must be lowercase", "x@sha256:00": plain, "-x": plain, ":x": plain,
            "x:": plain, "x y": plain, "x:" + "y" * 200: plain,
        }.items():
            path = "/images/" + urllib.parse.quote(name)
            self.assertEqual(self.refused(400, "GET", path + "/json"), message, name)
            self.assertEqual(self.refused(400, "DELETE", path), message, name)
            self.assertEqual(self.refused(400, "POST", "/containers/create", {"Image": name, "Cmd": ["true"]}), message, name)
        for name, shown in {"nobody": "nobody:latest", "abc1": "abc1:latest", "sha256:abc": "sha256:abc", "0" * 64: "sha256:" + "0" * 64}.items():
            for method, path in (("GET", f"/images/{name}/json"), ("DELETE", f"/images/{name}")):
                self.assertEqual(self.refused(404, method, path), f"No such image: {shown}")

    def test_the_image_of_a_running_container_is_not_deleted_by_force(self):
        image = self.client.get(f"/images/{self.image}/json").json()["Id"]
        container = self.start("sleep", "1000")
        runs = f"conflict: unable to delete {image[7:19]} (cannot be forced) - image is being used by running container {container[:12]}"
        for force in (0, 1):
            self.assertEqual(self.refused(409, "DELETE", f"/images/{image}?force={force}"), runs)
        self.assertEqual([name[0] for name in self.deleted(self.image, force=True)], ["-", "-"])
        self.assertEqual(self.client.get(f"/images/{image}/json").json()["RepoTags"], [])
        self.assertFalse(self.client.pull(self.image))

    def test_containers_outlive_their_image(self):
        image = self.client.get(f"/images/{self.image}/json").json()["Id"]
        container = self.create("sh", "-c", "cat /etc/os-release; exit 7")
        self.assertEqual(self.refused(409, "DELETE", f"/images/{image}"),
                         f"conflict: unable to delete {image[7:19]} (must be forced) - image is being used by stopped container {container[:12]}")
        gone = self.deleted(self.image, force=True)
        self.assertEqual(gone[2:], [image])
        self.assertEqual([(line["Image"], line["ImageID"]) for line in self.client.get("/containers/json?all=1").json()], [(image, image)])
        self.engine.stop_daemon()
        self.engine.start()
        self.assertEqual(self.client.get("/images/json").json(), [])
        self.assertEqual(self.client.post(f"/containers/{container}/start").status, 204)
        self.assertEqual(self.client.wait(container), 7)
        self.assertIn("Davit sample", self.client.get(f"/containers/{container}/logs?stdout=1").body.decode())
        below = self.client.get(f"/containers/{container}/json?size=1").json()["GraphDriver"]["Data"]["LowerDir"].split(":")[:-1]
        self.assertEqual([os.path.isdir(layer) for layer in below], [True, True])
        self.assertFalse(self.client.pull(self.image))
        self.assertEqual(self.client.delete(f"/containers/{container}").status, 204)
        self.assertEqual(self.client.get(f"/images/{self.image}/json").json()["Id"], image)
        other = self.create("true")
        above = self.client.get(f"/containers/{other}/json").json()["GraphDriver"]["Data"]["LowerDir"].split(":")[:-1]
        self.assertEqual(set(above) & set(below), set())

    def test_inspect_tells_where_layers_and_containers_lie(self):
        seen = self.client.get(f"/images/{self.image}/json").json()["GraphDriver"]
        self.assertEqual((seen["Name"], set(seen["Data"])), ("overlay2", {"LowerDir", "MergedDir", "UpperDir", "WorkDir"}))
        self.assertIn("Davit sample", pathlib.Path(seen["Data"]["UpperDir"], "etc/os-release").read_text())
        self.assertTrue(pathlib.Path(seen["Data"]["LowerDir"], "bin/busybox").is_file())
        container = self.start("sh", "-c", "echo here > /written; sleep 1000")
        data = self.client.get(f"/containers/{container}/json").json()["GraphDriver"]["Data"]
        self.assertEqual((data["ID"], set(data)), (container, {"ID", "LowerDir", "MergedDir", "UpperDir", "WorkDir"}))
        self.assertEqual(data["LowerDir"].split(":")[:2], [seen["Data"]["UpperDir"], seen["Data"]["LowerDir"]])
        self.client.delete(f"/containers/{container}?force=1")


if __name__ == "__main__":
    unittest.main()
