#!/usr/bin/env python3
"""Images whose layers attack who unpacks them, by name. Digests and diff ids are right: only what is inside is evil.

    for name, make in evil.IMAGES.items():
        make(Layout(folder), canary)     # canary: a folder of the host that must not change, "/var/tmp/x/canary"

`REFUSED` names those that no engine should accept; the others may be unpacked, below the layer's root. By hand:
    tests/images/evil.py NAME FOLDER CANARY
"""

import gzip
import hashlib
import io
import pathlib
import struct
import sys
import tarfile
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "images"))
from oci_layout import CONFIG, LAYER_GZIP, LAYER_ZSTD, MANIFEST, Layer, Layout, Tar, digest_of

IMAGES, REFUSED = {}, set()


def image(is_refused):
    def register(function):
        IMAGES[function.__name__] = function
        if is_refused:
            REFUSED.add(function.__name__)
        return function

    return register


def whole(layout, *tars):
    layout.add_image("latest", [layout.add_layer(tar.bytes()) for tar in tars], {"Cmd": ["sh"]})
    return layout


def up(path):
    """The path from any depth."""
    return "../" * 24 + path.lstrip("/")


# Ways out by name.


@image(is_refused=False)
def name_with_dots(layout, canary):
    return whole(layout, Tar().file(up(canary) + "/written", "evil"))


@image(is_refused=False)
def name_with_dots_inside(layout, canary):
    return whole(layout, Tar().folder("a/").file("a/" + up(canary) + "/written", "evil"))


@image(is_refused=False)
def name_absolute(layout, canary):
    """Below the layer's root, as tar's own --absolute-names is off by default."""
    return whole(layout, Tar().file(canary + "/written", "evil"))


@image(is_refused=False)
def link_then_file(layout, canary):
    return whole(layout, Tar().symlink("d", canary).file("d/written", "evil"))


@image(is_refused=False)
def link_then_folder_mode(layout, canary):
    """A folder's entry, the folder replaced by a link, the folder's entry again with another mode and owner."""
    return whole(layout, Tar().folder("d/").symlink("d", canary).folder("d/", 0o777, uid=1000, gid=1000))


@image(is_refused=False)
def link_with_dots(layout, canary):
    return whole(layout, Tar().symlink("d", up(canary)).file("d/written", "evil"))


@image(is_refused=False)
def links_in_a_chain(layout, canary):
    return whole(layout, Tar().symlink("a", "/").symlink("b", "a/" + canary.lstrip("/")).file("b/written", "evil"))


@image(is_refused=False)
def link_from_lower_layer(layout, canary):
    return whole(layout, Tar().symlink("d", canary), Tar().file("d/written", "evil"))


@image(is_refused=False)
def link_over_which_a_file_is_written(layout, canary):
    return whole(layout, Tar().symlink("f", canary + "/token").file("f", "evil"))


# Hard links.


@image(is_refused=True)
def hard_link_absolute(layout, canary):
    return whole(layout, Tar().hard_link("h", canary + "/token"))


@image(is_refused=True)
def hard_link_with_dots(layout, canary):
    return whole(layout, Tar().hard_link("h", up(canary) + "/token").file("h", "evil"))


@image(is_refused=True)
def hard_link_through_link(layout, canary):
    return whole(layout, Tar().symlink("d", canary).hard_link("h", "d/token"))


@image(is_refused=False)
def hard_link_to_link(layout, canary):
    """A second name for the link itself is harmless; writing through it is not."""
    return whole(layout, Tar().symlink("s", canary + "/token").hard_link("h", "s").file("h", "evil"))


# Whiteouts.


@image(is_refused=True)
def whiteout_of_parent(layout, canary):
    return whole(layout, Tar().folder("a/").file("a/.wh...", ""))


@image(is_refused=True)
def whiteout_of_itself(layout, canary):
    return whole(layout, Tar().folder("a/").file("a/.wh..", ""))


@image(is_refused=True)
def whiteout_of_nothing(layout, canary):
    return whole(layout, Tar().folder("a/").file("a/.wh.", ""))


@image(is_refused=False)
def whiteout_below_link(layout, canary):
    return whole(layout, Tar().symlink("d", canary), Tar().file("d/.wh.token", ""))


@image(is_refused=False)
def opaque_below_link(layout, canary):
    return whole(layout, Tar().symlink("d", canary).file("d/.wh..wh..opq", ""))


