"""What tests of attacks share: an engine, the sample image and images with something hostile above it, and a file of the host
(the canary) that nothing may read or change."""

import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT / "images")]
from engine import split_frames
from oci_layout import Layout, Tar
from private_engine import PrivateEngine, ends_within

SECRET = "a-token-that-no-container-may-see"


def sample_layers():
    """The tars of the sample image."""
    loader = importlib.machinery.SourceFileLoader("sample_build", str(ROOT / "images/sample/build"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("sample_build", loader))
    loader.exec_module(module)
    return module.system_layer("/bin/busybox", module.LAST_CHANGED), module.files_layer(module.LAST_CHANGED)


def pull_with_layers(engine, layers, name, *tars, config=None, **top):
    """Gives an engine, through its own registry, an image of these layers and further ones above; the image's name."""
    reference = f"{engine.registry}/{name}:latest"
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(folder)
        made = [layout.add_layer(data, level=1) for data in [*layers, *(tar.bytes() for tar in tars)]]
        layout.add_image("latest", made, {"Cmd": ["sh"], **(config or {})}, **top)
        subprocess.run([ROOT / "images/push", folder, reference], check=True, stdout=subprocess.DEVNULL)
    if said := engine.client.pull(reference):
        raise RuntimeError(said)
    return reference


def without_quarantine():
    """What lets a build with sanitizers give freed memory back, so that its size says something: by default 256 MiB wait."""
    return {"ASAN_OPTIONS": ":".join([*filter(None, [os.environ.get("ASAN_OPTIONS")]), "quarantine_size_mb=1"])}


def listening(pid):
    """The addresses, as the kernel writes them, on which a process listens by TCP."""
    inodes = set()
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            inodes.add(os.readlink(fd).removeprefix("socket:[").removesuffix("]"))
        except OSError:
            continue  # just closed
    found = []
    for kind in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in inodes:
                found.append(words[1])
    return found


class AttackTest(unittest.TestCase):
    flags, environment, process = (), {}, {}

    @classmethod
    def setUpClass(cls):
        cls.engine = PrivateEngine(*cls.flags, environment=cls.environment, process=cls.process).start()
        cls.addClassCleanup(cls.engine.destroy)
        cls.client, cls.layers = cls.engine.client, sample_layers()
        cls.image = cls.push("sample")

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    def setUp(self):
        self.canary = pathlib.Path(tempfile.mkdtemp(prefix="canary-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.canary)
        (self.canary / "token").write_text(SECRET)
        (self.canary / "token").chmod(0o600)
        self.expected, self.pid = self.look(), self.engine.pid

    def tearDown(self):
        self.assertEqual(self.look(), self.expected, "the host's files have changed")
        self.assertFalse(ends_within(self.pid, 0), "the engine has ended")
        self.assertEqual(self.client.get("/_ping").body, b"OK")

    def look(self):
        found = {}
        for path in [self.canary, *self.canary.rglob("*")]:
            s = path.lstat()
            found[str(path)] = (s.st_mode, s.st_uid, s.st_gid, s.st_nlink, s.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        return found

    @classmethod
    def push(cls, name, *tars, **options):
        return pull_with_layers(cls.engine, cls.layers, name, *tars, **options)

    def create(self, *command, image=None, host=None, **config):
        body = {"Image": image or self.image, "Cmd": list(command), "HostConfig": host or {}, **config}
        answer = self.client.post("/containers/create", body)
        if answer.status == 201:
            self.addCleanup(self.client.delete, f"/containers/{answer.json()['Id']}?force=1")
        return answer

    def attempt(self, *command, **options):
        """What a container said on both streams, or the engine's refusal. The secret is never in it."""
        answer = self.create(*command, **options)
        if answer.status == 201:
            container = answer.json()["Id"]
            answer = self.client.post(f"/containers/{container}/start")
            if answer.status == 204:
                self.client.wait(container)
                answer = self.client.get(f"/containers/{container}/logs?stdout=1&stderr=1")
                text = b"".join(split_frames(answer.body)).decode(errors="replace")
                self.assertNotIn(SECRET, text)
                return text
        self.assertNotIn(SECRET, str(answer.body))
        return f"refused: {answer.status} {answer.message()}"

    def sh(self, script, **options):
        return self.attempt("sh", "-c", script, **options)

    def ran(self, script, **options):
        """As sh(), of a script that must have run to its end: a refusal is no proof that an attack fails."""
        said = self.sh(script + "\necho RAN-TO-ITS-END", **options)
        self.assertIn("RAN-TO-ITS-END\n", said)
        return said.replace("RAN-TO-ITS-END\n", "", 1)  # what it wrote as errors comes after it

    def assert_refused(self, said, *words):
        self.assertTrue(said.startswith("refused: "), said)
        for word in words:
            self.assertIn(word, said)
