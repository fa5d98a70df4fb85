"""The registry that engines are measured with: Debian's docker-registry on loopback, filled with two images."""

import json
import pathlib
import socket
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "images"))
from oci_layout import Layout, Tar  # noqa: E402
import workloads  # noqa: E402


class Registry:
    """Runs while the `with` block does; everything that it stores is in `folder`."""

    large_megabytes = 300

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        configuration = self.folder / "registry.yml"
        configuration.write_text(
            f"version: 0.1\nlog: {{accesslog: {{disabled: true}}, level: error}}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.folder}/registry}}}}\n"
            f"http: {{addr: 127.0.0.1:{port}}}\n"
        )
        self.process = subprocess.Popen(
            ["docker-registry", "serve", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self.wait_until_up(port)
            self.small = f"127.0.0.1:{port}/bench/small:1"
            self.large = f"127.0.0.1:{port}/bench/large:1"
            self.push(self.make_small(), self.small)
            subprocess.run([TOP / "tests/images/bench_image", self.folder / "large"], check=True, stdout=sys.stderr)
            self.push(self.folder / "large", self.large)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def wait_until_up(self, port):
        for _ in range(100):
            try:
                return socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("docker-registry does not start; is the package installed?")

    def make_small(self):
        """The sample image with /lines, a file of 100 MB in lines of 100 bytes."""
        folder = self.folder / "small"
        subprocess.run([TOP / "images/sample/build", folder], check=True, stdout=sys.stderr)
        layout = Layout(folder)
        tar = Tar()
        line = "x" * (workloads.LOG_LINE_LENGTH - 1) + "\n"
        tar.file("lines", line * workloads.LOG_LINES)
        return add_layer_to_image(layout, tar.bytes())

    def push(self, folder, reference):
        subprocess.run([TOP / "images/push", folder, reference], check=True, stdout=sys.stderr)


def add_layer_to_image(layout, tar_bytes):
    """Puts one more layer onto the image of a layout; gives the layout's folder."""
    blobs = layout.folder / "blobs/sha256"
    index = json.loads((layout.folder / "index.json").read_text())
    manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())
    config = json.loads((blobs / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
    layer = layout.add_layer(tar_bytes, level=1)
    config["rootfs"]["diff_ids"].append(layer.diff_id)
    config["history"].append({"created": config["created"], "created_by": "lines for logs"})
    manifest["layers"].append(layer.descriptor)
    manifest["config"] = layout.add_json(config, manifest["config"]["mediaType"])
    layout.manifests = []
    layout.add_manifest("latest", layout.add_json(manifest, manifest["mediaType"]))
    return layout.folder
