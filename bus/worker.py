"""The worker: claims due deliveries, carries them, writes down what became of them.

One thread claims, one keeps the leases alive, the others carry. A delivery that waits for a slow
receiver gets a spare thread in its place, so that `workers` threads are always free for the others.
Lock order: only `_state`, and never while the store or a receiver is called.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from bus import errors, logs, pipeline
from bus.backlog import SLOW_S, Backlog, HandBack, Task
from bus.config import DeliverySettings
from bus.journey.parts import Parts
from bus.journey.report import failed, report
from bus.model import Delivery, DeliveryRecord, DeliveryState

Dispatch = Callable[[Delivery, str, Parts], DeliveryRecord]

#: Threads beyond `workers` that may wait for slow receivers at once.
SPARE_THREADS = 32
#: How long an outcome may wait for others to be written with, seconds.
GATHER_S = 0.02
#: Reasons that speak of the receiver, not of the message: its other deliveries wait, too.
_RECEIVER_DOWN = frozenset({"DLV-001", "DLV-002", "DLV-008"})
_RECEIVER_ASKED = "DLV-002"
_WELL = frozenset({DeliveryState.DONE, DeliveryState.AVAILABLE})

_log = logs.get("worker")


class Worker:
    """Delivers what is due until it is stopped; several may share one store.

    A crash loses nothing: what it held is taken over by another worker when the lease ends.
    """

    def __init__(
        self,
        parts: Parts,
        settings: DeliverySettings,
        *,
        node: str | None = None,
        dispatch: Dispatch = pipeline.dispatch,
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._node = node or f"{socket.gethostname()}-{os.getpid()}"
        self._dispatch = dispatch
        self._state = threading.Condition()
        self._backlog = Backlog(per_recipient=max(1, self._settings.workers // 2))
        #: Lease → deliveries under it whose outcome is not written yet.
        self._leases: Counter[str] = Counter()
        self._outbox: list[DeliveryRecord] = []
        self._is_writing = False
        self._gathering_since_s = 0.0
        self._may_have_more = False
        self._carriers: set[threading.Thread] = set()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="bus-feeder", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="bus-keeper", daemon=True)
        self._renewed_at_s = 0.0

    def start(self) -> None:
        """Begin to work in threads of its own; with `workers` = 0 nothing starts."""
        if self._settings.workers == 0:
            return
        with self._state:
            for _ in range(self._settings.workers):
                self._add_carrier()
        self._feeder.start()
        self._keeper.start()

    def wake(self) -> None:
        """Look for work now; cheap enough to call after every commit."""
        self._woken.set()

    def stop(self, timeout_s: float) -> bool:
        """Finish what is under way and hand the rest back; True when nothing was left behind.

        What is still under way after `timeout_s` keeps its lease until that ends: it may yet arrive,
        and handing it to another worker now would send it twice.
        """
        deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._woken.set()
        with self._state:
            self._state.notify_all()
            threads = [self._feeder, *self._carriers]
        for thread in threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        with self._state:
            self._hand_back(self._backlog.drain(self._now()))
        self._write_outbox()
        with self._state:
            left_s = max(0.0, deadline - time.monotonic())
            is_clear = self._state.wait_for(lambda: not self._leases, left_s)
            self._ended.set()
            self._state.notify_all()
        return is_clear

    # Claiming

    def _feed(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            if not self._safely(self._claim):
                self._woken.wait(self._settings.poll_s)

    def _claim(self) -> bool:
        """Claim what there is room for; whether more may be due and has room."""
        room = self._room()
        if room == 0:
            return False
        now = self._now()
        batch = self._parts.store.claim(
            worker=self._node, limit=room, lease_s=self._settings.lease_s, now=now
        )
        tasks = [Task(delivery=one, lease=batch.lease) for one in batch.deliveries]
        with self._state:
            self._leases[batch.lease] += len(tasks)
            self._leases += Counter()
            skipped = self._backlog.add(tasks)
            self._settle(skipped)
            self._hand_back(self._backlog.surplus(tick_s=time.monotonic(), now=now))
            self._may_have_more = len(tasks) == room
            self._state.notify_all()
        self._write_outbox()
        return self._may_have_more and self._room() > 0

    def _room(self) -> int:
        # Claims cost a commit: none before half of the last batch has left.
        with self._state:
            waiting = self._backlog.waiting(tick_s=time.monotonic())
        return self._settings.batch - waiting if waiting <= self._settings.batch // 2 else 0

    # Carrying

    def _add_carrier(self) -> None:
        carrier = threading.Thread(target=self._carry_on, name="bus-carrier", daemon=True)
        self._carriers.add(carrier)
        carrier.start()

    def _carry_on(self) -> None:
        while (task := self._next()) is not None:
            record = self._carry(task)
            with self._state:
                self._finish(task, record)
                has_time = self._may_gather()
            if not has_time:
                self._write_outbox()

    def _may_gather(self) -> bool:
        """Whether outcomes may wait a moment for those of tasks that are ready: one commit for all."""
        tick_s = time.monotonic()
        if len(self._outbox) == 1:
            self._gathering_since_s = tick_s
        is_fresh = tick_s - self._gathering_since_s < GATHER_S
        is_small = len(self._outbox) < self._settings.batch
        return is_fresh and is_small and self._backlog.waiting(tick_s=tick_s) > 0

    def _next(self) -> Task | None:
        """The next task, None when this thread is to end; nothing stays unwritten while it waits."""
        task = self._take(wait=False)
        if task is None:
            self._write_outbox()
            task = self._take(wait=True)
        return task

    def _take(self, *, wait: bool) -> Task | None:
        """The next task; None when there is none yet or this thread is to end."""
        with self._state:
            while not self._stopping.is_set() and len(self._carriers) <= self._wanted():
                task = self._backlog.next(tick_s=time.monotonic(), now=self._now())
                if task is not None:
                    self._call_feeder()
                    return task
                if not wait:
                    return None
                self._state.wait()
            if not wait:
                return None
            self._carriers.discard(threading.current_thread())
            # What this thread could have taken next is another's now.
            self._state.notify_all()
            return None

    def _wanted(self) -> int:
        stuck = self._backlog.stuck(tick_s=time.monotonic())
        return self._settings.workers + min(stuck, SPARE_THREADS)

    def _call_feeder(self) -> None:
        waiting = self._backlog.waiting(tick_s=time.monotonic())
        if self._may_have_more and waiting <= self._settings.batch // 2:
            self._woken.set()

    def _carry(self, task: Task) -> DeliveryRecord:
        """Dispatch one delivery; whatever goes wrong is written down and tried again."""
        with structlog.contextvars.bound_contextvars(
            message_id=task.delivery.message_id, recipient=task.delivery.recipient
        ):
            try:
                return self._dispatch(task.delivery, task.lease, self._parts)
            except errors.BusError as error:
                _log.warning("dispatch failed", code=error.code, detail=error.detail)
                cause = error
            except Exception as error:  # noqa: BLE001 - one of the three places that may
                # A message that trips a bug must not end the thread that carries the others.
                _log.exception("dispatch failed", code=errors.Defect.code)
                cause = errors.Defect(type(error).__name__)
            return self._given_up(task, cause)

    def _given_up(self, task: Task, cause: errors.BusError) -> DeliveryRecord:
        """What a failed dispatch comes to; the bug that failed it may strike the report, too."""
        delivered = failed(task.delivery, cause)
        try:
            return pipeline.conclude(delivered, task.lease, self._parts)
        except errors.Postponed as error:
            # Dead without a notice would be silence: the last try is made again.
            _log.warning("conclusion put off", code=error.code, detail=error.detail)
            due_at = self._now() + timedelta(seconds=self._settings.first_delay_s)
            return handed_back(task, f"{error.code} {error.detail}".strip(), due_at)
        except Exception:  # noqa: BLE001 - one of the three places that may
            _log.exception("no report to the sender", code=errors.Defect.code)
            return report(delivered, task.lease, self._settings, self._now())

    def _finish(self, task: Task, record: DeliveryRecord) -> None:
        now, tick_s = self._now(), time.monotonic()
        self._backlog.finish(task, tick_s=tick_s)
        self._outbox.append(record)
        codes = record.reason.split(maxsplit=2)[:2]
        if record.state in _WELL:
            self._backlog.reopen(task.delivery.recipient)
        elif _RECEIVER_DOWN.intersection(codes):
            pause = now + timedelta(seconds=self._settings.first_delay_s)
            asked = record.state is DeliveryState.PENDING and _RECEIVER_ASKED in codes
            until = record.due_at if asked else pause
            self._backlog.close(task.delivery.recipient, until)
            self._hand_back(self._backlog.surplus(tick_s=tick_s, now=now))

    # Writing down

    def _hand_back(self, returned: Sequence[HandBack]) -> None:
        """Put into the outbox what is not tried now; the claim's attempt does not count."""
        self._outbox += [
            handed_back(one.task, one.task.delivery.reason, one.due_at) for one in returned
        ]

    def _write_outbox(self) -> None:
        """Write what is ready; while one thread writes, the others leave theirs to it."""
        while True:
            with self._state:
                if self._is_writing or not self._outbox:
                    return
                self._is_writing = True
                batch, self._outbox = self._outbox, []
            written: Sequence[DeliveryRecord] = ()
            try:
                written = self._write(batch)
            finally:
                done = {id(record) for record in written}
                left = [record for record in batch if id(record) not in done]
                with self._state:
                    self._is_writing = False
                    self._settle(written)
                    # The store is away: the keeper writes them later, the leases live on.
                    self._outbox = left + self._outbox
                    self._state.notify_all()
            if left:
                return

    def _write(self, batch: Sequence[DeliveryRecord]) -> Sequence[DeliveryRecord]:
        """Write outcomes; what is settled then, nothing when the store is away."""
        try:
            number = self._parts.store.record(batch, now=self._now())
        except errors.Postponed as error:
            _log.warning("outcomes not written yet", code=error.code, detail=error.detail)
            return ()
        except errors.BusError as error:
            if len(batch) > 1:
                return [one for each in batch for one in self._write([each])]
            # Left to the end of its lease: the next attempt may fare better.
            _log.error("outcome refused by the store", code=error.code, detail=error.detail)
            return batch
        if number < len(batch):
            _log.warning("leases were lost", number=len(batch) - number)
        return batch

    def _settle(self, written: Sequence[DeliveryRecord | Task]) -> None:
        self._leases.subtract(one.lease for one in written)
        self._leases += Counter()

    # Keeping

    def _keep(self) -> None:
        tick_s = min(SLOW_S / 2, self._settings.lease_s / 3)
        while not self._ended.is_set():
            with self._state:
                while not self._leases and not self._ended.is_set():
                    self._state.wait()
            self._ended.wait(tick_s)
            self._safely(self._look_after)

    def _look_after(self) -> bool:
        now, tick_s = self._now(), time.monotonic()
        with self._state:
            self._hand_back(self._backlog.surplus(tick_s=tick_s, now=now))
            self._backlog.forget(now=now)
            if not self._stopping.is_set():
                while len(self._carriers) < self._wanted():
                    self._add_carrier()
            self._call_feeder()
            due = tick_s - self._renewed_at_s >= self._settings.lease_s / 3
            leases = tuple(self._leases) if due else ()
            self._renewed_at_s = tick_s if due else self._renewed_at_s
        for lease in leases:
            self._parts.store.renew(lease, lease_s=self._settings.lease_s, now=self._now())
        self._write_outbox()
        return True

    def _safely(self, step: Callable[[], bool]) -> bool:
        """Run one round; a failure is logged and the loop goes on after a pause."""
        try:
            return step()
        except errors.BusError as error:
            _log.warning("round failed", code=error.code, detail=error.detail)
        except Exception:  # noqa: BLE001 - one of the three places that may
            # Without its feeder or keeper the worker would be dead and look alive.
            _log.exception("round failed", code=errors.Defect.code)
        return False

    def _now(self) -> datetime:
        return self._parts.clock.now()


def handed_back(task: Task, reason: str, due_at: datetime) -> DeliveryRecord:
    """The record of a copy that waits again, as if it had not been claimed."""
    return DeliveryRecord(
        delivery_id=task.delivery.delivery_id,
        lease=task.lease,
        state=DeliveryState.PENDING,
        reason=reason,
        due_at=due_at,
        attempts=max(0, task.delivery.attempts - 1),
    )
