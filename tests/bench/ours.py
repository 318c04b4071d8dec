"""The bus itself, put together by its own composition root."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import corpus

from bus import logs, pipeline
from bus.app import App
from bus.clock import SystemClock
from bus.config import Settings
from bus.db import open_database, schema
from bus.model import Agency, AgencyState, CodeSystem, DeliveryState
from bus.reload import ReloadParts, propose
from bus.trust import keys as trust_keys

_ROUTES = "[[route]]\ndeliver = true\n"
_CLAIM = 20


class Ours:
    """The whole bus; `workers` threads deliver while it serves."""

    name = "bus"

    def __init__(
        self, folder: Path, keys: Path, sink: tuple[str, int], *, workers: int = 0, port: int = 0
    ) -> None:
        self.settings = settings(folder, keys, workers, port)
        logs.configure(self.settings.log)
        schema.upgrade(self.settings.store)
        database = open_database(self.settings.store)
        database.directory.import_agencies(_agencies(sink), replace=True)
        now = SystemClock().now()
        for code in corpus.NAMES:
            der = corpus.load_key(keys, code).certificate_der
            database.directory.bind_key(trust_keys.make_binding(code, der, now))
        self.app = App(self.settings, database)
        parts = ReloadParts(
            store=database.routes,
            directory=database.directory,
            channels=frozenset({"mailbox", "soap"}),
            clock=SystemClock(),
        )
        propose(_ROUTES, "benchmark", "", parts)
        self.app.routes.load_now()
        self.wsgi = self.app.wsgi

    def deliver(self) -> int:
        """Carry everything that is due, one after the other; the number carried."""
        parts, carried = self.app.parts, 0
        while True:
            # nothing is due in the future here, but the clock of the claim must not be behind
            now = parts.clock.now() + timedelta(seconds=1)
            batch = parts.store.claim(worker="bench", limit=_CLAIM, lease_s=60, now=now)
            if not batch.deliveries:
                return carried
            records = [pipeline.dispatch(one, batch.lease, parts) for one in batch.deliveries]
            if any(r.state not in {DeliveryState.DONE, DeliveryState.AVAILABLE} for r in records):
                raise RuntimeError(f"not delivered: {records[0].reason}")
            carried += parts.store.record(records, now=parts.clock.now())

    def close(self) -> None:
        """Stop and let go of the files."""
        self.app.stop()


def settings(folder: Path, keys: Path, workers: int = 0, port: int = 0) -> Settings:
    """Settings of a bus whose data is below `folder`."""
    return Settings(
        server={"port": port},
        store={"url": f"sqlite:///{folder / 'bus.sqlite3'}", "bodies": folder / "bodies"},
        trust={"key_file": keys / "bus.key.pem", "certificate_file": keys / "bus.pem"},
        routing={"file": folder / "routes.toml", "watch": False},
        delivery={"workers": workers},
        log={"level": "error"},
    )


def _agencies(sink: tuple[str, int]) -> tuple[Agency, ...]:
    return tuple(
        Agency(
            code=code,
            name=name,
            codes=((CodeSystem.QD20, code),),
            state=AgencyState.LIVE,
            dialect="qcvn102_java",
            channel="soap" if code in corpus.PUSHED else "mailbox",
            address=f"http://{sink[0]}:{sink[1]}/{code}?wsdl" if code in corpus.PUSHED else None,
        )
        for code, name in corpus.NAMES.items()
    )
