#!/usr/bin/env python3
"""Pulls from a registry that lies: each lie gets an error that says what is wrong, and leaves nothing in the store.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/pull_lies_test.py [WORD]
"""

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import sys
import tarfile
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "images"), str(HERE.parents[1] / "images")]
import evil
import evil_registry
from evil_registry import PASSWORD, TOKEN, USER
from attack_world import without_quarantine
from oci_layout import Layout, Tar
from private_engine import PrivateEngine, ends_within

# For each lie a regular expression that its error must match (any case). What it says must lead to the cause.
LIES = {
    "manifest_wrong_digest": "digest|sha256",
    "config_wrong_bytes": "digest|sha256",
    "blob_wrong_bytes": "digest|sha256",
    "blob_truncated": "size|bytes|short|end|digest",
    "blob_too_long": "size|bytes|long|digest",
    "blob_empty": "size|bytes|short|empty|digest",
    "blob_endless": "size|bytes|long|large",
    "range_other_bytes": "digest|sha256",
    "manifest_500": "500",
    "blob_500": "500",
    "manifest_missing": "not found|unknown",
    "blob_missing": "not found|404|unknown",
    "manifest_dropped": "clos|connection|end|reset|EOF",
    "blob_dropped": "clos|connection|end|reset|EOF",
    "manifest_with_headers_without_end": "header|large|limit",
    "manifest_with_a_header_without_end": "header|large|limit",
    "redirect_endless": "redirect",
    "redirect_to_file": "redirect|scheme|file",
    "redirect_nowhere": "redirect|location",
    "manifest_html": "html|type",
    "manifest_other_type": "type",
    "manifest_and_index": "both|ambiguous|index|manifest",
    "manifest_trailing_text": "json|manifest|index",
    "manifest_keys_twice": "twice|duplicate|two|again",
    "layers_null": "layers",
    "layers_of_other_types": "layers",
    "manifest_null": "json|manifest|index|null|type",
    "manifest_wrong_types": "manifests|schemaVersion|type",
    "manifest_deep": "deep|depth|nest|json",
    "manifest_endless": "large|size|bytes|limit",
    "config_endless": "large|size|bytes|limit",
    "index_without_platform": "platform|linux",
    "index_nested": "index|nest|deep",
    "index_wide": "platform|index|many|not found",
    "index_of_itself": "digest|index",
    "digest_with_path": "digest",
    "digest_with_escapes": "digest",
    "digest_of_other_kind": "digest|algorithm",
    "digest_too_short": "digest",
    "digest_upper_case": "digest",
    "size_negative": "size|negative|number",
    "size_too_small": "size|bytes|long",
    "size_enormous": "size|large|bytes|space",
    "auth_never": "denied|unauthori|log in|credential|password",
    "realm_link_local": "realm|token|169.254",
    "realm_file": "realm|token|scheme",
    "realm_broken": "realm|token|address|url",
    "token_endless": "token|large|size",
    "token_missing": "token",
    "token_with_newline": "token|header|character",
    "wrong_diff_ids": "diff|digest",
    "too_few_diff_ids": "diff|layers",
    "no_rootfs": "rootfs|diff|layers",
}


def verified_blob(path):
    """A file that is named by its own digest may stay: it is right, whoever sent it, and saves the next pull the way."""
    if len(path.name) != 64 or "blobs" not in path.parts:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == path.name


