"""A registry on loopback that lies in named ways, and remembers every request with its headers.

The repository's name chooses the lie: pulling 127.0.0.1:PORT/blob_dropped:latest meets a connection that ends in the middle of
each layer; 127.0.0.1:PORT/honest:latest is served as it should be, and so is any name when `tells_truth` is set.

    with EvilRegistry() as registry:
        registry.reference("blob_wrong_bytes")      # "127.0.0.1:40123/blob_wrong_bytes:latest"
        registry.requests                           # [Seen(host, method, path, headers), …], of both of its hosts
        registry.add_image("bomb", layout)          # an honest registry with an evil image

By hand, to point an engine at:  PYTHONPATH=tests python3 -m evil_registry [PORT]
"""

from .lies import LIES
from .login import PASSWORD, TOKEN, USER, bearer
from .server import EvilRegistry

__all__ = ["LIES", "PASSWORD", "TOKEN", "USER", "EvilRegistry", "bearer"]
