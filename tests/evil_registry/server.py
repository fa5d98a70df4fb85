"""The server: reads requests, remembers them, and answers with the truth or the lie that the repository's name chooses."""

import base64
import dataclasses
import http.server
import json
import re
import sys
import tempfile
import threading

from .images import (INDEX, Layout, Repository, Truth, architecture, digest_of, layer_with_foreign_url, no_rootfs, small_layout,
                     too_few_diff_ids, wrong_diff_ids)
from .lies import LIES, index_nested, index_of_itself
from .login import PASSWORD, TOKEN, USER

ENDLESS = 1 << 30  # bytes after which an endless answer ends for the sake of the machine


@dataclasses.dataclass
class Seen:
    host: str  # "registry", or "elsewhere": a second server that no credential may reach
    method: str
    path: str
    headers: dict  # lower-case names


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def registry(self):
        return self.server.registry

    def log_message(self, *_):
        return

    # Reading the request

    def repository_name(self):
        match = re.match(r"/v2/(.+)/(manifests|blobs)/", self.path)
        return match.group(1) if match else None

    def repository(self):
        return self.registry.repository(self.repository_name())

    def query(self):
        pairs = self.path.partition("?")[2].split("&")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def range_start(self):
        match = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        return int(match.group(1)) if match else 0

    def has_password(self):
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("Authorization") == "Basic " + expected

    # Answering

    def send(self, status, body, media_type, digest=None, **headers):
        if status == 200 and "/manifests/" in self.path and not digest:
            digest = digest_of(body)  # a document that was told under a tag is there by its digest too
            self.registry.told[digest] = (body, media_type)
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_truth(self, truth):
        if (start := self.range_start()) and truth.kind == "layer":
            self.send_range(truth.body[start:], start, len(truth.body), truth.media_type)
        else:
            self.send(200, truth.body, truth.media_type, digest=truth.digest)

    def send_range(self, body, start, total, media_type):
        self.send(206, body, media_type, Content_Range=f"bytes {start}-{total - 1}/{total}")

    def send_half(self, body, media_type):
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True

    def send_endless(self, start, media_type):
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(b"%x\r\n%s\r\n" % (len(start), start))
        piece = b"x" * 65536
        for _ in range(ENDLESS // len(piece)):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.close_connection = True

    def redirect(self, place):
        self.send(307, b"", "text/plain", Location=place)

    def challenge(self, text):
        self.send(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"log in first"}]}', "application/json", WWW_Authenticate=text)

    def drop(self):
        self.close_connection = True

    def token(self):
        kind = self.path.partition("?")[0]
        if kind == "/token/endless":
            self.send_endless(b'{"token":"', "application/json")
        elif kind == "/token/missing":
            self.send(200, b'{"hello":"world"}', "application/json")
        elif kind == "/token/newline":
            self.send(200, json.dumps({"token": f"{TOKEN}\r\nX-Injected: yes"}).encode(), "application/json")
        elif kind == "/token/password" and not self.has_password():
            self.challenge('Basic realm="davit tests"')
        else:
            self.send(200, json.dumps({"token": TOKEN, "expires_in": 300}).encode(), "application/json")

    def do_GET(self):
        seen = {name.lower(): value for name, value in self.headers.items()}
        self.registry.requests.append(Seen(self.server.host, self.command, self.path, seen))
        try:
            self.answer()
        except OSError:
            self.close_connection = True  # the engine has had enough

    do_HEAD = do_GET

    def answer(self):
        if self.path.startswith("/token"):
            return self.token()
        name = self.repository_name()
        if name is None:
            ping = Truth("ping", b"{}", "application/json", "")
            return self.registry.ping(self, ping) if self.server.host == "registry" else self.send_truth(ping)
        truth = self.repository().truths.get(self.path.partition("?")[0].rpartition("/")[2])
        about, liar = LIES.get(name, ((), None))
        if self.registry.tells_truth or self.server.host == "elsewhere":
            liar = None
        if truth is None and liar in (index_of_itself, index_nested):
            truth = Truth("index", self.repository().index_bytes, INDEX, "")
            if liar is index_nested:
                body = self.registry.deep_indexes.get(self.path.rpartition("/")[2])
                return self.send(200 if body else 404, body or b"", INDEX)
        if truth is None and self.path.rpartition("/")[2] in self.registry.told:
            return self.send(200, *self.registry.told[self.path.rpartition("/")[2]])
        if truth is None:
            return self.send(404, b'{"errors":[{"code":"UNKNOWN","message":"not here"}]}', "application/json")
        if liar and truth.kind in about:
            return liar(self, truth)
        return self.send_truth(truth)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, registry, host, address, port):
        self.registry, self.host = registry, host
        super().__init__((address, port), Handler)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # the engine has hung up, or TLS was refused
            super().handle_error(request, client_address)


class EvilRegistry:
    """Two servers on loopback: the registry, and another host that redirects lead to."""

    def __init__(self, port=0, address="127.0.0.1", tls=None):
        """`tls`: an ssl.SSLContext with which the registry, but not the other host, is served."""
        self.requests, self.tells_truth, self.deep_indexes, self.ping = [], False, {}, Handler.send_truth
        self.silent = threading.Event()  # blob_silent has begun to be
        self.scratch = tempfile.TemporaryDirectory(prefix="evil-registry-")
        self.servers = [Server(self, "registry", address, port), Server(self, "elsewhere", "127.0.0.2", 0)]
        self.name, self.elsewhere = (f"{s.server_address[0]}:{s.server_address[1]}" for s in self.servers)
        if tls:
            self.servers[0].socket = tls.wrap_socket(self.servers[0].socket, server_side=True, do_handshake_on_connect=False)
        self.repositories, self.told, self.making = {}, {}, threading.Lock()
        for make in (wrong_diff_ids, too_few_diff_ids, no_rootfs):
            self.add_image(make.__name__, make(Layout(self.new_folder())))
        self.add_image("foreign_urls", layer_with_foreign_url(Layout(self.new_folder()), self.elsewhere))

    def new_folder(self):
        return tempfile.mkdtemp(dir=self.scratch.name)

    def add_image(self, name, layout):
        """Serves the layout's one image as NAME:latest; truthfully, unless the name is a lie's."""
        self.repositories[name] = Repository(layout)

    def repository(self, name):
        """The image that is served under a name; one of the usual kind unless add_image() gave another."""
        with self.making:
            if name not in self.repositories:
                self.repositories[name] = Repository(small_layout(self.new_folder(), name))
            return self.repositories[name]

    def reference(self, name):
        return f"{self.name}/{name}:latest"

    def ping_as(self, name):
        """Lets /v2/, which belongs to no repository, ask for a password as this repository does; "honest": not at all."""
        asks = name in LIES and "config" in LIES[name][0] and "layer" in LIES[name][0]
        self.ping = LIES[name][1] if asks and not self.tells_truth else Handler.send_truth

    def seen(self, name=None, host=None):
        """The requests for one repository, or to one host."""
        return [r for r in self.requests if (not name or f"/{name}/" in r.path) and (not host or r.host == host)]

    def deep_index(self):
        body = self.repository("index_nested").index_bytes
        for _ in range(20):
            self.deep_indexes[digest_of(body)] = body
            inner = {"mediaType": INDEX, "digest": digest_of(body), "size": len(body),
                     "platform": {"os": "linux", "architecture": architecture()}}
            body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [inner]}).encode()
        return body

    def __enter__(self):
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()
        self.scratch.cleanup()