class StoreTest(unittest.TestCase):
    """An engine, an evil registry, and a look at the store before and after."""

    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.engine = PrivateEngine("--sandbox-stock", "0", *cls.flags, environment=without_quarantine()).start()
        cls.registry = evil_registry.EvilRegistry().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.registry.__exit__()
        cls.engine.stop()

    def setUp(self):
        if not ends_within(self.engine.pid, 0):
            for image in self.images():  # an earlier test has failed
                self.engine.client.delete(f"/images/{image['Id']}?force=1")
        else:
            self.engine.start()
        self.registry.requests.clear()
        self.registry.tells_truth = False
        self.registry.ping_as("honest")
        self.before, self.rows, self.pid = self.store(), self.recorded(), self.engine.pid

    def images(self):
        return self.engine.client.get("/images/json?all=1").json()

    def store(self):
        """Every path below the data root but the database and verified blobs."""
        root = pathlib.Path(self.engine.data_root)
        found = set()
        for folder, folders, files in os.walk(root):
            found.update(pathlib.Path(folder, name) for name in folders if not self.is_place(pathlib.Path(folder, name)))
            found.update(pathlib.Path(folder, name) for name in files)
        return {p for p in found if not p.name.endswith((".db", ".db-wal", ".db-shm", ".sqlite", "-wal", "-shm")) and not verified_blob(p)}

    def recorded(self):
        """Every row of the engine's database, but for what counts up by itself."""
        with contextlib.closing(sqlite3.connect(f"file:{self.engine.data_root}/state.db?mode=ro", uri=True)) as database:
            return {row[:2] for row in database.execute("SELECT kind, name FROM entry")}

    @staticmethod
    def is_place(path):
        """A folder that only orders others, such as blobs/ and blobs/sha256."""
        return path.name in ("blobs", "sha256", "images", "layers", "overlay", "tmp", "incoming", "storage")

    def assert_clean(self):
        self.assertFalse(ends_within(self.pid, 0), "the engine has ended")
        self.assertEqual(self.images(), [])
        for _ in range(500):  # what was taken out of use is removed behind the answer
            if self.store() <= self.before and self.recorded() <= self.rows:
                break
            time.sleep(0.02)
        self.assertEqual({str(p) for p in self.store() - self.before}, set(), "is left in the store")
        self.assertEqual(self.recorded() - self.rows, set(), "is left in the database")
        self.assertEqual(self.engine.client.get("/_ping").body, b"OK")


