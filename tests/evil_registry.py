#!/usr/bin/env python3
"""A registry on loopback that lies in named ways, and remembers every request with its headers.

The repository's name chooses the lie: pulling 127.0.0.1:PORT/blob_dropped:latest meets a connection that ends in the middle of
each layer; 127.0.0.1:PORT/honest:latest is served as it should be, and so is any name when `tells_truth` is set.

    with EvilRegistry() as registry:
        registry.reference("blob_wrong_bytes")      # "127.0.0.1:40123/blob_wrong_bytes:latest"
        registry.requests                           # [Seen(host, method, path, headers), …], of both of its hosts
        registry.add_image("bomb", layout)          # an honest registry with an evil image

By hand, to point an engine at:  tests/evil_registry.py [PORT]
"""

import base64
import dataclasses
import hashlib
import http.server
import inspect
import json
import pathlib
import re
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "images"))
from oci_layout import CONFIG, INDEX, LAYER_GZIP, MANIFEST, Layer, Layout, Tar, architecture, digest_of

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
USER, PASSWORD, TOKEN = "alice", "secret-of-alice", "token-for-this-test"
ENDLESS = 1 << 30  # bytes after which an endless answer ends for the sake of the machine


@dataclasses.dataclass
class Seen:
    host: str  # "registry", or "elsewhere": a second server that no credential may reach
    method: str
    path: str
    headers: dict  # lower-case names


@dataclasses.dataclass
class Truth:
    """What an honest registry would answer."""

    kind: str  # "manifest", "index", "config" or "layer"
    body: bytes
    media_type: str
    digest: str


LIES = {}


def lie(about):
    """Registers a lie: a function that answers one request in place of the truth. `about`: the kinds that it answers for;
    requests for other kinds get the truth."""

    def register(function):
        LIES[function.__name__] = (about.split(), function)
        return function

    return register


def altered(data):
    """Other bytes of the same length; JSON stays JSON."""
    at = len(data) // 2
    if data[:1] == b"{":
        at = data.index(b"sha256:") + 10
        return data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :]
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def document(truth, **changes):
    return json.dumps({**json.loads(truth.body), **changes}).encode()


# Bytes that are not what was promised.


@lie("manifest")
def manifest_wrong_digest(handler, truth):
    """The index is right; the manifest that it names comes with other bytes."""
    handler.send(200, altered(truth.body), truth.media_type, digest=truth.digest)


@lie("config")
def config_wrong_bytes(handler, truth):
    handler.send(200, altered(truth.body), truth.media_type)


@lie("layer")
def blob_wrong_bytes(handler, truth):
    handler.send(200, altered(truth.body), truth.media_type)


