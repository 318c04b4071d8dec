"""Rules every test lives under: loopback only, samples if they are there, replies as SOAP wants."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.wsi_messages import Watch

from bus.endpoints import ExchangeApplication
from bus.endpoints.edoc import EdocApplication
from bus.endpoints.wsdl import wsdl

# A busy machine is slow, not wrong. In CI the same examples run every time; on a laptop new ones.
settings.register_profile("laptop", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("laptop"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "laptop")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple):
            host = str(address[0])
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                pytest.fail(f"a test tried to reach {host}")
        connect(self, address)  # type: ignore[arg-type]  # the real method checks it

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def watch() -> Watch:
    watch = Watch()
    watch.begin(ExchangeApplication, wsdl("http://127.0.0.1/services/exchange"))
    # Clients older than its WSDL get the manifest alone, as from the hub they know.
    manifest = frozenset({"{http://www.e-doc.vn/Schema/}Manifest"})
    watch.begin(EdocApplication, (ROOT / "wsdl" / "edoc-1.0.wsdl").read_bytes(), manifest)
    return watch


@pytest.fixture(autouse=True)
def _replies_keep_the_profile(watch: Watch) -> Iterator[None]:
    """Every reply of the exchange service, in whatever test, keeps WS-I's rules for messages."""
    yield
    found = watch.taken()
    assert not found, "\n".join(found)


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real messages; tests that read it are skipped where it is not."""
    folder = Path(os.environ.get("LIENTHONG_SAMPLES", ROOT.parent / "shared" / "samples"))
    if not folder.is_dir():
        pytest.skip("the folder of real messages is not on this machine")
    return folder
