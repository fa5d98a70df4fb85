"""What happens to signals while davit waits for an engine that takes its time: the engine here is the test."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from fake_engine import FakeEngine, say
from private_engine import program

SECONDS = 30
ID = "c" * 64


class SlowEngine(FakeEngine):
    """Answers what `davit run` asks, and holds back the answer to the start until it may go."""

    def __init__(self, listener):
        self.start_is_asked, self.may_start, self.is_killed = threading.Event(), threading.Event(), threading.Event()
        self.killed_with = None
        super().__init__(listener)

    def answer(self, connection, target):
        if "/create?" in target:
            say(connection, "201 Created", json.dumps({"Id": ID, "Warnings": []}).encode())
        elif "/attach?" in target:
            connection.sendall(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            self.is_killed.wait(SECONDS)
            self.may_start.wait(SECONDS)
            return False
        elif "/wait?" in target:
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.is_killed.wait(SECONDS)
            body = b'{"StatusCode":143}'
            connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        elif target.endswith("/start"):
            self.start_is_asked.set()
            self.may_start.wait(SECONDS)
            say(connection, "204 No Content")
        elif "/kill?" in target:
            self.killed_with = target.rpartition("=")[2]
            say(connection, "204 No Content")
            self.is_killed.set()
        else:
            say(connection, "404 Not Found", b'{"message":"page not found"}')
        return True


class CliSignals(unittest.TestCase):
    def test_a_signal_that_comes_during_the_start_reaches_the_container(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        engine = SlowEngine.on_unix_socket(f"{folder.name}/socket")
        self.addCleanup(engine.close)
        davit = subprocess.Popen([program("davit"), "-H", f"unix://{folder.name}/socket", "run", "image"],
                                 stdin=subprocess.DEVNULL)
        self.addCleanup(davit.kill)
        self.assertTrue(engine.start_is_asked.wait(SECONDS))
        davit.send_signal(signal.SIGTERM)
        self.assertTrue(engine.is_killed.wait(SECONDS), "davit ended without passing the signal on")
        engine.may_start.set()
        self.assertEqual(davit.wait(SECONDS), 143)
        self.assertEqual(engine.killed_with, str(int(signal.SIGTERM)))


if __name__ == "__main__":
    unittest.main()