@lie("layer")
def blob_truncated(handler, truth):
    """A whole answer that is shorter than the manifest says."""
    handler.send(200, truth.body[: len(truth.body) // 2], truth.media_type)


@lie("layer")
def blob_too_long(handler, truth):
    handler.send(200, truth.body + b"x" * 4096, truth.media_type)


@lie("layer")
def blob_empty(handler, truth):
    handler.send(200, b"", truth.media_type)


@lie("layer")
def blob_endless(handler, truth):
    handler.send_endless(truth.body, truth.media_type)


@lie("layer")
def range_other_bytes(handler, truth):
    """The connection drops in the middle; who resumes gets other bytes."""
    if start := handler.range_start():
        handler.send_range(altered(truth.body[start:]), start, len(truth.body), truth.media_type)
    else:
        handler.send_half(truth.body, truth.media_type)


# Failures.


@lie("manifest index")
def manifest_500(handler, truth):
    handler.send(500, b'{"errors":[{"code":"UNKNOWN","message":"the disk of this registry is full"}]}', "application/json")


@lie("layer")
def blob_500(handler, truth):
    handler.send(500, b"boom", "text/plain")


@lie("manifest index")
def manifest_missing(handler, truth):
    handler.send(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}', "application/json")


@lie("layer")
def blob_missing(handler, truth):
    handler.send(404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}', "application/json")


@lie("manifest index")
def manifest_dropped(handler, truth):
    handler.drop()


@lie("layer")
def blob_dropped(handler, truth):
    """Half of the layer, then the connection ends; who resumes gets not one byte."""
    if handler.range_start():
        handler.drop()
    else:
        handler.send_half(truth.body, truth.media_type)


@lie("manifest index")
def manifest_with_headers_without_end(handler, truth):
    """Headers as long as the other side lets them be."""
    handler.send_response(200)
    for number in range(400_000):
        handler.send_header(f"X-{number}", "x" * 200)
        if number % 100 == 0:
            handler.flush_headers()
    handler.end_headers()


@lie("manifest index")
def manifest_with_a_header_without_end(handler, truth):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(1024):
        handler.wfile.write(b"x" * 65536)


@lie("layer")
def blob_silent(handler, truth):
    """Half of the layer, then nothing more; the connection stays until the other side has had enough."""
    handler.send_response(200)
    handler.send_header("Content-Type", truth.media_type)
    handler.send_header("Content-Length", str(len(truth.body)))
    handler.end_headers()
    handler.wfile.write(truth.body[: len(truth.body) // 2])
    handler.registry.silent.set()
    while handler.rfile.read(1):
        continue
    handler.close_connection = True


# Redirects.


@lie("layer")
def redirect_to_another_user(handler, truth):
    """Credentials in the new address are not taken from it."""
    handler.redirect(f"http://mallory:secret@{handler.registry.elsewhere}{handler.path}")


@lie("layer")
def redirect_endless(handler, truth):
    step = int(handler.query().get("step", 0)) + 1
    handler.redirect(f"http://{handler.headers['Host']}{handler.path.partition('?')[0]}?step={step}")


@lie("layer")
def redirect_to_file(handler, truth):
    handler.redirect("file:///etc/passwd")


@lie("manifest index")
def redirect_nowhere(handler, truth):
    handler.send(307, b"", "text/plain")


# Documents that are not what they seem.


@lie("manifest index")
def manifest_html(handler, truth):
    """A portal's log-in page, as 200."""
    handler.send(200, b"<html><body>Please log in.</body></html>", "text/html")


@lie("manifest")
def manifest_other_type(handler, truth):
    """The header calls an OCI manifest a Docker one."""
    handler.send(200, truth.body, DOCKER_MANIFEST)


@lie("index")
def manifest_and_index(handler, truth):
    """One document that is both an index and a manifest."""
    manifest = json.loads(handler.repository().manifest_bytes)
    handler.send(200, document(truth, config=manifest["config"], layers=manifest["layers"]), truth.media_type)


@lie("index")
def manifest_trailing_text(handler, truth):
    handler.send(200, truth.body + b'{"schemaVersion":1}', truth.media_type)


@lie("index")
def manifest_keys_twice(handler, truth):
    """Two readers may each see another list."""
    handler.send(200, truth.body[:-1] + b',"manifests":[]}', truth.media_type)


@lie("index")
def layers_null(handler, truth):
    manifest = json.loads(handler.repository().manifest_bytes)
    handler.send(200, json.dumps({**manifest, "layers": None}).encode(), MANIFEST)


@lie("index")
def layers_of_other_types(handler, truth):
    manifest = json.loads(handler.repository().manifest_bytes)
    handler.send(200, json.dumps({**manifest, "layers": [7, None, "x"]}).encode(), MANIFEST)


@lie("index")
def subject_malformed(handler, truth):
    """A subject that is no descriptor. Nothing of an image depends on it."""
    handler.send(200, document(truth, subject={"digest": "x", "size": "y"}), truth.media_type)


@lie("index")
def manifest_null(handler, truth):
    handler.send(200, b"null", truth.media_type)


@lie("index")
def manifest_wrong_types(handler, truth):
    handler.send(200, b'{"schemaVersion":"two","manifests":{"a":[1,2]}}', truth.media_type)


@lie("index")
def manifest_deep(handler, truth):
    """Half a million brackets."""
    handler.send(200, b'{"schemaVersion":2,"annotations":' + b"[" * 500_000, truth.media_type)


@lie("index")
def manifest_endless(handler, truth):
    handler.send_endless(b'{"schemaVersion":2,"annotations":{"a":"', truth.media_type)


@lie("config")
def config_endless(handler, truth):
    handler.send_endless(b'{"architecture":"', truth.media_type)


@lie("index")
def index_without_platform(handler, truth):
    only = [{**m, "platform": {"os": "plan9", "architecture": "vax"}} for m in json.loads(truth.body)["manifests"]]
    handler.send(200, document(truth, manifests=only), truth.media_type)


@lie("index")
def index_nested(handler, truth):
    """An index that names an index that names an index… twenty deep, each with its right digest."""
    handler.send(200, handler.registry.deep_index(), INDEX)


@lie("index")
def index_wide(handler, truth):
    """A thousand indexes that are not there."""
    names = [{"mediaType": INDEX, "digest": digest_of(str(n).encode()), "size": 500} for n in range(1000)]
    handler.send(200, document(truth, manifests=names), truth.media_type)


@lie("index")
def index_of_itself(handler, truth):
    """Whatever digest is asked for, the answer is this document, which names itself by a digest that it cannot have."""
    own = {"mediaType": INDEX, "digest": "sha256:" + "ab" * 32, "size": 500}
    handler.send(200, document(truth, manifests=[own]), INDEX)


def with_layer(handler, truth, **changes):
    """A manifest whose first layer is described otherwise, served under its tag."""
    manifest = json.loads(handler.repository().manifest_bytes)
    manifest["layers"][0] = {**manifest["layers"][0], **changes}
    handler.send(200, json.dumps(manifest).encode(), MANIFEST)


@lie("index")
def digest_with_path(handler, truth):
    with_layer(handler, truth, digest="sha256:../../../../../../tmp/x")


@lie("index")
def digest_with_escapes(handler, truth):
    with_layer(handler, truth, digest="sha256:%2e%2e%2f" + "ab" * 28)


@lie("index")
def digest_of_other_kind(handler, truth):
    with_layer(handler, truth, digest="md5:" + "ab" * 16)


@lie("index")
def digest_too_short(handler, truth):
    with_layer(handler, truth, digest="sha256:" + "ab" * 31)


@lie("index")
def digest_upper_case(handler, truth):
    with_layer(handler, truth, digest="sha256:" + "AB" * 32)


@lie("index")
def size_negative(handler, truth):
    with_layer(handler, truth, size=-1)


@lie("index")
def size_too_small(handler, truth):
    with_layer(handler, truth, size=10)


@lie("index")
def size_enormous(handler, truth):
    with_layer(handler, truth, size=1 << 62)


# Log-in. USER and PASSWORD are right wherever a password is asked for. These serve the image to who does it right.


@lie("manifest index config layer")
def auth_basic(handler, truth):
    if handler.has_password():
        handler.send_truth(truth)
    else:
        handler.challenge('Basic realm="davit tests"')


def bearer(handler, truth, realm):
    if handler.headers.get("Authorization") == "Bearer " + TOKEN:
        return handler.send_truth(truth)
    name = handler.repository_name()
    scope = f',scope="repository:{name}:pull"' if name else ""
    return handler.challenge(f'Bearer realm="{realm}",service="davit tests"{scope}')


@lie("manifest index config layer")
def auth_bearer(handler, truth):
    """A token, which this registry's own token service gives to anybody."""
    bearer(handler, truth, f"http://{handler.headers['Host']}/token")


@lie("manifest index config layer")
def auth_bearer_password(handler, truth):
    """A token, given for a password."""
    bearer(handler, truth, f"http://{handler.headers['Host']}/token/password")


@lie("manifest index config layer")
def auth_redirect_elsewhere(handler, truth):
    """Right password, and layers are on another host: the password must not go there."""
    if not handler.has_password():
        handler.challenge('Basic realm="davit tests"')
    elif truth.kind == "layer":
        handler.redirect(f"http://{handler.registry.elsewhere}{handler.path}")
    else:
        handler.send_truth(truth)


@lie("manifest index config layer")
def auth_token_redirect_elsewhere(handler, truth):
    """The same with a token."""
    if handler.headers.get("Authorization") == "Bearer " + TOKEN and truth.kind == "layer":
        return handler.redirect(f"http://{handler.registry.elsewhere}{handler.path}")
    return bearer(handler, truth, f"http://{handler.headers['Host']}/token/password")


@lie("manifest index config layer")
def auth_never(handler, truth):
    """No password is right."""
    handler.challenge('Basic realm="davit tests"')


@lie("manifest index config layer")
def realm_link_local(handler, truth):
    """The token service is said to be a cloud's metadata service."""
    bearer(handler, truth, "http://169.254.169.254/latest/meta-data")


@lie("manifest index config layer")
def realm_file(handler, truth):
    bearer(handler, truth, "file:///etc/passwd")


@lie("manifest index config layer")
def realm_broken(handler, truth):
    handler.challenge('Bearer realm="http://[::1')


@lie("manifest index config layer")
def token_endless(handler, truth):
    bearer(handler, truth, f"http://{handler.headers['Host']}/token/endless")


@lie("manifest index config layer")
def token_missing(handler, truth):
    bearer(handler, truth, f"http://{handler.headers['Host']}/token/missing")


@lie("manifest index config layer")
def token_with_newline(handler, truth):
    """A token that would add a header to the next request."""
    bearer(handler, truth, f"http://{handler.headers['Host']}/token/newline")


@lie("manifest")
def foreign_urls(handler, truth):
    """Layers that are said to be elsewhere. An engine may take them from here, and must not carry a password there."""
    handler.send_truth(truth)


class Repository:
    """One image as an honest registry serves it: an index under the tag, which names the manifest."""

    def __init__(self, layout):
        index = json.loads((layout.folder / "index.json").read_text())
        blobs = {"sha256:" + file.name: file.read_bytes() for file in (layout.folder / "blobs/sha256").iterdir()}
        described = index["manifests"][0]
        self.manifest_bytes = blobs[described["digest"]]
        manifest = json.loads(self.manifest_bytes)
        named = {k: described[k] for k in ("mediaType", "digest", "size")}
        platform = {"os": "linux", "architecture": architecture()}
        top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**named, "platform": platform}]}
        self.index_bytes = json.dumps(top).encode()
        self.truths = {digest: Truth("layer", data, LAYER_GZIP, digest) for digest, data in blobs.items()}
        config = manifest["config"]["digest"]
        self.truths[config] = Truth("config", blobs[config], CONFIG, config)
        self.truths[described["digest"]] = Truth("manifest", self.manifest_bytes, described["mediaType"], described["digest"])
        digest = digest_of(self.index_bytes)
        self.truths[digest] = self.truths["latest"] = Truth("index", self.index_bytes, INDEX, digest)


def small_layout(folder, name):
    """Two layers, large enough to be cut in the middle. Every name has layers of its own: an engine may keep one that it has
    verified, and would not ask for it again."""
    layout = Layout(folder)
    noise = hashlib.shake_256(name.encode()).digest(300_000)
    first = Tar().folder("etc/").file("etc/first", name).file("noise", noise).bytes()
    second = Tar().folder("etc/").file("etc/second", "second").file("more", noise[:100_000]).bytes()
    layout.add_image("latest", [layout.add_layer(first), layout.add_layer(second)], {"Cmd": ["sh"]})
    return layout


def wrong_diff_ids(layout):
    """Blobs and digests are right; the configuration says that they unpack to something else."""
    one, two = (layout.add_layer(Tar().file(name, name).bytes()) for name in ("a", "b"))
    layout.add_image("latest", [one, Layer(two.descriptor, digest_of(b"something else"))], {})
    return layout


def too_few_diff_ids(layout):
    layers = [layout.add_layer(Tar().file(name, name).bytes()) for name in ("a", "b")]
    layout.add_image("latest", layers, {}, rootfs={"type": "layers", "diff_ids": [layers[0].diff_id]})
    return layout


def no_rootfs(layout):
    layout.add_image("latest", [layout.add_layer(Tar().file("a", "a").bytes())], {}, rootfs=None)
    return layout


def layer_with_foreign_url(layout, elsewhere):
    layer = layout.add_layer(Tar().file("a", "a").bytes())
    layer.descriptor["urls"] = [f"http://{elsewhere}/v2/foreign_urls/blobs/{layer.descriptor['digest']}"]
    layout.add_image("latest", [layer], {})
    return layout


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


def main():
    with EvilRegistry(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as registry:
        for name in ["honest", *sorted({*registry.repositories, *LIES})]:
            text = inspect.getdoc(LIES[name][1]) if name in LIES else ""
            print(f"{registry.reference(name):60} {(text or '').partition(chr(10))[0]}")
        print(f"user {USER}, password {PASSWORD}; end with Ctrl-C", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
