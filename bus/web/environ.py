"""What a WSGI application is told about a request that arrived through ASGI."""

from __future__ import annotations

import sys
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from bus.endpoints.request import CLIENT_CERTIFICATE

#: An ASGI connection scope.
Scope = MutableMapping[str, Any]
#: A WSGI environment (PEP 3333).
Environ = dict[str, Any]

#: Said by the edge itself, not by the client: the body reaches the application complete.
_DROPPED = frozenset({"transfer-encoding", "connection", "keep-alive", "te", "trailer"})
_BARE = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def environ_of(scope: Scope) -> Environ:
    """The PEP 3333 environment of an ASGI `http` scope, without its `wsgi.input`."""
    host, port = scope.get("server") or ("127.0.0.1", 80)
    version = str(scope.get("http_version", "1.1"))
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": _path(scope),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.0" if version in {"1", "1.0"} else f"HTTP/{version}",
        "REMOTE_ADDR": str((scope.get("client") or ("", 0))[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    _add_headers(environ, scope["headers"])
    if (certificate := scope.get(CLIENT_CERTIFICATE)) is not None:
        environ[CLIENT_CERTIFICATE] = certificate
    return environ


def _path(scope: Scope) -> str:
    """PEP 3333 wants the decoded bytes as latin-1."""
    raw = scope.get("raw_path")
    if raw is None:
        return str(scope["path"]).encode().decode("latin-1")
    return unquote_to_bytes(bytes(raw).split(b"?", 1)[0]).decode("latin-1")


def _add_headers(environ: Environ, headers: Iterable[tuple[bytes, bytes]]) -> None:
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        # "x_y" and "x-y" would become the same key: the first is how headers are forged past a proxy
        if name in _DROPPED or "_" in name:
            continue
        key = _BARE.get(name) or "HTTP_" + name.upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        known = environ.get(key)
        joint = "; " if key == "HTTP_COOKIE" else ", "
        environ[key] = value if known is None else f"{known}{joint}{value}"
