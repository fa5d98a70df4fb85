#!/usr/bin/env python3
"""Commands that name several containers: which are asked for at once, and that they are told in order.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/cli_several_test.py [WORD]
"""

import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from fake_engine import FakeEngine, say
from private_engine import program

SECONDS = 20


class LastFirst(FakeEngine):
    """Knows containers "first" and "last". Where `holds_back`, the first is answered when the last has been."""

    def __init__(self, listener, holds_back):
        self.holds_back, self.last_is_answered, self.asked = holds_back, threading.Event(), []
        super().__init__(listener)

    def answer(self, connection, target):
        name = target.split("/containers/")[1].split("?")[0].split("/")[0]
        self.asked.append(name)
        if name == "first" and self.holds_back and not self.last_is_answered.wait(SECONDS):
            say(connection, "500 Internal Server Error", b'{"message":"the last was not asked for"}')
        elif name in ("first", "last"):
            say(connection, "204 No Content")
        else:
            say(connection, "404 Not Found", b'{"message":"No such container: %s"}' % name.encode(), "Content-Type: application/json\r\n")
        if name == "last":
            self.last_is_answered.set()
        return True


class CliSeveral(unittest.TestCase):
    def ask(self, holds_back, *words):
        with tempfile.TemporaryDirectory() as folder:
            engine = LastFirst.on_unix_socket(f"{folder}/socket", holds_back)
            try:
                done = subprocess.run([program("davit"), "-H", f"unix://{folder}/socket", *words], capture_output=True, text=True,
                                      timeout=2 * SECONDS)
                return engine, (done.returncode, done.stdout, done.stderr)
            finally:
                engine.close()

    def test_stop_kill_and_rm_wait_for_all_at_once_and_tell_in_order(self):
        for command in ("stop", "kill", "rm"):
            _, said = self.ask(True, command, "first", "nope", "last")
            self.assertEqual(said, (1, "first\nlast\n", "Error response from daemon: No such container: nope\n"), command)

    def test_start_and_restart_begin_with_the_next_when_the_one_before_has_been_answered(self):
        for command in ("start", "restart"):
            engine, said = self.ask(False, command, "last", "nope", "first")
            self.assertEqual(engine.asked, ["last", "nope", "first"], command)
            self.assertEqual(said[:2], (1, "last\nfirst\n"), command)


if __name__ == "__main__":
    unittest.main()
