"""Writes images as OCI layouts (OCI image-spec, image-layout.md): folders that hold blobs by digest and an index.

Everything is reproducible: the same input gives the same bytes and digests.

    layout = Layout("/tmp/image")
    layer = layout.add_layer(tar_bytes)                         # compressed; digest and diff id are kept
    layout.add_image("latest", [layer], {"Cmd": ["sh"]})
"""

import dataclasses
import gzip
import hashlib
import io
import json
import pathlib
import platform
import tarfile

OCI = "application/vnd.oci.image."
MANIFEST, INDEX, CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
LAYER, LAYER_GZIP, LAYER_ZSTD = OCI + "layer.v1.tar", OCI + "layer.v1.tar+gzip", OCI + "layer.v1.tar+zstd"
EPOCH = "1970-01-01T00:00:00Z"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def architecture():
    """This machine's name in OCI's words."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


@dataclasses.dataclass
class Layer:
    descriptor: dict  # mediaType, digest, size: of the compressed bytes
    diff_id: str  # digest of the tar


class Layout:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.manifests = []

    def add_blob(self, data, media_type):
        """Stores bytes; gives their descriptor."""
        digest = digest_of(data)
        (self.folder / "blobs/sha256" / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_json(self, value, media_type):
        return self.add_blob(json.dumps(value, separators=(",", ":")).encode(), media_type)

    def add_layer(self, tar_bytes, compress=True, level=6):
        data = gzip.compress(tar_bytes, level, mtime=0) if compress else tar_bytes
        return Layer(self.add_blob(data, LAYER_GZIP if compress else LAYER), digest_of(tar_bytes))

    def add_image(self, tag, layers, config, created=EPOCH, **config_json):
        """`config`: Cmd, Env, User and so on. Further keywords go into the configuration's top level, and win."""
        described = {
            "created": created,
            "architecture": architecture(),
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [{"created": created, "created_by": f"layer {n}"} for n in range(1, len(layers) + 1)],
            **config_json,
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.add_json(described, CONFIG),
            "layers": [layer.descriptor for layer in layers],
        }
        return self.add_manifest(tag, self.add_json(manifest, MANIFEST))

    def add_manifest(self, tag, descriptor):
        """Names a manifest (or index) that is a blob already in the layout's index."""
        self.manifests.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}} if tag else descriptor)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests}
        (self.folder / "index.json").write_text(json.dumps(index, separators=(",", ":")))
        return descriptor


class Tar:
    """A tar archive in memory, entry by entry, exactly as asked: names are not checked, so hostile ones can be made too.
    `mtime`: of all entries, in Unix seconds."""

    def __init__(self, mtime=0):
        self.mtime = mtime
        self.buffer = io.BytesIO()
        self.archive = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, kind=tarfile.REGTYPE, data=b"", mode=0o644, uid=0, gid=0, target="", device=(0, 0), pax=None):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.uid, entry.gid, entry.linkname, entry.mtime = kind, mode, uid, gid, target, self.mtime
        entry.devmajor, entry.devminor = device
        entry.size = len(data) if kind == tarfile.REGTYPE else 0
        entry.pax_headers = pax or {}
        self.archive.addfile(entry, io.BytesIO(data) if data else None)
        return self

    def file(self, name, data, mode=0o644, **rest):
        return self.add(name, data=data.encode() if isinstance(data, str) else data, mode=mode, **rest)

    def folder(self, name, mode=0o755, **rest):
        return self.add(name, tarfile.DIRTYPE, mode=mode, **rest)

    def symlink(self, name, target, **rest):
        return self.add(name, tarfile.SYMTYPE, target=target, mode=0o777, **rest)

    def hard_link(self, name, target, **rest):
        return self.add(name, tarfile.LNKTYPE, target=target, **rest)

    def fifo(self, name, **rest):
        return self.add(name, tarfile.FIFOTYPE, **rest)

    def device(self, name, major, minor, is_block=False, **rest):
        return self.add(name, tarfile.BLKTYPE if is_block else tarfile.CHRTYPE, device=(major, minor), **rest)

    def bytes(self):
        self.archive.close()
        return self.buffer.getvalue()
