"""A raw HTTP client for an engine's unix socket, and streams that an answer turns into ("hijacked").

Tests talk to the engine in bytes, so that what it really sent can be asserted: status, headers, framing.

    client = Client("/run/x/davit.sock")
    answer = client.get("/containers/json?all=1")          # answer.status, .headers, .body, .json()
    answer = client.post("/containers/create", {"Image": "sample"})
    for event in client.stream("GET", "/events"): ...      # one JSON value after the other, while they come
    stream = client.hijack("/containers/ID/attach?stream=1&stdin=1&stdout=1&stderr=1")
    stream.write(b"hello\\n"); stream.close_write(); out, err = stream.read_frames()
"""

import base64
import json
import socket
import struct
import urllib.parse


class Answer:
    """One whole HTTP answer. `headers` has lower-case names; a repeated header keeps its last value."""

    def __init__(self, status, reason, headers, body):
        self.status, self.reason, self.headers, self.body = status, reason, headers, body

    def json(self):
        return json.loads(self.body)

    def json_lines(self):
        """The JSON values of a progress stream."""
        return list(json_values(self.body.decode()))

    def message(self):
        """The text of an error answer, which is {"message": …}."""
        return self.json()["message"]

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.body[:400]!r}>"


def json_values(text):
    """Every JSON value in a text that has one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        value, at = decoder.raw_decode(text, at)
        yield value


class Connection:
    """One connection: requests can be sent one after the other, and the socket is there for what HTTP has no word for."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send_request(self, method, target, body=None, headers=None):
        """`body`: None, bytes, or a value that is sent as JSON."""
        lines = {"Host": "davit"}
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
            lines["Content-Type"] = "application/json"
        if body is not None or method in ("POST", "PUT"):
            lines["Content-Length"] = str(len(body or b""))
        lines.update(headers or {})
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n"
        self.socket.sendall(head.encode() + (body or b""))

    def _more(self):
        got = self.socket.recv(65536)
        self.buffer += got
        return bool(got)

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self._more():
                raise EOFError(f"the engine closed the connection after {self.buffer!r}")
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def _exactly(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise EOFError(f"the engine closed the connection {count - len(self.buffer)} bytes too early")
        piece, self.buffer = self.buffer[:count], self.buffer[count:]
        return piece

    def read_head(self):
        """Status, reason and headers of the next answer; informational answers but 101 are passed over."""
        while True:
            _, status, reason = (self._line().decode() + "  ").split(" ", 2)
            headers = {}
            while line := self._line():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.strip().lower()] = value.strip()
            if int(status) >= 200 or int(status) == 101:
                return int(status), reason.strip(), headers

    def pieces(self, status, headers, method="GET"):
        """The body as it comes."""
        if method == "HEAD" or status in (204, 304):
            return
        if "chunked" in headers.get("transfer-encoding", ""):
            while size := int(self._line().partition(b";")[0], 16):
                yield self._exactly(size)
                self._exactly(2)
            while self._line():
                pass
        elif "content-length" in headers:
            left = int(headers["content-length"])
            while left:
                if not self.buffer and not self._more():
                    raise EOFError(f"the engine closed the connection {left} bytes too early")
                piece, self.buffer = self.buffer[:left], self.buffer[left:]
                left -= len(piece)
                yield piece
        else:
            while self.buffer or self._more():
                piece, self.buffer = self.buffer, b""
                yield piece

    def until_closed(self):
        """All that comes until the engine closes the connection, as it comes and unread: quicker than to read it."""
        blocks = [self.buffer]
        while blocks[-1] or len(blocks) == 1:
            blocks.append(self.socket.recv(1 << 20))
        return blocks

    def request(self, method, target, body=None, headers=None):
        self.send_request(method, target, body, headers)
        status, reason, fields = self.read_head()
        return Answer(status, reason, fields, b"".join(self.pieces(status, fields, method)))


