#!/usr/bin/env python3
"""davit on a terminal: detach keys, sizes, signals, and a terminal that is as it was before, whatever happens.

Run by tests/run; alone: tests/own_world python3 tests/python_tap.py tests/integration/cli_terminal_test.py [WORD]
"""

import fcntl
import os
import pathlib
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from private_engine import PrivateEngine, program
from sample_image import push_and_pull_sample

SECONDS = 30


class Terminal:
    """A program on a new terminal of 24 rows and 80 columns."""

    def __init__(self, *command):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.text = b""

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.child = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                      preexec_fn=take_terminal)

    def read_for(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.text += os.read(self.master, 65536)
            return True
        return False

    def until(self, wanted):
        """Reads until the text is there."""
        end = time.monotonic() + SECONDS
        while wanted not in self.text:
            if time.monotonic() > end:
                raise AssertionError(f"{wanted} was not shown, but {self.text}")
            self.read_for(0.1)

    def type(self, keys):
        os.write(self.master, keys)

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def until_raw(self):
        end = time.monotonic() + SECONDS
        while not self.is_raw():
            if time.monotonic() > end:
                raise AssertionError("the terminal never became raw")
            self.read_for(0.02)

    def end(self):
        """The exit code; negative for a signal."""
        end = time.monotonic() + SECONDS
        while self.child.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"the program does not end, and has shown {self.text}")
            self.read_for(0.05)
        while self.read_for(0.05):
            pass
        return self.child.returncode

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.master)
        os.close(self.slave)


class CliTerminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = PrivateEngine().start()
        cls.addClassCleanup(cls.engine.destroy)
        cls.davit = program("davit")
        cls.image = push_and_pull_sample(cls.engine)

    @classmethod
    def tearDownClass(cls):
        cls.engine.stop()

    @classmethod
    def say(cls, *words):
        done = subprocess.run([cls.davit, "-H", f"unix://{cls.engine.socket}", *words], capture_output=True, text=True,
                              timeout=SECONDS, check=True)
        return done.stdout.strip()

    def on_terminal(self, *words):
        terminal = Terminal(self.davit, "-H", f"unix://{self.engine.socket}", *words)
        self.addCleanup(terminal.close)
        return terminal

    def shell(self, *flags):
        """A shell on a terminal, ready for keys."""
        name = f"box{os.urandom(4).hex()}"
        terminal = self.on_terminal("run", "-it", "--name", name, *flags, self.image, "sh", "-c",
                                    "trap 'exit 9' TERM; echo ready; while read -r line; do eval \"$line\"; done; exit 5")
        self.addCleanup(subprocess.run, [self.davit, "-H", f"unix://{self.engine.socket}", "rm", "-f", name],
                        capture_output=True)
        terminal.until(b"ready")
        terminal.until_raw()
        return name, terminal

    def state(self, name):
        return self.say("inspect", "-f", "{{.State.Status}}", name)

    def test_the_exit_code_is_the_programs_and_the_terminal_is_restored(self):
        _, terminal = self.shell()
        terminal.type(b"exit 3\n")
        self.assertEqual(terminal.end(), 3)
        self.assertTrue(terminal.is_as_before())

    def test_the_detach_keys_leave_the_container_running(self):
        name, terminal = self.shell()
        terminal.type(b"\x10\x11")
        self.assertEqual(terminal.end(), 0)
        self.assertTrue(terminal.is_as_before())
        self.assertEqual(self.state(name), "running")

    def test_the_detach_keys_may_be_chosen(self):
        name, terminal = self.shell("--detach-keys", "ctrl-a,x")
        terminal.type(b"\x10\x11\x01x")
        self.assertEqual(terminal.end(), 0)
        self.assertEqual(self.state(name), "running")

    def test_the_detach_keys_may_be_chosen_for_good(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "config.json").write_text('{"detachKeys": "ctrl-a,x"}')
            os.environ["DOCKER_CONFIG"] = folder
            self.addCleanup(os.environ.pop, "DOCKER_CONFIG")
            name, terminal = self.shell()
            terminal.type(b"\x10\x11\x01x")
            self.assertEqual(terminal.end(), 0)
            self.assertEqual(self.state(name), "running")

    def test_attach_says_that_it_was_detached_and_ends_with_1_as_docker_does(self):
        name, terminal = self.shell()
        terminal.type(b"\x10\x11")
        terminal.end()
        second = self.on_terminal("attach", name)
        second.until_raw()
        second.type(b"echo typed-$((40 + 2))\n")
        second.until(b"typed-42")
        second.type(b"\x10\x11")
        self.assertEqual(second.end(), 1)
        self.assertIn(b"read escape sequence", second.text)
        self.assertTrue(second.is_as_before())
        self.assertEqual(self.state(name), "running")

    def test_the_containers_terminal_has_the_size_of_this_one_and_follows_it(self):
        _, terminal = self.shell()
        terminal.type(b"stty size\n")
        terminal.until(b"24 80\r\n")
        fcntl.ioctl(terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        terminal.child.send_signal(signal.SIGWINCH)
        end = time.monotonic() + SECONDS
        while b"30 100\r\n" not in terminal.text and time.monotonic() < end:
            terminal.type(b"stty size\n")
            terminal.read_for(0.2)
        self.assertIn(b"30 100\r\n", terminal.text)
        terminal.type(b"exit 0\n")
        self.assertEqual(terminal.end(), 0)

    def test_a_signal_reaches_the_program_on_a_terminal_too(self):
        name, terminal = self.shell()
        terminal.child.send_signal(signal.SIGTERM)
        terminal.type(b"\n")  # the shell runs its trap when a line was read
        self.assertEqual(terminal.end(), 9)
        self.assertTrue(terminal.is_as_before())
        self.assertEqual(self.state(name), "exited")

    def test_a_third_demand_to_end_ends_davit_and_not_the_container(self):
        name, terminal = self.shell()
        terminal.type(b"trap '' INT TERM; echo deaf-$((40 + 2))\n")
        terminal.until(b"deaf-42")
        for _ in range(3):
            terminal.child.send_signal(signal.SIGINT)
            time.sleep(0.3)
        self.assertEqual(terminal.end(), 1)
        self.assertIn(b"got 3 SIGTERM/SIGINTs, forcefully exiting", terminal.text)
        self.assertTrue(terminal.is_as_before())
        self.assertEqual(self.state(name), "running")

    def test_ending_an_attach_by_a_signal_restores_the_terminal(self):
        name, terminal = self.shell()
        terminal.type(b"\x10\x11")
        terminal.end()
        for number in (signal.SIGTERM, signal.SIGHUP):
            second = self.on_terminal("attach", name)
            second.until_raw()
            second.child.send_signal(number)
            self.assertEqual(second.end(), -number)
            self.assertTrue(second.is_as_before())
            self.assertEqual(self.state(name), "running")

    def test_without_a_terminal_control_c_reaches_the_program(self):
        terminal = self.on_terminal("run", "--rm", self.image, "sh", "-c",
                                    "trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done")
        terminal.until(b"ready")
        terminal.type(b"\x03")
        self.assertEqual(terminal.end(), 7)

    def test_a_socket_as_input_is_read_while_the_program_writes_and_left_as_it_was(self):
        theirs, ours = socket.socketpair()
        with theirs, ours:
            davit = subprocess.Popen([self.davit, "-H", f"unix://{self.engine.socket}", "run", "--rm", "-i", self.image, "sh", "-c",
                                      "echo ready; read -r line; echo got $line"], stdin=theirs, stdout=subprocess.PIPE)
            self.addCleanup(davit.kill)
            with davit.stdout:
                self.assertEqual(davit.stdout.readline(), b"ready\n")
                ours.sendall(b"a line\n")
                self.assertEqual(davit.stdout.readline(), b"got a line\n")
            self.assertEqual(davit.wait(SECONDS), 0)
            self.assertFalse(fcntl.fcntl(theirs, fcntl.F_GETFL) & os.O_NONBLOCK)

    def test_signals_that_are_not_proxied_end_davit_alone(self):
        name = f"box{os.urandom(4).hex()}"
        terminal = self.on_terminal("run", "--name", name, "--sig-proxy=false", self.image, "sh", "-c",
                                    "echo ready; exec sleep 1000")
        terminal.until(b"ready")
        terminal.type(b"\x03")
        self.assertEqual(terminal.end(), -signal.SIGINT)
        self.assertEqual(self.state(name), "running")
        self.say("rm", "-f", name)

    def test_the_engines_sudden_end_restores_the_terminal_and_is_told(self):
        name, terminal = self.shell()
        self.engine.kill()
        try:
            self.assertEqual(terminal.end(), 125)
        finally:
            self.engine.start()
        self.assertTrue(terminal.is_as_before())
        self.assertIn(b"davit: ", terminal.text)
        self.assertEqual(self.state(name), "running")

    def test_a_pull_draws_a_line_for_each_layer_and_none_twice(self):
        self.say("rmi", "-f", self.image)
        terminal = self.on_terminal("pull", self.image)
        self.assertEqual(terminal.end(), 0)
        text = terminal.text.decode()
        self.assertIn("Pull complete", text)
        self.assertIn("\x1b[", text)
        self.assertTrue(text.endswith(f"Downloaded newer image for {self.image}\r\n{self.image}\r\n"), text[-300:])
        self.say("rmi", "-f", self.image)
        self.assertNotIn("\x1b", self.say("pull", self.image))

    def test_hostile_text_moves_no_cursor(self):
        name = f"box{os.urandom(4).hex()}"
        self.say("create", "--name", name, "--label", "evil=\x1b[2Jx\x9b2J", self.image, "sh", "\x1b]0;mine\x07")
        for words in (("ps", "-a"), ("ps", "-a", "--format", "{{.Labels}}"), ("inspect", "-f", "{{.Config.Labels}}", name),
                      ("inspect", name), ("rm", "\x1b[2Jnope")):
            terminal = self.on_terminal(*words)
            terminal.end()
            self.assertNotIn(b"\x1b", terminal.text, words)
            self.assertNotIn(b"\xc2\x9b", terminal.text, words)
            self.assertNotIn(b"\x07", terminal.text, words)
        self.say("rm", name)


if __name__ == "__main__":
    unittest.main()
