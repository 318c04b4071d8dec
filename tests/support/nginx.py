"""A real nginx on loopback that runs the configuration the operator is given."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from requests.adapters import HTTPAdapter

from bus.dev.nation import free_port
from bus.trust import pki

SHIPPED = Path(__file__).resolve().parents[2] / "conf" / "nginx.conf"
_MAIN = """daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
{user}
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/t1;
    proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4;
    scgi_temp_path {folder}/t5;
    include {folder}/lienthong.conf;
}}
"""


def program() -> str:
    """Where nginx is; the test is skipped where it is not installed, but not in CI."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is not installed")
        pytest.skip("nginx is not installed")
    return found


@dataclass(frozen=True)
class Nginx:
    """One nginx in front of a bus."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The exchange service as clients see it."""
        return f"https://localhost:{self.port}/services/exchange"

    @property
    def authority(self) -> Path:
        """The certificate by which clients know the server."""
        return self.folder / "tls.cert.pem"

    def session(
        self, pair: tuple[Path, Path] | None = None, *, source: str = "127.0.0.1"
    ) -> requests.Session:
        """A client that shows a certificate (certificate file, key file) and calls from `source`."""
        made = requests.Session()
        made.trust_env = False
        made.verify = str(self.authority)
        if pair is not None:
            made.cert = (str(pair[0]), str(pair[1]))
        made.mount("https://", _From(source))
        return made

    def said(self) -> str:
        """Its error log."""
        return (self.folder / "error.log").read_text(encoding="utf-8")


class _From(HTTPAdapter):
    """Connections from one local address."""

    def __init__(self, source: str) -> None:
        self._source = source
        super().__init__()

    def init_poolmanager(self, *args: object, **options: object) -> None:
        """Bind before connecting."""
        super().init_poolmanager(*args, source_address=(self._source, 0), **options)  # type: ignore[no-untyped-call]


@contextmanager
def nginx(folder: Path, bus_port: int, **changes: str) -> Iterator[Nginx]:
    """Run nginx with the shipped configuration; `changes` replace further lines of it, each found once."""
    folder.mkdir()
    found, port = program(), free_port()
    _server_certificate(folder)
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in {
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{bus_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name truc.example.vn;": "server_name localhost;",
        "/etc/lienthong/tls": str(folder / "tls"),
        **changes,
    }.items():
        assert old in text, f"conf/nginx.conf no longer says {old}"
        text = text.replace(old, new)
    (folder / "lienthong.conf").write_text(text, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(_MAIN.format(folder=folder, user=user), encoding="utf-8")
    process = subprocess.Popen([found, "-p", str(folder), "-c", str(main), "-e", "stderr"])
    try:
        _wait(process, port)
        yield Nginx(folder, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, "nginx did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def _server_certificate(folder: Path) -> None:
    key = pki.new_key("ec")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pki.write_pair(folder / "tls.key.pem", folder / "tls.cert.pem", key, certificate)
    assert serialization.load_pem_private_key((folder / "tls.key.pem").read_bytes(), None)


def handshake(made: Nginx, version: ssl.TLSVersion) -> str | None:
    """The protocol a client that speaks only one version gets; None when nginx refuses it."""
    context = ssl.create_default_context(cafile=str(made.authority))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", made.port), timeout=10) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as secure,
        ):
            return secure.version()
    except ssl.SSLError:
        return None