class HijackedStream:
    """What a connection is after the engine has switched protocols: raw bytes both ways, each of which can end first."""

    def __init__(self, connection, headers):
        self.connection, self.headers = connection, headers

    def write(self, data):
        self.connection.socket.sendall(data)

    def close_write(self):
        self.connection.socket.shutdown(socket.SHUT_WR)

    def read(self):
        """Bytes that are there, at least one; b"" when the engine has closed its side."""
        if not self.connection.buffer and not self.connection._more():
            return b""
        data, self.connection.buffer = self.connection.buffer, b""
        return data

    def read_until(self, mark):
        data = b""
        while mark not in data:
            if not (piece := self.read()):
                raise EOFError(f"the stream ended before {mark!r}: {data!r}")
            data += piece
        return data

    def read_all(self):
        return b"".join(iter(self.read, b""))

    def read_frames(self):
        """Everything up to the end, as (stdout, stderr): Docker's stream format, eight bytes before each piece."""
        return split_frames(self.read_all())

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def split_frames(data):
    """(stdout, stderr) of a body in Docker's multiplexed format."""
    streams, at = {0: b"", 1: b"", 2: b"", 3: b""}, 0
    while at < len(data):
        kind, size = struct.unpack_from(">BxxxI", data, at)
        if len(data) < at + 8 + size:
            raise ValueError(f"a frame of {size} bytes is cut at {len(data) - at - 8}")
        streams[kind] += data[at + 8 : at + 8 + size]
        at += 8 + size
    if streams[3]:
        raise ValueError(f"the engine reported an error in the stream: {streams[3]!r}")
    return streams[1], streams[2]


class Client:
    """Requests to one engine, each on a connection of its own. `version` ("v1.43") is put before every path when given."""

    def __init__(self, path, version="", timeout=60):
        self.path, self.prefix, self.timeout = path, f"/{version}" if version else "", timeout

    def connect(self):
        return Connection(self.path, self.timeout)

    def request(self, method, target, body=None, headers=None):
        with self.connect() as connection:
            return connection.request(method, self.prefix + target, body, headers)

    def get(self, target, **keywords):
        return self.request("GET", target, **keywords)

    def post(self, target, body=None, **keywords):
        return self.request("POST", target, body, **keywords)

    def delete(self, target, **keywords):
        return self.request("DELETE", target, **keywords)

    def stream(self, method, target, body=None):
        """JSON values as the engine sends them. Closing the generator closes the connection."""
        with self.connect() as connection:
            connection.send_request(method, self.prefix + target, body)
            status, reason, headers = connection.read_head()
            pieces = connection.pieces(status, headers, method)
            if status >= 400:
                raise RuntimeError(f"{method} {target}: {status} {b''.join(pieces).decode()}")
            rest = b""
            for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield json.loads(line)
            if rest.strip():
                yield json.loads(rest)

    def hijack(self, target, body=None, upgrade=True):
        """POSTs, and gives the stream that the connection becomes. With `upgrade` as newer clients ask for it (101)."""
        connection = self.connect()
        headers = {"Connection": "Upgrade", "Upgrade": "tcp"} if upgrade else {}
        connection.send_request("POST", self.prefix + target, body, headers)
        status, reason, fields = connection.read_head()
        if status != (101 if upgrade else 200):
            answer = Answer(status, reason, fields, b"".join(connection.pieces(status, fields)))
            connection.close()
            raise RuntimeError(f"POST {target} was not hijacked: {answer}")
        return HijackedStream(connection, fields)

    # The steps that nearly every test needs.

    def pull(self, reference, user=None, password=None):
        """Pulls. None when it went well, else what the engine says is wrong: in an error answer, or at the stream's end."""
        headers = {}
        if user:
            login = {"username": user, "password": password, "serveraddress": reference.partition("/")[0]}
            headers["X-Registry-Auth"] = base64.urlsafe_b64encode(json.dumps(login).encode()).decode()
        answer = self.post("/images/create?" + urllib.parse.urlencode({"fromImage": reference}), headers=headers)
        if answer.status != 200:
            return answer.message()
        errors = [value["error"] for value in answer.json_lines() if "error" in value]
        return errors[0] if errors else None

    def run(self, image, command=None, **config):
        """Creates and starts a container; gives its id."""
        body = {"Image": image, **({"Cmd": command} if command is not None else {}), **config}
        created = self.post("/containers/create", body)
        if created.status != 201:
            raise RuntimeError(f"create: {created}")
        started = self.post(f"/containers/{created.json()['Id']}/start")
        if started.status != 204:
            raise RuntimeError(f"start: {started}")
        return created.json()["Id"]

    def wait(self, container):
        """The exit code."""
        return self.post(f"/containers/{container}/wait").json()["StatusCode"]

    def output(self, container):
        """(stdout, stderr) that a container without a terminal has written so far."""
        return split_frames(self.get(f"/containers/{container}/logs?stdout=1&stderr=1").body)
