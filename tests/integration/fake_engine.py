"""An engine that is the test: it answers what davit asks as a test wants, when it wants."""

import socket
import threading


class FakeEngine:
    """Serves every connection to `listener` in a thread of its own."""

    api_version = "1.50"

    def __init__(self, listener, tls=None):
        self.listener, self.tls = listener, tls
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    @classmethod
    def on_unix_socket(cls, path, *more):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        return cls(listener, *more)

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as lines:
                while (request := lines.readline()):
                    self.headers = {}
                    while (line := lines.readline().decode().strip()):
                        name, _, text = line.partition(":")
                        self.headers[name.lower()] = text.strip()
                    self.body = lines.read(int(self.headers.get("content-length", 0)))
                    method, target, _ = request.decode().split()
                    if method == "HEAD":  # docker's ping
                        connection.sendall(f"HTTP/1.1 200 OK\r\nApi-Version: {self.api_version}\r\n\r\n".encode())
                    elif not self.answer(connection, target):
                        return
        except OSError:
            pass  # the client has gone

    def answer(self, connection, target):
        """Answers a request for `target`; whether the connection goes on. For the test to define. `self.headers` are those of
        the last request, by names in lower case, and `self.body` its body."""
        raise NotImplementedError


def say(connection, status, body=b"", more=""):
    """One whole answer."""
    connection.sendall(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)