@image(is_refused=True)
def whiteout_with_a_path(layout, canary):
    """A slash can't be in a tar's last component; one that is written as such names a file below `.wh.a`."""
    return whole(layout, Tar().folder("a/").file("a/.wh.../" + up(canary) + "/token", ""))


@image(is_refused=False)
def whiteout_that_is_a_folder(layout, canary):
    return whole(layout, Tar().folder("a/").file("a/x", "x"), Tar().folder("a/.wh.x/").device("a/.wh.y", 0, 0).symlink("a/.wh.z", canary))


# Attributes that change what an overlay shows.


@image(is_refused=False)
def overlay_attributes(layout, canary):
    pax = {"SCHILY.xattr.trusted.overlay.redirect": canary, "SCHILY.xattr.trusted.overlay.opaque": "y"}
    return whole(layout, Tar().folder("d/", pax=pax).file("d/f", "x", pax={"SCHILY.xattr.trusted.overlay.metacopy": ""}))


# Archives that are not archives, or never end.


def with_bytes(layout, data, tar_bytes):
    """A layer of exactly these compressed bytes; its diff id is that of `tar_bytes`."""
    layout.add_image("latest", [Layer(layout.add_blob(data, LAYER_GZIP), digest_of(tar_bytes))], {})
    return layout


@image(is_refused=True)
def layer_not_compressed_at_all(layout, canary):
    script = b"#!/bin/sh\ntouch " + canary.encode() + b"/written\n"
    return with_bytes(layout, script, script)


@image(is_refused=True)
def layer_shell_archive(layout, canary):
    script = b"#!/bin/sh\n# This is a shell archive.\ntouch /tmp/x\nexit 0\n" * 200
    return with_bytes(layout, gzip.compress(script, mtime=0), script)


@image(is_refused=True)
def layer_cut_in_a_header(layout, canary):
    tar = Tar().file("a", "a" * 3000).file("b", "b").bytes()[: 512 + 3072 + 200]
    return with_bytes(layout, gzip.compress(tar, mtime=0), tar)


@image(is_refused=True)
def gzip_cut(layout, canary):
    tar = Tar().file("a", bytes(range(256)) * 400).bytes()
    return with_bytes(layout, gzip.compress(tar, mtime=0)[:-40], tar)


@image(is_refused=True)
def gzip_wrong_checksum(layout, canary):
    tar = Tar().file("a", "a").bytes()
    data = gzip.compress(tar, mtime=0)
    return with_bytes(layout, data[:-8] + b"\0\0\0\0" + data[-4:], tar)


@image(is_refused=True)
def gzip_with_garbage_after(layout, canary):
    tar = Tar().file("a", "a").bytes()
    return with_bytes(layout, gzip.compress(tar, mtime=0) + b"garbage" * 500, tar)


@image(is_refused=True)
def size_negative(layout, canary):
    """A size in GNU's base-256 form, below zero."""
    tar = bytearray(Tar().file("a", "a").bytes())
    tar[124:136] = b"\xff" * 11 + b"\x00"
    checksum = sum(tar[:148]) + 8 * 32 + sum(tar[156:512])
    tar[148:156] = b"%06o\0 " % checksum
    return with_bytes(layout, gzip.compress(bytes(tar), mtime=0), bytes(tar))


@image(is_refused=True)
def pax_header_of_a_gigabyte(layout, canary):
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    packed, digest = io.BytesIO(), hashlib.sha256()
    pieces = [header.tobuf(tarfile.USTAR_FORMAT)] + [bytes(1 << 20)] * 1024
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=1) as out:
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
    layout.add_image("latest", [Layer(layout.add_blob(packed.getvalue(), LAYER_GZIP), "sha256:" + digest.hexdigest())], {})
    return layout


@image(is_refused=True)
def long_name_of_64_megabytes(layout, canary):
    name = "n" * (64 << 20)
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, len(name)
    tar = header.tobuf(tarfile.GNU_FORMAT) + name.encode() + Tar().file("a", "a").bytes()
    return with_bytes(layout, gzip.compress(tar, 1, mtime=0), tar)


@image(is_refused=True)
def isize_says_little(layout, canary):
    """The length at gzip's end is wrong."""
    tar = Tar().file("a", "a" * 5000).bytes()
    data = gzip.compress(tar, mtime=0)
    return with_bytes(layout, data[:-4] + struct.pack("<I", 7), tar)


@image(is_refused=True)
def name_with_nul(layout, canary):
    """A name in a PAX header that two readers would cut at different places."""
    return whole(layout, Tar().file("a", "a", pax={"path": "harmless\0" + canary}))


