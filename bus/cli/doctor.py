"""bus doctor: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from bus.cli import output, parts
from bus.config import Settings
from bus.errors import BusError, Misconfigured

LOW_DISK_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at: `ok`, `warn` or `fail`, and what to do."""

    what: str
    verdict: str
    detail: str
    cure: str = ""


def doctor(json: output.JsonFlag = False) -> None:
    """Look at Python, settings, keys, disk, store, routes, agencies and port; exit 2 if any fails."""
    findings = list(examine())
    if json:
        output.emit(findings)
    else:
        output.table(
            "bus doctor",
            ("what", "verdict", "detail", "what to do"),
            [(f.what, f.verdict, f.detail, f.cure) for f in findings],
        )
    if any(f.verdict == "fail" for f in findings):
        raise typer.Exit(output.USAGE)


def examine() -> Iterator[Finding]:
    """Every finding, in the order in which they should be cured."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(what="python", verdict="ok", detail=version)
    try:
        settings = parts.settings()
    except Misconfigured as error:
        yield Finding(what="settings", verdict="fail", detail=error.message, cure=error.entry.hint)
        return
    yield Finding(what="settings", verdict="ok", detail="read")
    for look in (_key, _disk, _store, _port):
        yield from look(settings)


def _key(settings: Settings) -> Iterator[Finding]:
    from bus.trust.keys import load_own_key

    path = settings.trust.key_file
    try:
        own = load_own_key(path, settings.trust.certificate_file)
    except BusError as error:
        yield Finding(what="key", verdict="fail", detail=error.message, cure="bus init")
        return
    until = own.certificate.not_valid_after_utc
    mode = stat.filemode(path.stat().st_mode)
    yield Finding(what="key", verdict="ok", detail=f"{path} {mode}, certificate until {until:%F}")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.store.bodies
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    verdict = "ok" if free > LOW_DISK_BYTES else "warn"
    cure = "" if verdict == "ok" else "free disk space: without it nothing is accepted"
    yield Finding(what="disk", verdict=verdict, detail=f"{free >> 20} MiB free", cure=cure)


def _store(settings: Settings) -> Iterator[Finding]:
    path = Path(settings.store.url.removeprefix("sqlite:///"))
    try:
        with parts.database(settings) as database:
            counts = database.store.counts()
            active = database.routes.active()
            agencies = database.directory.search(text=None, since_version=None, offset=0, limit=1)[
                0
            ]
    except BusError as error:
        yield Finding(what="store", verdict="fail", detail=error.message, cure=error.entry.hint)
        return
    yield Finding(what="store", verdict="ok", detail=str(path))
    yield _judge("routes", active > 0, f"version {active}", "bus routes reload")
    yield _judge("agencies", bool(agencies), "registered", "bus agencies import conf/agencies.csv")
    dead = counts.get("dead", 0)
    yield _judge("dead letters", dead == 0, str(dead), "bus messages list --state dead")
    parked = counts.get("parked", 0)
    yield _judge("parked", parked == 0, str(parked), "bus messages list --state parked")


def _judge(what: str, good: object, detail: str, cure: str) -> Finding:
    verdict = "ok" if good else "warn"
    return Finding(what=what, verdict=verdict, detail=detail, cure="" if good else cure)


def _port(settings: Settings) -> Iterator[Finding]:
    address = (settings.server.host, settings.server.port)
    with socket.socket() as probe:
        probe.settimeout(1)
        taken = probe.connect_ex(address) == 0
    where = f"{address[0]}:{address[1]}"
    detail = f"{where} {'answers (a bus is running?)' if taken else 'free'}"
    yield Finding(what="port", verdict="ok", detail=detail)