class PullLies(StoreTest):
    def pulls(self, name, **login):
        """An image that must be pulled, and is removed again."""
        self.registry.ping_as(name)
        self.assertIsNone(self.engine.client.pull(self.registry.reference(name), **login))
        self.assertEqual(self.engine.client.get(f"/images/{self.registry.reference(name)}/json").status, 200)
        self.assertEqual(self.engine.client.delete(f"/images/{self.registry.reference(name)}").status, 200)
        self.assertEqual(self.images(), [])

    def refuses(self, name, expected, **login):
        self.registry.ping_as(name)
        said = self.engine.client.pull(self.registry.reference(name), **login)
        self.assertIsNotNone(said, f"{name} was pulled")
        self.assertRegex(said, f"(?i){expected}")
        self.assert_clean()
        self.assertLess(len(self.registry.requests), 60, "too many requests")

    def test_an_honest_image_is_pulled(self):
        self.pulls("honest")

    def test_after_a_lie_the_same_name_can_be_pulled(self):
        self.refuses("blob_wrong_bytes", LIES["blob_wrong_bytes"])
        self.registry.tells_truth = True
        self.pulls("blob_wrong_bytes")

    def test_no_cloud_metadata_service_is_asked(self):
        """Nothing answers there in this world; the engine must know without asking."""
        self.refuses("realm_link_local", LIES["realm_link_local"], user=USER, password=PASSWORD)

    def test_no_header_is_injected_by_a_token(self):
        self.refuses("token_with_newline", LIES["token_with_newline"])
        self.assertFalse([r for r in self.registry.requests if "x-injected" in r.headers])

    def test_no_odd_path_is_asked_for(self):
        for name in ("digest_with_path", "digest_with_escapes", "digest_of_other_kind", "digest_upper_case", "digest_too_short"):
            self.refuses(name, "digest")
        self.assertFalse([r.path for r in self.registry.requests if "blobs" in r.path and ".." in r.path or "%" in r.path])
        self.assertFalse(os.path.exists("/tmp/davit-led-astray"))

    def test_a_password_is_used_where_it_is_asked_for(self):
        self.pulls("auth_basic", user=USER, password=PASSWORD)
        self.pulls("auth_bearer")
        self.pulls("auth_bearer_password", user=USER, password=PASSWORD)

    def test_a_wrong_password_is_told(self):
        self.refuses("auth_basic", "denied|unauthori|log in|credential|password", user=USER, password="wrong")

    def test_credentials_do_not_follow_a_redirect(self):
        for name in ("auth_redirect_elsewhere", "auth_token_redirect_elsewhere"):
            with self.subTest(name):
                self.registry.requests.clear()
                self.pulls(name, user=USER, password=PASSWORD)
                there = self.registry.seen(host="elsewhere")
                self.assertTrue(there, "the redirect was not followed")
                self.assertFalse([r for r in there if "authorization" in r.headers or TOKEN in str(r.headers)])

    def test_foreign_urls_get_no_credential(self):
        self.engine.client.pull(self.registry.reference("foreign_urls"), user=USER, password=PASSWORD)
        self.assertFalse([r for r in self.registry.seen(host="elsewhere") if "authorization" in r.headers])
        self.engine.client.delete(f"/images/{self.registry.reference('foreign_urls')}")

    def test_an_address_brings_no_credential_with_it(self):
        self.pulls("redirect_to_another_user")
        there = self.registry.seen(host="elsewhere")
        self.assertTrue(there)
        self.assertFalse([r for r in there if "authorization" in r.headers])

    def test_a_subject_that_is_none_matters_to_nobody(self):
        self.pulls("subject_malformed")

    def test_by_digest_only_these_bytes_are_taken(self):
        """CVE-2014-8179: whatever comes for a digest is hashed first, and then parsed."""
        for name in ("manifest_trailing_text", "manifest_keys_twice", "manifest_wrong_types"):
            truth = self.registry.repository(name).truths["latest"]
            said = self.engine.client.pull(f"{self.registry.name}/{name}@{truth.digest}")
            self.assertRegex(said or "was pulled", "(?i)digest")
            self.assert_clean()

    def test_a_silent_registry_is_left_when_nobody_waits_any_more(self):
        """CVE-2021-20291 and slow answers: nobody holds a worker, a connection or half a layer. The time limits themselves are tested
        in http_client_test.cpp (gives_up_on_a_silent_server)."""
        before = len(os.listdir(f"/proc/{self.pid}/fd"))
        for _ in range(10):
            self.registry.silent.clear()
            with self.engine.client.connect() as connection:
                connection.send_request("POST", "/images/create?fromImage=" + self.registry.reference("blob_silent").replace("/", "%2F"))
                self.assertTrue(self.registry.silent.wait(60))
                connection.socket.shutdown(socket.SHUT_RDWR)
        for _ in range(500):
            if not self.store() - self.before and len(os.listdir(f"/proc/{self.pid}/fd")) <= before + 2:
                break
            self.engine.client.get("/_ping")
            time.sleep(0.02)
        self.assert_clean()
        self.assertLessEqual(len(os.listdir(f"/proc/{self.pid}/fd")), before + 2)
        self.pulls("honest")

    def test_an_engine_that_is_killed_in_a_pull_leaves_nothing_for_the_next(self):
        for _ in range(3):
            self.registry.silent.clear()
            with self.engine.client.connect() as connection:
                connection.send_request("POST", "/images/create?fromImage=" + self.registry.reference("blob_silent").replace("/", "%2F"))
                self.assertTrue(self.registry.silent.wait(60))
                self.assertTrue(self.store() - self.before, "nothing was being unpacked")
                self.engine.kill()
            self.engine.start()
            self.pid = self.engine.pid
            self.assert_clean()
        self.pulls("honest")

    def test_endless_answers_do_not_fill_memory_or_disk(self):
        def resident():
            return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        before = resident()
        for name in ("blob_endless", "manifest_endless", "config_endless", "token_endless"):
            self.refuses(name, LIES[name])
        self.assertLess(resident() - before, 100 << 20)

    def test_resumed_layers_are_asked_for_by_range(self):
        self.refuses("range_other_bytes", LIES["range_other_bytes"])
        self.assertTrue([r for r in self.registry.requests if "range" in r.headers])


def add_lie(name, expected):
    setattr(PullLies, f"test_lie_{name}", lambda self: self.refuses(name, expected, user=USER, password=PASSWORD)
            if name.startswith("auth") else self.refuses(name, expected))


for lie, text in LIES.items():
    add_lie(lie, text)


