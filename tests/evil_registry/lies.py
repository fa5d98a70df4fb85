"""What a registry may say in place of the truth, each lie under its name: the registering of lies, and those about bytes, failures,
redirects and documents. Lies about log-in are in login.py."""

import json

from .images import INDEX, MANIFEST, digest_of

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

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
    with_layer(handler, truth, digest="sha256:../../../../../../tmp/davit-led-astray")


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
