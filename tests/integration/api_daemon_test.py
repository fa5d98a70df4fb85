#!/usr/bin/env python3
"""What davitd is to those that reach it and start it: TCP, other protocols, sockets and roots, configuration.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/api_daemon_test.py [WORD]
"""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from api_world import ApiWorld, asked
from private_engine import PrivateEngine, free_port, program


class Daemon(ApiWorld):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.flags = ("-H", f"tcp://127.0.0.1:{cls.port}")
        super().setUpClass()

    def raw(self, data):
        """What the engine answers to these bytes, up to its end of the connection."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            return answer

    # TCP.

    def test_a_web_page_that_was_led_here_is_refused(self):
        own = f"127.0.0.1:{self.port}"
        def status(*headers):
            lines = "".join(f"{line}\r\n" for line in headers)
            return int(self.raw(f"GET /version HTTP/1.1\r\nConnection: close\r\n{lines}\r\n".encode()).split()[1])
        self.assertEqual(status(f"Host: {own}"), 200)
        self.assertEqual(status("Host: localhost"), 200)
        self.assertEqual(status("Host: evil.test"), 403)
        self.assertEqual(status(f"Host: {own}", "Origin: http://evil.test"), 403)
        self.assertEqual(status(f"Host: {own}", "Origin: null"), 403)
        self.assertNotIn(b"access-control-allow", self.raw(f"GET /version HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n".encode()).lower())

    def test_other_protocols_than_http_1_are_refused_and_the_engine_lives(self):
        self.assertEqual(self.client.get(asked("/containers/json", filters={"name": ["(" * 100_000]})).status, 414)
        for data in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 64, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 4096):
            answer = self.raw(data)
            self.assertTrue(answer == b"" or answer.split()[1] in (b"400", b"505"), answer)
        self.assertEqual(self.client.get("/_ping").body, b"OK")

    def test_plain_tcp_beyond_loopback_is_a_start_up_error(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                [program("davitd"), "--data-root", f"{folder}/data", "--exec-root", f"{folder}/run", "--bridge", "davit-test1",
                 "--bip", "10.214.0.1/16", "-H", f"tcp://0.0.0.0:{free_port()}"],
                capture_output=True, text=True, timeout=60,
            )
            subprocess.run(["ip", "link", "delete", "davit-test1"], capture_output=True)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("--tlsverify", ended.stderr)

    # The daemon.

    def test_a_second_engine_on_the_same_data_root_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                [program("davitd"), "--data-root", self.engine.data_root, "--exec-root", f"{folder}/run", "-H", f"unix://{folder}/s"],
                capture_output=True, text=True, timeout=60,
            )
        self.assertEqual(ended.returncode, 1)
        self.assertIn("another davitd", ended.stderr)

    def test_a_second_engine_on_the_same_exec_root_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = subprocess.run(
                [program("davitd"), "--data-root", f"{folder}/data", "--exec-root", self.engine.exec_root, "--pidfile", f"{folder}/pid",
                 "--bridge", "davit-test2", "--bip", "10.215.0.1/16", "-H", f"tcp://0.0.0.0:{free_port()}"],
                capture_output=True, text=True, timeout=60,
            )
            subprocess.run(["ip", "link", "delete", "davit-test2"], capture_output=True)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("another davitd uses the exec root", ended.stderr)

    def test_the_socket_and_the_roots_are_closed_to_others(self):
        self.assertEqual(os.stat(self.engine.socket).st_mode & 0o777, 0o660)
        for root in (self.engine.data_root, self.engine.exec_root):
            self.assertEqual(os.stat(root).st_mode & 0o007, 0, root)

    def test_configuration_is_checked_before_anything_starts(self):
        def check(text, *flags):
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(text)
                file.flush()
                return subprocess.run([program("davitd"), "--validate", "--config-file", file.name, *flags], capture_output=True, text=True, timeout=60)
        self.assertEqual(check('{"debug": true}').returncode, 0)
        self.assertIn("don't match any configuration option: nonsense", check('{"nonsense": 1}').stderr)
        self.assertIn("both as a flag and in the configuration file: debug", check('{"debug": true}', "-D").stderr)
        self.assertIn("unknown flag: --nonsense", check("", "--nonsense").stderr)

    def test_a_name_server_that_does_not_answer_holds_up_no_end(self):
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.53", 53))
        resolver = pathlib.Path("/etc/resolv.conf").resolve()
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("nameserver 127.0.0.53\noptions timeout:30 attempts:5\n")
            file.flush()
            subprocess.run(["mount", "--bind", file.name, resolver], check=True)
            self.addCleanup(subprocess.run, ["umount", resolver], check=True)
        engine = PrivateEngine("--bridge", "davit-test3", "--bip", "10.216.0.1/16").start()
        self.addCleanup(subprocess.run, ["ip", "link", "delete", "davit-test3"], check=True)
        self.addCleanup(engine.destroy)
        with engine.client.connect() as pulling:
            pulling.send_request("POST", asked("/images/create", fromImage="name.test:5000/image"))
            silent.recv(512)  # the question
            self.assertEqual(engine.stop_daemon(), 0)  # which gives up long before the worker does
        self.assertFalse(os.path.exists(f"{engine.exec_root}/davitd.pid"))
        self.assertEqual(engine.processes_that_stay(), {})

    def test_a_hangup_reads_the_log_level_again_and_the_engine_goes_on(self):
        os.kill(self.engine.pid, 1)
        self.assertEqual(self.client.get("/_ping").status, 200)


if __name__ == "__main__":
    unittest.main()