class EvilImages(StoreTest):
    """Layers that attack who unpacks them: the host stays as it is, whether they are refused or unpacked."""

    def setUp(self):
        super().setUp()
        self.canary = tempfile.mkdtemp(prefix="canary-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.canary)
        token = pathlib.Path(self.canary, "token")
        token.write_text("a token that no container may see")
        token.chmod(0o600)
        self.expected = self.look()

    def look(self):
        return {
            str(p): (p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_gid, p.lstat().st_nlink, p.lstat().st_mtime_ns,
                     p.read_bytes() if p.is_file() else b"")
            for p in [pathlib.Path(self.canary), *pathlib.Path(self.canary).rglob("*")]
        }

    def pull(self, name):
        reference = self.registry.reference(name.replace("_", "-"))
        with tempfile.TemporaryDirectory() as folder:
            self.registry.add_image(name.replace("_", "-"), evil.IMAGES[name](Layout(folder), self.canary))
        said = self.engine.client.pull(reference)
        self.assertEqual(self.look(), self.expected, "the host's files have changed")
        if name in evil.REFUSED:
            self.assertIsNotNone(said, f"{name} was pulled")
        if said is None:
            self.use(reference)
            self.assertEqual(self.engine.client.delete(f"/images/{reference}").status, 200)
        self.assertEqual(self.look(), self.expected, "the host's files have changed with the image's removal")
        self.assert_clean()


    def use(self, reference):
        """What was taken is asked for in every way, and tried to run."""
        shown = self.engine.client.get(f"/images/{reference}/json")
        self.assertEqual(shown.status, 200, shown)
        created = self.engine.client.post("/containers/create", {"Image": reference, "Cmd": ["sh"]})
        if created.status == 201:
            container = created.json()["Id"]
            self.engine.client.post(f"/containers/{container}/start")
            self.assertEqual(self.engine.client.delete(f"/containers/{container}?force=1").status, 204)


class Bombs(StoreTest):
    """What is small until it is unpacked, with bounds that fit a test."""

    flags = ("--max-layer-size", str(32 << 20), "--max-layer-entries", "2000")

    def refuses(self, name, tars, expected):
        with tempfile.TemporaryDirectory() as folder:
            layout = Layout(folder)
            layout.add_image("latest", [layout.add_layer(tar, level=1) for tar in tars], {})
            self.registry.add_image(name, layout)
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the peak of memory begins anew
        said = self.engine.client.pull(self.registry.reference(name))
        self.assertRegex(said or "was pulled", f"(?i){expected}")
        peak = int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1]) << 10
        self.assertLess(peak, 100 << 20)
        self.assert_clean()

    def test_zeros(self):
        """CVE-2017-14992, CVE-2023-25153."""
        self.refuses("zeros", [Tar().file("zeros", bytes(200 << 20)).bytes()], "bytes|large|size")

    def test_many_files_of_which_each_is_small(self):
        tar = Tar()
        for number in range(40):
            tar.file(f"{number}", bytes(1 << 20))
        self.refuses("together", [tar.bytes()], "bytes|large|size")

    def test_entries(self):
        tar = Tar()
        for number in range(3000):
            tar.file(f"{number}", "")
        self.refuses("entries", [tar.bytes()], "entries|many")

    def test_folders_that_are_only_told_by_what_is_in_them(self):
        self.refuses("deep", [Tar().file("/".join("d" * 1900) + "/f", "").file("/".join("e" * 1900) + "/f", "").bytes()], "entries|more than")

    def test_a_hole_of_a_terabyte(self):
        """CVE-2025-58183: a sparse map that promises what nobody sends."""
        header = tarfile.TarInfo("sparse")
        header.type = tarfile.GNUTYPE_SPARSE
        block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
        block[386:410] = b"%011o\0" % (0) + b"%011o\0" % 0
        block[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
        block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
        self.refuses("sparse", [bytes(block) + bytes(1024)], "sparse")

    def test_a_hole_of_a_terabyte_in_a_pax_header(self):
        records = {"GNU.sparse.size": str(1 << 40), "GNU.sparse.numblocks": "0"}
        header = tarfile.TarInfo("sparse")
        header.pax_headers = records
        self.refuses("sparse-pax", [header.tobuf(tarfile.PAX_FORMAT) + bytes(1024)], "more than|sparse")


def add_evil(name):
    setattr(EvilImages, f"test_{name}", lambda self: self.pull(name))


for evil_name in evil.IMAGES:
    add_evil(evil_name)
