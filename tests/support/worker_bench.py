"""Workers on a real store, with a stand-in for the journey that tests steer per recipient."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bus import errors
from bus.clock import SystemClock
from bus.config import DeliverySettings, StoreSettings
from bus.db import Database, open_database, schema
from bus.journey.parts import Parts
from bus.journey.report import failed, report
from bus.journey.states import Delivered
from bus.model import Delivery, DeliveryRecord, DeliveryState, Outcome, OutcomeKind
from bus.worker import Worker
from tests.support.store_builders import new_message, query_of

Deed = Callable[[Delivery], Outcome]
DONE = Outcome(kind=OutcomeKind.DONE)


@dataclass
class Bench:
    """A store, the workers on it, and what each recipient does with a delivery."""

    database: Database
    settings: DeliverySettings
    deeds: dict[str, Deed] = field(default_factory=dict)
    #: (recipient, document id) in the order in which deliveries began, with the second.
    began: list[tuple[str, str, float]] = field(default_factory=list)
    #: (message id, recipient) of everything stored.
    posted: list[tuple[str, str]] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        """The parts a worker looks at."""
        clock = SystemClock()
        parts = SimpleNamespace(store=self.database.store, clock=clock, schedule=self.settings)
        return cast("Parts", parts)

    def worker(self, node: str = "node", **changes: Any) -> Worker:
        """One more worker on this store."""
        settings = self.settings.model_copy(update=changes)
        made = Worker(self.parts, settings, node=node, dispatch=self.dispatch)
        self.workers.append(made)
        return made

    def dispatch(self, delivery: Delivery, lease: str, parts: Parts) -> DeliveryRecord:
        """What pipeline.dispatch does, with the recipient's deed in place of render and deliver."""
        self.began.append((delivery.recipient, delivery.document_id, time.monotonic()))
        deed = self.deeds.get(delivery.recipient, lambda _: DONE)
        try:
            delivered = Delivered(delivery=delivery, outcome=deed(delivery))
        except errors.BusError as error:
            delivered = failed(delivery, error)
        return report(delivered, lease, parts.schedule, parts.clock.now())

    def post(self, *recipients: str, number: int = 1, priority: int = 0) -> str:
        """Store one message that is due now; its message id."""
        document_id = f"doc-{number}"
        message = new_message(
            *recipients,
            document_id=document_id,
            content=document_id,
            priority=priority,
            at=SystemClock().now(),
        )
        assert self.database.store.accept(message, query_of(message))
        self.posted += [(message.message_id, recipient) for recipient in recipients]
        return message.message_id

    def copy(self, message_id: str, recipient: str) -> Delivery:
        """One recipient's copy as stored."""
        found = self.database.store.delivery(message_id, recipient)
        assert found is not None
        return found

    def count(self, state: DeliveryState) -> int:
        """How many copies are in a state."""
        return sum(self.copy(*copy).state is state for copy in self.posted)


@contextmanager
def bench(folder: Path, **settings: Any) -> Iterator[Bench]:
    """A fresh store below `folder`; every worker is stopped at the end."""
    usual: dict[str, Any] = {"poll_s": 0.05, "lease_s": 1.0, "first_delay_s": 0.2, "jitter": 0.0}
    store = StoreSettings(url=f"sqlite:///{folder}/bus.sqlite3", bodies=folder / "bodies")
    schema.upgrade(store)
    database = open_database(store)
    made = Bench(database=database, settings=DeliverySettings(**(usual | settings)))
    try:
        yield made
    finally:
        for worker in made.workers:
            worker.stop(5)
        database.close()


def wait_until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    """Return when the condition holds; fail the test when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


class Gate:
    """A deed that waits until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def __call__(self, _delivery: Delivery) -> Outcome:
        """Wait, then succeed."""
        self.entered.release()
        assert self.opened.wait(20)
        return DONE
