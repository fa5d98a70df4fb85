#!/usr/bin/env python3
"""The Docker Engine API over TCP with TLS.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/api_tls_test.py [WORD]
"""

import os
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
from certificates import Certificates
from private_engine import PrivateEngine, free_port


class Tls(unittest.TestCase):
    """TCP with certificates on both sides."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp()
        cls.addClassCleanup(lambda: subprocess.run(["rm", "-r", folder], check=True))
        cls.folder = pathlib.Path(folder)
        made = Certificates(cls.folder)
        for authority in ("ca", "other"):
            made.authority(authority)
        made.signed("server", "ca", "server", "serverAuth", "IP:127.0.0.1")
        made.signed("client", "ca", "client", "clientAuth")
        made.signed("stranger", "other", "stranger", "clientAuth")
        cls.port = free_port()
        cls.engine = PrivateEngine(
            "-H", f"tcp://127.0.0.1:{cls.port}", "--tlsverify", "--tlscacert", f"{folder}/ca.pem",
            "--tlscert", f"{folder}/server.pem", "--tlskey", f"{folder}/server.key",
        ).start()
        cls.addClassCleanup(cls.engine.destroy)

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    def ping(self, name=None):
        """The engine's answer to a client with this certificate; None when the session is refused."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if name:
            context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 30) as plain, \
                    context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return connection.recv(65536) or None
        except OSError:
            return None

    def test_only_certificates_of_the_configured_authority_for_clients_are_let_in(self):
        self.assertTrue(self.ping("client").startswith(b"HTTP/1.1 200"))
        for name in (None, "stranger", "server"):
            self.assertIsNone(self.ping(name), name)

    def test_the_docker_cli_works_over_it(self):
        for file, name in (("client.pem", "cert.pem"), ("client.key", "key.pem")):
            self.folder.joinpath(name).write_bytes(self.folder.joinpath(file).read_bytes())
        if not shutil.which("docker"):
            self.skipTest("there is no docker CLI")
        shown = subprocess.run(["docker", "-H", f"tcp://127.0.0.1:{self.port}", "--tlsverify", "info", "-f", "{{.Driver}}"],
                               env={**os.environ, "DOCKER_CERT_PATH": str(self.folder)}, capture_output=True, text=True, timeout=60)
        self.assertEqual(shown.stdout.strip(), "overlay2", shown.stderr)


if __name__ == "__main__":
    unittest.main()
