"""Workers on a real store: order, isolation, takeover, hand-back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from bus import errors
from bus.model import Delivery, DeliveryRecord, DeliveryState, Outcome
from tests.support.worker_bench import DONE, Bench, Gate, bench, wait_until


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        yield made


def _down(_delivery: Delivery) -> Outcome:
    raise errors.PeerUnavailable("connection refused")


def test_urgent_deliveries_leave_first(floor: Bench) -> None:
    """What is more urgent goes first, what is older goes first among equals."""
    for number, priority in enumerate([0, 1, 0, 4, 2], start=1):
        floor.post("A", number=number, priority=priority)
    floor.worker(workers=1).start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 5)
    order = [document for _, document, _ in floor.began]
    assert order == ["doc-4", "doc-5", "doc-2", "doc-1", "doc-3"]


def test_a_woken_worker_does_not_wait_for_its_poll(tmp_path: Path) -> None:
    """After wake() a worker that polls once a minute delivers at once."""
    with bench(tmp_path, poll_s=60) as floor:
        worker = floor.worker()
        worker.start()
        time.sleep(0.1)
        floor.post("A")
        worker.wake()
        wait_until(lambda: floor.count(DeliveryState.DONE) == 1, seconds=5)


def test_hanging_receivers_do_not_delay_the_others(floor: Bench) -> None:
    """With more hanging receivers than threads, everybody else's messages still leave."""
    gates = {f"HANG{n}": Gate() for n in range(5)}
    floor.deeds.update(gates)
    for number, name in enumerate(gates):
        for extra in range(3):
            floor.post(name, number=100 * extra + number, priority=4)
    for number in range(30):
        floor.post(f"WELL{number % 3}", number=1000 + number)
    floor.worker(workers=2).start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 30)
    for gate in gates.values():
        gate.opened.set()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 45)


def test_a_dead_receiver_with_a_long_urgent_queue_does_not_starve_others(floor: Bench) -> None:
    """One refused connection closes the lane: the rest of its queue waits without being tried."""
    floor.deeds["DEAD"] = _down
    for number in range(120):
        floor.post("DEAD", number=number, priority=4)
    floor.post("WELL", number=999)
    floor.worker(workers=2, first_delay_s=30.0).start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 1)
    wait_until(lambda: len(floor.began) >= 2)
    tried = sum(recipient == "DEAD" for recipient, _, _ in floor.began)
    assert tried <= 2


def test_what_was_only_handed_back_keeps_its_tries(floor: Bench) -> None:
    """Deliveries that wait behind a dead receiver lose no attempt by waiting."""
    floor.deeds["DEAD"] = _down
    first = floor.post("DEAD", number=1)
    others = [floor.post("DEAD", number=number) for number in range(2, 8)]
    worker = floor.worker(workers=2, first_delay_s=30.0)
    worker.start()
    wait_until(lambda: floor.copy(first, "DEAD").reason.startswith("DLV-001"))
    assert worker.stop(5)
    assert floor.copy(first, "DEAD").attempts == 1
    copies = [floor.copy(each, "DEAD") for each in others]
    assert {(copy.attempts, copy.state) for copy in copies} == {(0, DeliveryState.PENDING)}


def test_a_receiver_that_comes_back_gets_everything(floor: Bench) -> None:
    """When the pause is over, all that waited arrives, once each."""
    healed = threading.Event()
    floor.deeds["A"] = lambda delivery: DONE if healed.is_set() else _down(delivery)
    for number in range(10):
        floor.post("A", number=number)
    floor.worker(workers=2).start()
    wait_until(lambda: len(floor.began) >= 1)
    healed.set()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 10)
    tried_well = [document for _, document, _ in floor.began]
    assert len(set(tried_well)) == 10


def test_retry_after_is_honoured(floor: Bench) -> None:
    """A busy receiver is left alone for as long as it asked, with all of its deliveries."""
    asked_s = 1.0
    answers = iter([errors.PeerBusy("HTTP 503", retry_after_s=asked_s)])

    def busy_once(_delivery: Delivery) -> Outcome:
        error = next(answers, None)
        if error is not None:
            raise error
        return DONE

    floor.deeds["A"] = busy_once
    floor.post("A", number=1)
    floor.post("A", number=2)
    floor.worker(workers=2).start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 2)
    started = [second for _, _, second in floor.began]
    assert len(started) == 3
    assert started[1] - started[0] >= asked_s * 0.95


def test_tries_end_in_a_dead_delivery(floor: Bench) -> None:
    """After the last try the delivery is dead and says why."""
    floor.deeds["A"] = _down
    floor.settings = floor.settings.model_copy(update={"max_attempts": 2})
    message = floor.post("A")
    floor.worker().start()
    wait_until(lambda: floor.count(DeliveryState.DEAD) == 1)
    found = floor.copy(message, "A")
    assert found.reason.startswith("DLV-006 DLV-001")


def test_a_message_that_trips_a_bug_does_not_stop_the_worker(floor: Bench) -> None:
    """An unexpected exception becomes a retry with BUG-001; other deliveries go on."""

    def trip(_delivery: Delivery) -> Outcome:
        raise ZeroDivisionError

    floor.deeds["POISON"] = trip
    poison = [floor.post("POISON", number=number, priority=4) for number in range(4)]
    for number in range(10, 20):
        floor.post("WELL", number=number)
    floor.worker(workers=2).start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 10)
    wait_until(lambda: floor.copy(poison[0], "POISON").reason.startswith("BUG-001"))
    assert floor.copy(poison[0], "POISON").state is DeliveryState.PENDING


