"""The topic table changes while documents flow, on the real store and through real sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bus.clock import SystemClock
from bus.model import Delivery, DeliveryState
from bus.reload import ReloadParts, propose
from tests.support.nation_table import agencies, table
from tests.support.running_bus import RunningBus, running_bus

ROOT = Path(__file__).resolve().parents[2]
RELOADS = 100
#: What the two tables make of a letter to H17 and one to H57: who gets it, in what state, by which row.
HOLDING = '[[route]]\nrecipient = "H17"\nhold = true\n[[route]]\ndeliver = true\n'
MOVING = (
    '[[route]]\nrecipient = "H29"\nreject = "closed"\n'
    '[[route]]\nrecipient = "H17"\nredirect_to = "H57"\n[[route]]\ndeliver = true\n'
)
ENDS = {
    HOLDING: {"H17": ("H17", DeliveryState.HELD, 1), "H57": ("H57", DeliveryState.AVAILABLE, 2)},
    MOVING: {
        "H17": ("H57", DeliveryState.AVAILABLE, 2),
        "H57": ("H57", DeliveryState.AVAILABLE, 3),
    },
}


@dataclass
class Senders:
    """Programs of one agency that send letters, to H17 and H57 in turn, until they are stopped."""

    bus: RunningBus
    #: (message id, requested recipient, version in the receipt) of every accepted letter.
    accepted: list[tuple[str, str, int]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)

    def send_all(self, first: int) -> None:
        """Send one letter after the other; nothing may fail."""
        client = self.bus.client("G09")
        number = first
        while not self._end.is_set():
            number += 1
            to = "H17" if number % 2 else "H57"
            letter = self.bus.signed(self.bus.letter("G09", to, number=number))
            began = time.monotonic()
            try:
                receipt = client.send_document(letter).receipt
            except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
                self.failures.append(repr(error))
                return
            with self._lock:
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.accepted.append((receipt.message_id, to, receipt.routes_version))

    @contextmanager
    def running(self, number: int) -> Iterator[None]:
        """Let so many programs send while the block runs."""
        threads = [
            threading.Thread(target=self.send_all, args=(10_000 * (at + 1),))
            for at in range(number)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in threads:
                thread.join()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "did not come about in 30 seconds"
        time.sleep(0.005)


def reload_parts(bus: RunningBus) -> ReloadParts:
    database = bus.app.database
    return ReloadParts(
        store=database.routes,
        directory=database.directory.whole(),
        channels=frozenset({"mailbox", "soap"}),
        clock=SystemClock(),
        recent=database.store.recent_queries(20),
    )


def outcome(copy: Delivery) -> tuple[str, DeliveryState, int]:
    return copy.recipient, copy.state, copy.row


def test_a_hundred_reloads_misroute_and_drop_nothing(tmp_path: Path) -> None:
    """Every accepted letter went where the version in its receipt sends it, and none is missing."""
    texts: dict[int, str] = {}
    with running_bus(tmp_path, routing={"poll_s": 0.02}) as bus:
        database, routes = bus.app.database, bus.app.routes
        texts[bus.reload(MOVING)] = MOVING
        senders = Senders(bus)
        with senders.running(2):
            for turn in range(RELOADS):
                text = (HOLDING, MOVING)[turn % 2]
                version = propose(text, "test", f"reload {turn}", reload_parts(bus)).version
                assert version is not None
                texts[version] = text
                eventually(lambda: routes.current().version == database.routes.active())
                assert routes.current().version == version
        assert not senders.failures
        assert len(texts) == RELOADS + 1
        assert len({version for _, _, version in senders.accepted}) > 10
        eventually(lambda: not database.store.counts()["pending"])
        assert database.store.counts()["messages"] == len(senders.accepted)
        for message_id, to, version in senders.accepted:
            trace = database.store.trace(message_id)
            (copy,) = trace.deliveries
            assert (trace.message.routes_version, copy.routes_version) == (version, version)
            assert outcome(copy) == ENDS[texts[version]][to]


def test_a_national_table_is_reloaded_by_the_command_beside_traffic(tmp_path: Path) -> None:
    """A tenth of the nation: 10,000 rows over 11,100 agencies, by the command, while letters flow.

    The whole size is measured by tests/bench/run.py.
    """
    with running_bus(tmp_path, routing={"poll_s": 0.05}) as bus:
        listed = agencies(11_100)
        bus.app.database.directory.import_agencies(listed, replace=False)
        file = tmp_path / "routes.toml"
        file.write_text(table(listed[:10_000]), encoding="utf-8")
        senders = Senders(bus)
        with senders.running(1):
            report = _command(bus, "routes", "reload", str(file), "--wait", "20", "--json")
        assert not senders.failures
        assert senders.accepted
        assert (report["rows"], report["changed"]) == (10_001, True)
        assert bus.app.routes.current().version == report["version"]
        assert bus.app.database.routes.active() == report["version"]


def _command(bus: RunningBus, *arguments: str) -> dict[str, object]:
    store = bus.app.settings.store
    environment = os.environ | {"BUS_STORE__URL": store.url, "BUS_STORE__BODIES": str(store.bodies)}
    done = subprocess.run(
        [sys.executable, "-m", "bus", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told