@image(is_refused=True)
def layer_cpio(layout, canary):
    """Formats that an archive library may know are not layers."""
    newc = b"070701" + b"%08x" * 13 % (1, 0o100644, 0, 0, 1, 0, 4, 0, 0, 0, 0, 8, 0) + b"written\0\0\0evil"
    end = b"070701" + b"%08x" * 13 % (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0) + b"TRAILER!!!\0\0\0\0"
    return with_bytes(layout, gzip.compress(newc + end, mtime=0), newc + end)


@image(is_refused=True)
def layer_zip(layout, canary):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("written", "evil")
    return with_bytes(layout, gzip.compress(packed.getvalue(), mtime=0), packed.getvalue())


@image(is_refused=True)
def layer_of_other_archivers(layout, canary):
    data = b"7z\xbc\xaf\x27\x1c" + bytes(2048)
    return with_bytes(layout, data, data)


@image(is_refused=True)
def zstd_with_a_window_of_2_gigabytes(layout, canary):
    """RFC 8878: a frame of one repeated byte, whose header asks for the memory."""
    frame = b"\x28\xb5\x2f\xfd\x00\xa8" + ((1024 << 3) | (1 << 1) | 1).to_bytes(3, "little") + b"\0"
    layout.add_image("latest", [Layer(layout.add_blob(frame, LAYER_ZSTD), digest_of(bytes(1024)))], {})
    return layout


@image(is_refused=True)
def zstd_cut(layout, canary):
    frame = b"\x28\xb5\x2f\xfd\x00\x58" + ((1024 << 3) | (1 << 1)).to_bytes(3, "little") + b"\0"
    layout.add_image("latest", [Layer(layout.add_blob(frame, LAYER_ZSTD), digest_of(bytes(1024)))], {})
    return layout


@image(is_refused=True)
def size_beyond_what_comes(layout, canary):
    """A header that claims a terabyte, and the archive's end."""
    header = tarfile.TarInfo("big")
    header.size = 1 << 40
    tar = header.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    return with_bytes(layout, gzip.compress(tar, mtime=0), tar)


@image(is_refused=False)
def opaque_again_and_again(layout, canary):
    """CVE-2026-95838: a folder that is full, then marks that say the same."""
    full, marks = Tar().folder("d/"), Tar().folder("d/")
    for number in range(5000):
        full.file(f"d/{number}", "")
        marks.file("d/.wh..wh..opq", "")
    return whole(layout, full, marks)


# Documents of the image.


@image(is_refused=False)
def history_shorter_than_the_layers(layout, canary):
    layout.add_image("latest", [layout.add_layer(Tar().file(n, n).bytes()) for n in "ab"], {"Cmd": ["sh"]}, history=[])
    return layout


@image(is_refused=False)
def history_longer_and_null(layout, canary):
    layout.add_image("latest", [layout.add_layer(Tar().file("a", "a").bytes())], {"Cmd": None, "Env": None, "Labels": None},
                     history=[{}] * 500 + [{"empty_layer": True}], created=None)
    return layout


@image(is_refused=True)
def config_of_wrong_types(layout, canary):
    layout.add_image("latest", [layout.add_layer(Tar().file("a", "a").bytes())], {"Cmd": {"a": 1}, "Env": 7})
    return layout


def with_config(layout, text):
    """An image of one layer, whose configuration is whatever bytes are given."""
    layer = layout.add_layer(Tar().file("a", "a").bytes())
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layout.add_blob(text, CONFIG), "layers": [layer.descriptor]}
    layout.add_manifest("latest", layout.add_json(manifest, MANIFEST))
    return layout


@image(is_refused=True)
def config_null(layout, canary):
    return with_config(layout, b"null")


@image(is_refused=True)
def config_not_json(layout, canary):
    return with_config(layout, b"not json")


@image(is_refused=False)
def config_of_the_host(layout, canary):
    """Keys that are a host's to decide, in the image's configuration: they mean nothing there."""
    host = {"HostConfig": {"Privileged": True}, "Privileged": True, "SecurityOpt": ["seccomp=unconfined"], "CapAdd": ["ALL"]}
    layout.add_image("latest", [layout.add_layer(Tar().file("a", "a").bytes())], {"Cmd": ["sh"], **host}, **host)
    return layout


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in IMAGES:
        sys.exit(f"{__doc__}\nnames: {' '.join(IMAGES)}")
    IMAGES[sys.argv[1]](Layout(sys.argv[2]), sys.argv[3])


if __name__ == "__main__":
    main()
