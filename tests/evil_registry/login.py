"""How a registry asks for a password or a token, and lies about where one is to be had."""

from .lies import lie

USER, PASSWORD, TOKEN = "alice", "secret-of-alice", "token-for-this-test"

# USER and PASSWORD are right wherever a password is asked for. These serve the image to who does it right.


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
