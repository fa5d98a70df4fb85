#!/usr/bin/env python3
"""Registries beyond loopback, where TLS decides: wrong certificates, no TLS at all, and ways down from https to http.

The registry's addresses are of a dummy interface in a world of its own, and its names are in an /etc/hosts of its own.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/attacks_tls_test.py [WORD]
"""

import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import evil_registry
from certificates import Certificates
from evil_registry import PASSWORD, TOKEN, USER
from private_engine import PrivateEngine, ends_within

ADDRESS, NAME, TWO = "10.99.7.1", "registry.davit.test", "two.davit.test"


class TlsAttacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="tls-", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        subprocess.run(["ip", "addr", "add", f"{ADDRESS}/32", "dev", "lo"], check=True)
        cls.addClassCleanup(subprocess.run, ["ip", "addr", "del", f"{ADDRESS}/32", "dev", "lo"], check=True)
        hosts = cls.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n127.0.0.1 {TWO}\n{ADDRESS} {TWO}\n")
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "/etc/hosts"], check=True)
        made = Certificates(cls.folder)
        for authority in ("ca", "other"):
            made.authority(authority)
        made.signed("right", "ca", NAME, "serverAuth", f"DNS:{NAME}")
        made.signed("two", "ca", TWO, "serverAuth", f"DNS:{TWO}")
        made.signed("stranger", "other", NAME, "serverAuth", f"DNS:{NAME}")
        made.signed("other-name", "ca", "elsewhere.test", "serverAuth", "DNS:elsewhere.test")
        made.signed("for-clients", "ca", NAME, "clientAuth", f"DNS:{NAME}")
        made.signed("expired", "ca", NAME, "serverAuth", f"DNS:{NAME}", valid_days=(-3, -1))
        made.own("self", NAME, f"subjectAltName=DNS:{NAME}")
        cls.engine = PrivateEngine("--sandbox-stock", "0", "--registry-certs", str(cls.folder / "certs.d")).start()
        cls.addClassCleanup(cls.engine.destroy)

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    def registry(self, certificate=None, name=NAME, **keywords):
        """A registry with a certificate, or without TLS. Its authority is among those that the engine takes for its name."""
        tls = None
        if certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.folder / f"{certificate}.pem", self.folder / f"{certificate}.key")
            if "newest" in keywords:
                tls.maximum_version = keywords.pop("newest")
                tls.set_ciphers("ALL:@SECLEVEL=0")
        made = evil_registry.EvilRegistry(address=ADDRESS, tls=tls, **keywords)
        self.addCleanup(made.__exit__)
        made.__enter__()
        made.name = f"{name}:{made.name.rpartition(':')[2]}"
        (self.folder / "certs.d" / made.name).mkdir(parents=True)
        shutil.copy(self.folder / "ca.pem", self.folder / "certs.d" / made.name / "ca.crt")
        return made

    def tearDown(self):
        self.assertFalse(ends_within(self.engine.pid, 0), "the engine has ended")
        self.assertEqual(self.engine.client.get("/images/json?all=1").json(), [])

    def pulls(self, registry, name="honest", **login):
        self.assertIsNone(self.engine.client.pull(registry.reference(name), **login))
        self.assertEqual(self.engine.client.delete(f"/images/{registry.reference(name)}").status, 200)

    def refuses(self, registry, expected, name="honest", **login):
        said = self.engine.client.pull(registry.reference(name), **login)
        self.assertRegex(said or "was pulled", f"(?i){expected}")

    def test_the_right_certificate_is_taken(self):
        self.pulls(self.registry("right"))

    def test_other_certificates_are_not_and_nothing_is_asked_without_tls(self):
        """CVE-2014-5277, CVE-2025-6032, CVE-2019-10214: no way down to HTTP, and no request, whatever is wrong."""
        for certificate in ("stranger", "self", "other-name", "for-clients", "expired"):
            with self.subTest(certificate):
                registry = self.registry(certificate)
                self.refuses(registry, "certificate|x509|verif", user=USER, password=PASSWORD)
                self.assertEqual(registry.requests, [])

    def test_a_registry_without_tls_is_not_talked_to(self):
        registry = self.registry()
        self.refuses(registry, "tls|insecure", user=USER, password=PASSWORD)
        self.assertEqual(registry.requests, [])

    def test_old_tls_is_not_spoken(self):
        registry = self.registry("right", newest=ssl.TLSVersion.TLSv1_1)
        self.refuses(registry, "tls|handshake|protocol|version")
        self.assertEqual(registry.requests, [])

    def test_one_loopback_address_among_several_is_no_reason_to_trust(self):
        """CVE-2026-92543: the name has 127.0.0.1, where nobody answers, and another address, where somebody does without TLS
        or with a stranger's certificate."""
        for certificate in (None, "stranger"):
            with self.subTest(str(certificate)):
                registry = self.registry(certificate, name=TWO)
                self.refuses(registry, "tls|insecure|certificate|verif", user=USER, password=PASSWORD)
                self.assertEqual(registry.requests, [])
        self.pulls(self.registry("two", name=TWO))

    def test_no_way_leads_from_https_to_http(self):
        """CVE-2026-48978, CVE-2026-33540, CVE-2026-88887: a realm and a redirect to plain HTTP, which no request reaches."""
        registry = self.registry("right")
        for name, expected in (("auth_bearer_password", "realm|https"), ("auth_redirect_elsewhere", "https to http|redirect")):
            with self.subTest(name):
                registry.ping_as(name)
                self.refuses(registry, expected, name, user=USER, password=PASSWORD)
        self.assertEqual([r for r in registry.requests if r.host == "elsewhere" or "/token" in r.path], [])

    def test_a_registry_leads_to_no_inner_address(self):
        """CVE-2026-33990: a registry elsewhere names a token service on the engine's loopback, or a cloud's metadata."""
        with socket.create_server(("127.0.0.1", 0)) as inner:
            inner.setblocking(False)
            port = inner.getsockname()[1]
            for realm in (f"https://127.0.0.1:{port}/", f"https://localhost:{port}/token", f"https://[::ffff:127.0.0.1]:{port}/",
                          "https://169.254.169.254/latest", f"https://0.0.0.0:{port}/", f"https://2130706433:{port}/"):
                with self.subTest(realm):
                    registry = self.registry("right")
                    evil_registry.LIES["realm_inside"] = (["manifest", "index", "config", "layer"],
                                                          lambda handler, truth: evil_registry.bearer(handler, truth, realm))
                    self.addCleanup(evil_registry.LIES.pop, "realm_inside", None)
                    self.refuses(registry, "realm|may not lead|denied|address", "realm_inside", user=USER, password=PASSWORD)
                    self.assertRaises(BlockingIOError, inner.accept)

    def test_credentials_stay_with_their_registry(self):
        """CVE-2021-41092: credentials given for one registry are not sent to another, over any connection."""
        one, two = self.registry("right"), self.registry("right")
        one.ping_as("auth_basic")
        self.pulls(one, "auth_basic", user=USER, password=PASSWORD)
        two.ping_as("auth_basic")
        self.refuses(two, "denied", "auth_basic")
        self.assertFalse([r for r in two.requests if "authorization" in r.headers or TOKEN in str(r.headers)])


if __name__ == "__main__":
    unittest.main()