def test_another_worker_takes_over_when_the_lease_ends(floor: Bench) -> None:
    """A claim whose owner died is delivered by somebody else, after the lease and not before."""
    floor.post("A")
    now = floor.parts.clock.now()
    lost = floor.database.store.claim(worker="crashed", limit=10, lease_s=0.6, now=now)
    assert len(lost.deliveries) == 1
    started = time.monotonic()
    floor.worker("second").start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 1)
    assert time.monotonic() - started >= 0.4
    assert len(floor.began) == 1


def test_a_long_delivery_keeps_its_lease(floor: Bench) -> None:
    """The heartbeat keeps a delivery that outlasts its lease from being taken by another worker."""
    gate = Gate()
    floor.deeds["SLOW"] = gate
    floor.post("SLOW")
    floor.worker("first", lease_s=0.5).start()
    assert gate.entered.acquire(timeout=5)
    floor.worker("second", lease_s=0.5).start()
    time.sleep(1.5)
    gate.opened.set()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 1)
    assert len(floor.began) == 1


def test_stop_finishes_what_runs_and_hands_back_what_waits(floor: Bench) -> None:
    """After stop() the running delivery is written down and the waiting ones are free at once."""
    gate = Gate()
    floor.deeds["A"] = gate
    messages = [floor.post("A", number=number) for number in range(5)]
    worker = floor.worker(workers=1)
    worker.start()
    assert gate.entered.acquire(timeout=5)
    threading.Timer(0.2, gate.opened.set).start()
    assert worker.stop(10)
    copies = [floor.copy(message, "A") for message in messages]
    done = [copy for copy in copies if copy.state is DeliveryState.DONE]
    left = [copy for copy in copies if copy.state is DeliveryState.PENDING]
    assert (len(done), len(left)) == (1, 4)
    assert {copy.attempts for copy in left} == {0}
    batch = floor.database.store.claim(
        worker="next", limit=10, lease_s=1.0, now=floor.parts.clock.now()
    )
    assert len(batch.deliveries) == 4


def test_stop_does_not_wait_for_ever(floor: Bench) -> None:
    """A delivery that does not end keeps its lease; stop() says so and returns."""
    gate = Gate()
    floor.deeds["A"] = gate
    message = floor.post("A")
    worker = floor.worker(workers=1)
    worker.start()
    assert gate.entered.acquire(timeout=5)
    assert not worker.stop(0.2)
    assert floor.copy(message, "A").state is DeliveryState.PENDING
    gate.opened.set()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 1)


def test_a_slow_receiver_does_not_hold_back_the_outcomes_of_others(floor: Bench) -> None:
    """Outcomes are written as deliveries finish, not when their whole batch has."""
    gate = Gate()
    floor.deeds["SLOW"] = gate
    floor.post("SLOW", "A", "B", "C")
    floor.worker(workers=2).start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 3)
    assert not gate.opened.is_set()
    gate.opened.set()


def test_two_workers_deliver_each_message_once(floor: Bench) -> None:
    """Two nodes on one store share the work and never deliver the same copy twice."""
    for number in range(60):
        floor.post(f"R{number % 7}", number=number)
    floor.worker("first").start()
    floor.worker("second").start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 60)
    assert len(floor.began) == 60


def test_an_outcome_survives_a_store_that_is_away(
    floor: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the store cannot write an outcome, it is kept and written later; nothing is sent twice."""
    record = floor.database.store.record
    failures = iter([errors.StoreUnavailable("locked")] * 3)

    def flaky(records: object, *, now: object) -> int:
        error = next(failures, None)
        if error is not None:
            raise error
        return record(records, now=now)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(floor.database.store, "record", flaky)
    floor.post("A")
    floor.worker().start()
    wait_until(lambda: floor.count(DeliveryState.DONE) == 1)
    assert len(floor.began) == 1


def test_a_worker_with_no_threads_does_nothing(floor: Bench) -> None:
    """With `workers = 0` this process leaves delivery to others and stops cleanly."""
    message = floor.post("A")
    worker = floor.worker(workers=0)
    worker.start()
    worker.wake()
    time.sleep(0.2)
    assert floor.copy(message, "A").attempts == 0
    assert worker.stop(1)


def test_what_is_handed_back_untried_leaves_no_trace_in_the_audit(floor: Bench) -> None:
    """Behind a receiver that is down only real tries are events, however often copies go round."""
    floor.deeds["DOWN"] = _down
    ids = [floor.post("DOWN", number=number) for number in range(12)]
    worker = floor.worker(first_delay_s=30.0)
    worker.start()
    wait_until(lambda: any(floor.copy(each, "DOWN").attempts == 1 for each in ids))
    assert worker.stop(5)
    tried = sum(recipient == "DOWN" for recipient, _, _ in floor.began)
    events = floor.database.store.events(after=0, limit=1000)
    assert sum(each.event == "retry" for each in events) == tried
    assert tried < 12


def test_outcomes_of_quick_deliveries_share_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many mailbox copies that wait together are settled in far fewer commits, and all of them."""
    with bench(tmp_path, poll_s=60) as floor:
        sizes: list[int] = []
        record = floor.database.store.record

        def counted(records: Sequence[DeliveryRecord], *, now: datetime) -> int:
            sizes.append(len(records))
            return record(records, now=now)

        monkeypatch.setattr(floor.database.store, "record", counted)
        for number in range(20):
            floor.post("A", "B", "C", number=number)
        floor.worker().start()
        wait_until(lambda: floor.count(DeliveryState.DONE) == 60)
        assert sum(sizes) == 60
        assert len(sizes) <= 30
