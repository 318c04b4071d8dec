"""The order in which claimed deliveries leave: urgent first, and no receiver delays another.

Pure bookkeeping of one process; the caller holds the lock and tells the time. Every receiver has a
lane of its own. What waits behind a slow or silent receiver goes back to the store, due about when
its turn comes, so that its lane never fills the room that others need.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from bus.model import RETRIED, Delivery

#: A delivery that runs longer than this, seconds, makes its receiver slow.
SLOW_S = 0.5
#: How many deliveries wait in this process behind a slow receiver.
KEPT_BEHIND_SLOW = 4
#: Longest time for which a delivery is handed back, seconds: the receiver may be well sooner.
LONGEST_PAUSE_S = 120.0
#: Least distance between two deliveries handed back, seconds: a receiver that wakes up is not flooded.
_PACE_S = 0.005
#: Weight of the newest duration in a lane's average.
_NEWEST = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One claimed delivery under its lease."""

    delivery: Delivery
    lease: str

    @property
    def rank(self) -> tuple[int, datetime, int]:
        """Smaller leaves earlier: urgency, then age."""
        one = self.delivery
        return -one.priority, one.created_at, one.delivery_id


@dataclass(frozen=True, slots=True, kw_only=True)
class HandBack:
    """A task that this process will not carry now, and when it is due again."""

    task: Task
    due_at: datetime


@dataclass(slots=True)
class _Lane:
    """What one receiver has waiting and running here."""

    waiting: list[tuple[tuple[int, datetime, int], Task]] = field(default_factory=list)
    #: Delivery id → monotonic second at which it started.
    running: dict[int, float] = field(default_factory=dict)
    average_s: float = 0.0
    #: No delivery starts before this instant.
    closed_until: datetime | None = None
    #: When what was handed back so far would be through.
    clear_at: datetime | None = None

    def is_slow(self, tick_s: float) -> bool:
        longest_s = max((tick_s - started for started in self.running.values()), default=0.0)
        return max(longest_s, self.average_s) > SLOW_S

    def is_closed(self, now: datetime) -> bool:
        return self.closed_until is not None and now < self.closed_until

    def back(self, now: datetime) -> datetime:
        """When one more delivery handed back should come again."""
        start = max(now, self.closed_until or now, self.clear_at or now)
        step_s = max(self.average_s, _PACE_S)
        latest = now + timedelta(seconds=LONGEST_PAUSE_S)
        # What a receiver asked for itself is kept; only our own estimate is bounded.
        bound = max(latest, self.closed_until or latest)
        self.clear_at = min(start + timedelta(seconds=step_s), bound)
        return min(start, bound)


class Backlog:
    """Claimed deliveries by receiver; `tick_s` is a monotonic second, `now` an aware instant."""

    def __init__(self, *, per_recipient: int) -> None:
        self._per_recipient = per_recipient
        self._lanes: dict[str, _Lane] = {}

    def add(self, tasks: Iterable[Task]) -> list[Task]:
        """Take claimed deliveries in; the tasks that are of no use here any more.

        A delivery may come again because this process slept through its lease: then the new task
        takes the place of the old one, unless the old one is under way already.
        """
        useless: list[Task] = []
        for task in tasks:
            lane = self._lanes.setdefault(task.delivery.recipient, _Lane())
            if task.delivery.delivery_id in lane.running:
                useless.append(task)
                continue
            if task.delivery.reason == RETRIED:
                # An operator knows better than what the receiver asked for then.
                lane.closed_until = lane.clear_at = None
            useless += [one for rank, one in lane.waiting if rank == task.rank]
            lane.waiting = [one for one in lane.waiting if one[0] != task.rank]
            lane.waiting.append((task.rank, task))
            heapq.heapify(lane.waiting)
        return useless

    def next(self, *, tick_s: float, now: datetime) -> Task | None:
        """The most urgent, oldest delivery whose receiver has room; it counts as running now."""
        open_lanes = [
            lane
            for lane in self._lanes.values()
            if lane.waiting and len(lane.running) < self._per_recipient and not lane.is_closed(now)
        ]
        if not open_lanes:
            return None
        lane = min(open_lanes, key=lambda one: one.waiting[0][0])
        _, task = heapq.heappop(lane.waiting)
        lane.running[task.delivery.delivery_id] = tick_s
        return task

    def finish(self, task: Task, *, tick_s: float) -> None:
        """A delivery that `next` gave is through, however it went."""
        lane = self._lanes[task.delivery.recipient]
        took_s = tick_s - lane.running.pop(task.delivery.delivery_id)
        lane.average_s += _NEWEST * (took_s - lane.average_s)

    def close(self, recipient: str, until: datetime) -> None:
        """Start nothing for a receiver before `until`."""
        lane = self._lanes.setdefault(recipient, _Lane())
        lane.closed_until = max(until, lane.closed_until or until)

    def reopen(self, recipient: str) -> None:
        """The receiver took a delivery: it is well again."""
        lane = self._lanes[recipient]
        lane.closed_until = lane.clear_at = None

    def surplus(self, *, tick_s: float, now: datetime) -> list[HandBack]:
        """Take out what waits behind closed receivers, and too much of it behind slow ones."""
        back: list[HandBack] = []
        for lane in self._lanes.values():
            if not lane.waiting:
                continue
            keep = len(lane.waiting)
            if lane.is_closed(now):
                keep = 0
            elif lane.is_slow(tick_s):
                keep = KEPT_BEHIND_SLOW
            lane.waiting.sort(key=itemgetter(0))
            lane.waiting, surplus = lane.waiting[:keep], lane.waiting[keep:]
            back += [HandBack(task=task, due_at=lane.back(now)) for _, task in surplus]
        return back

    def drain(self, now: datetime) -> list[HandBack]:
        """Take out everything that waits, due at once."""
        back = [
            HandBack(task=task, due_at=now)
            for lane in self._lanes.values()
            for _, task in lane.waiting
        ]
        for lane in self._lanes.values():
            lane.waiting.clear()
        return back

    def waiting(self, *, tick_s: float) -> int:
        """How many deliveries wait that only lack a free worker."""
        return sum(len(lane.waiting) for lane in self._lanes.values() if not lane.is_slow(tick_s))

    def running(self) -> int:
        """How many deliveries are under way."""
        return sum(len(lane.running) for lane in self._lanes.values())

    def stuck(self, *, tick_s: float) -> int:
        """How many deliveries wait for a slow receiver's answer."""
        return sum(
            tick_s - started > SLOW_S
            for lane in self._lanes.values()
            for started in lane.running.values()
        )

    def forget(self, *, now: datetime) -> None:
        """Drop the lanes of receivers with nothing waiting, running or closed."""
        self._lanes = {
            recipient: lane
            for recipient, lane in self._lanes.items()
            if lane.waiting or lane.running or lane.is_closed(now) or lane.average_s > SLOW_S
        }
