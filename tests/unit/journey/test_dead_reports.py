"""Whatever makes a delivery dead, its sender is told."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bus import errors, pipeline
from bus.backlog import Task
from bus.model import Delivery, DeliveryRecord, DeliveryState, Kind
from bus.worker import Worker

if TYPE_CHECKING:
    from conftest import Desk

    from bus.journey.parts import Parts


def trip(delivery: Delivery, lease: str, parts: Parts) -> DeliveryRecord:
    """A journey with a bug that documents hit and reports do not."""
    if delivery.kind is Kind.NOTICE:
        return pipeline.dispatch(delivery, lease, parts)
    raise ZeroDivisionError


def test_a_delivery_that_a_bug_kills_is_reported(desk: Desk) -> None:
    """Tries used up by a bug of ours end like any others: dead, and the sender has a report."""
    sent = desk.send(desk.letter("H53"))
    settings = desk.parts.schedule.model_copy(update={"max_attempts": 1, "poll_s": 0.02})
    worker = Worker(replace(desk.parts, schedule=settings), settings, dispatch=trip)
    worker.start()
    try:
        store = desk.parts.store
        deadline = time.monotonic() + 20
        while not store.pending("G09", kind=Kind.NOTICE, after=0, limit=1):
            assert time.monotonic() < deadline, desk.deliveries(sent)
            time.sleep(0.02)
    finally:
        worker.stop(10)
    (dead,) = desk.deliveries(sent)
    assert (dead.state, dead.reason) == (DeliveryState.DEAD, "DLV-006 BUG-001 ZeroDivisionError")


def test_a_worker_outlives_a_report_that_cannot_be_made(desk: Desk) -> None:
    """When even the report trips a bug, the outcome is written without it."""
    desk.send(desk.letter("H53"))
    batch = desk.parts.store.claim(worker="w", limit=1, lease_s=60, now=desk.parts.clock.now())
    settings = desk.parts.schedule.model_copy(update={"max_attempts": 1})
    worker = Worker(None, settings, dispatch=trip)  # type: ignore[arg-type]  # everything it asks for fails
    worker._now = desk.parts.clock.now  # type: ignore[method-assign]  # but the time
    record = worker._carry(Task(delivery=batch.deliveries[0], lease=batch.lease))
    assert (record.state, record.notice) == (DeliveryState.DEAD, None)


class AbsentDirectory:
    """A directory whose store is away."""

    def find(self, code: str) -> None:
        """No answer."""
        raise errors.StoreUnavailable(code)


def test_no_delivery_dies_in_silence_while_the_store_is_away(desk: Desk) -> None:
    """Without the directory no report can be addressed: the copy waits and is tried once more."""
    desk.send(desk.letter("H53"))
    batch = desk.parts.store.claim(worker="w", limit=1, lease_s=60, now=desk.parts.clock.now())
    settings = desk.parts.schedule.model_copy(update={"max_attempts": 1})
    parts = replace(desk.parts, schedule=settings, directory=AbsentDirectory())
    worker = Worker(parts, settings)
    record = worker._carry(Task(delivery=batch.deliveries[0], lease=batch.lease))
    assert (record.state, record.notice) == (DeliveryState.PENDING, None)
    assert record.attempts == batch.deliveries[0].attempts - 1
    assert record.due_at > desk.parts.clock.now()
