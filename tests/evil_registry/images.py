"""The images that a registry serves: what is true of each, and images whose own description is wrong."""

import dataclasses
import hashlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "images"))
from oci_layout import CONFIG, INDEX, LAYER_GZIP, MANIFEST, Layer, Layout, Tar, architecture, digest_of


@dataclasses.dataclass
class Truth:
    """What an honest registry would answer."""

    kind: str  # "manifest", "index", "config" or "layer"
    body: bytes
    media_type: str
    digest: str


class Repository:
    """One image as an honest registry serves it: an index under the tag, which names the manifest."""

    def __init__(self, layout):
        index = json.loads((layout.folder / "index.json").read_text())
        blobs = {"sha256:" + file.name: file.read_bytes() for file in (layout.folder / "blobs/sha256").iterdir()}
        described = index["manifests"][0]
        self.manifest_bytes = blobs[described["digest"]]
        manifest = json.loads(self.manifest_bytes)
        named = {k: described[k] for k in ("mediaType", "digest", "size")}
        platform = {"os": "linux", "architecture": architecture()}
        top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**named, "platform": platform}]}
        self.index_bytes = json.dumps(top).encode()
        self.truths = {digest: Truth("layer", data, LAYER_GZIP, digest) for digest, data in blobs.items()}
        config = manifest["config"]["digest"]
        self.truths[config] = Truth("config", blobs[config], CONFIG, config)
        self.truths[described["digest"]] = Truth("manifest", self.manifest_bytes, described["mediaType"], described["digest"])
        digest = digest_of(self.index_bytes)
        self.truths[digest] = self.truths["latest"] = Truth("index", self.index_bytes, INDEX, digest)


def small_layout(folder, name):
    """Two layers, large enough to be cut in the middle. Every name has layers of its own: an engine may keep one that it has
    verified, and would not ask for it again."""
    layout = Layout(folder)
    noise = hashlib.shake_256(name.encode()).digest(300_000)
    first = Tar().folder("etc/").file("etc/first", name).file("noise", noise).bytes()
    second = Tar().folder("etc/").file("etc/second", "second").file("more", noise[:100_000]).bytes()
    layout.add_image("latest", [layout.add_layer(first), layout.add_layer(second)], {"Cmd": ["sh"]})
    return layout


def wrong_diff_ids(layout):
    """Blobs and digests are right; the configuration says that they unpack to something else."""
    one, two = (layout.add_layer(Tar().file(name, name).bytes()) for name in ("a", "b"))
    layout.add_image("latest", [one, Layer(two.descriptor, digest_of(b"something else"))], {})
    return layout


def too_few_diff_ids(layout):
    layers = [layout.add_layer(Tar().file(name, name).bytes()) for name in ("a", "b")]
    layout.add_image("latest", layers, {}, rootfs={"type": "layers", "diff_ids": [layers[0].diff_id]})
    return layout


def no_rootfs(layout):
    layout.add_image("latest", [layout.add_layer(Tar().file("a", "a").bytes())], {}, rootfs=None)
    return layout


def layer_with_foreign_url(layout, elsewhere):
    layer = layout.add_layer(Tar().file("a", "a").bytes())
    layer.descriptor["urls"] = [f"http://{elsewhere}/v2/foreign_urls/blobs/{layer.descriptor['digest']}"]
    layout.add_image("latest", [layer], {})
    return layout
