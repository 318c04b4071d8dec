"""A bus of its own for clients of every language: `bus serve` as a process, throw-away keys."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from bus import config
from bus.clock import SystemClock
from bus.db import Database, open_database, schema
from bus.installation import make_own_key
from bus.model import Agency, AgencyState, CodeSystem, PolicyMode, TrustPolicy
from bus.reload import ReloadParts, propose
from bus.trust import keys, pki

#: A sender by token and one by key, each with the recipient it also acts for.
BY_TOKEN, ITS_RECIPIENT = "G09", "H57"
BY_KEY, THE_OTHER_RECIPIENT = "G22", "H17"
DELIVER_ALL = "[[route]]\ndeliver = true\n"
P12_PASSWORD = "throw-away"


@dataclass(frozen=True)
class LiveBus:
    """What a client is told about the bus, and what its store says afterwards."""

    folder: Path
    url: str
    token: str
    database: Database
    settings: config.Settings

    def proof(self, mode: str) -> dict[str, str]:
        """Who the client is in this mode and how it shows it, as environment variables."""
        if mode != "signed":
            return {
                "EXCHANGE_AGENCY": BY_TOKEN,
                "EXCHANGE_RECIPIENT": ITS_RECIPIENT,
                "EXCHANGE_TOKEN": self.token,
            }
        return {
            "EXCHANGE_AGENCY": BY_KEY,
            "EXCHANGE_RECIPIENT": THE_OTHER_RECIPIENT,
            "EXCHANGE_KEY": str(self.folder / "agency.key.pem"),
            "EXCHANGE_CERT": str(self.folder / "agency.cert.pem"),
            "EXCHANGE_P12": str(self.folder / "agency.p12"),
            "EXCHANGE_P12_PASSWORD": P12_PASSWORD,
            "EXCHANGE_BUS_CERT": str(self.settings.trust.certificate_file),
        }


@contextmanager
def live_bus(folder: Path, **agencies: TrustPolicy) -> Iterator[LiveBus]:
    """Serve a bus below `folder` until the block ends; `agencies` adds senders by token."""
    settings = _found(folder)
    token = secrets.token_urlsafe(24)
    schema.upgrade(settings.store)
    database = open_database(settings.store)
    _register(folder, database, token, agencies)
    with _serving(folder) as url:
        yield LiveBus(folder, url, token, database, settings)
    database.close()


def token_policy(token: str) -> TrustPolicy:
    """The policy of an agency that shows a bearer token."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return TrustPolicy(mode=PolicyMode.TOKEN, token_sha256=digest)


def _found(folder: Path) -> config.Settings:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    routes = folder / "routes.toml"
    routes.write_text(DELIVER_ALL, encoding="utf-8")
    sections = {
        "server": {"port": 0},
        "store": {"url": f"sqlite:///{folder / 'bus.sqlite3'}", "bodies": str(folder / "bodies")},
        "trust": {
            "key_file": str(folder / "bus.key.pem"),
            "certificate_file": str(folder / "bus.cert.pem"),
        },
        "routing": {"file": str(routes)},
        "delivery": {"poll_s": 0.1},
        "log": {"level": "error"},
    }
    lines = []
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{name} = {json.dumps(v)}" for name, v in values.items())]
    (folder / "bus.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = config.load(folder / "bus.toml")
    make_own_key(settings)
    return settings


def _register(folder: Path, database: Database, token: str, more: dict[str, TrustPolicy]) -> None:
    """The sender by token, the sender by key, and the recipients they act for."""
    now = SystemClock().now()
    # RSA: what the WS-Security stacks of every language can do.
    key, certificate = pki.issue(
        pki.create_authority("trial", now), BY_KEY, kind="rsa", not_before=now
    )
    pki.write_pair(folder / "agency.key.pem", folder / "agency.cert.pem", key, certificate)
    encryption = BestAvailableEncryption(P12_PASSWORD.encode())
    stored = pkcs12.serialize_key_and_certificates(b"agency", key, certificate, None, encryption)
    (folder / "agency.p12").touch(mode=0o600)
    (folder / "agency.p12").write_bytes(stored)
    agencies = [
        _agency(BY_TOKEN, token_policy(token), ITS_RECIPIENT),
        _agency(ITS_RECIPIENT, token_policy(token)),
        _agency(BY_KEY, TrustPolicy(), THE_OTHER_RECIPIENT),
        _agency(THE_OTHER_RECIPIENT, TrustPolicy()),
        *(_agency(code, policy) for code, policy in more.items()),
    ]
    database.directory.import_agencies(tuple(agencies), replace=True)
    pem = (folder / "agency.cert.pem").read_bytes()
    database.directory.bind_key(keys.make_binding(BY_KEY, pem, now))
    parts = ReloadParts(
        store=database.routes,
        directory=database.directory,
        channels=frozenset({"mailbox"}),
        clock=SystemClock(),
    )
    propose(DELIVER_ALL, "trial", "", parts)


def _agency(code: str, policy: TrustPolicy, *speaks_for: str) -> Agency:
    return Agency(
        code=code,
        name=f"Cơ quan {code}",
        codes=((CodeSystem.QD20, code), (CodeSystem.QCVN102, f"000.00.00.{code}")),
        state=AgencyState.LIVE,
        policy=policy,
        dialect="qcvn102_java",
        channel="mailbox",
        speaks_for=speaks_for,
    )


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """`bus serve` with the settings in `folder`; gives the address of the exchange service."""
    env = os.environ | {"BUS_CONF": str(folder / "bus.toml")}
    command = [sys.executable, "-m", "bus", "serve", "--while-stdin"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=env, stdin=pipe, stderr=pipe, text=True)
    assert process.stdin is not None
    assert process.stderr is not None
    said = process.stderr.readline().strip()
    if not said.endswith("?wsdl"):
        raise RuntimeError(f"bus serve did not start: {said} {process.stderr.read()}")
    log = threading.Thread(target=_copy, args=(process.stderr, folder / "bus.log"), daemon=True)
    log.start()
    try:
        yield said.removesuffix("?wsdl")
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.join(5)
        process.stderr.close()


def _copy(stream: Iterator[str], path: Path) -> None:
    with path.open("w", encoding="utf-8") as log:
        for line in stream:
            log.write(line)
            log.flush()
