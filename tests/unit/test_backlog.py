"""The order in which claimed deliveries leave."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bus.backlog import KEPT_BEHIND_SLOW, LONGEST_PAUSE_S, SLOW_S, Backlog, Task
from tests.support.parcels import NOW, delivery


def _task(number: int, recipient: str = "A", priority: int = 0, lease: str = "l") -> Task:
    return Task(delivery=delivery(number, recipient, priority=priority), lease=lease)


def _later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def _numbers(tasks: list[Task]) -> list[int]:
    return [task.delivery.delivery_id for task in tasks]


claimed = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 4)), min_size=1, max_size=40
).map(lambda rows: [_task(n, who, urgency) for n, (who, urgency) in enumerate(rows)])


@given(tasks=claimed)
def test_everything_leaves_once_and_urgent_first(tasks: list[Task]) -> None:
    """When every delivery is quick, all leave exactly once in order of urgency and age."""
    backlog = Backlog(per_recipient=1)
    backlog.add(tasks)
    left = []
    while (task := backlog.next(tick_s=0.0, now=NOW)) is not None:
        left.append(task)
        backlog.finish(task, tick_s=0.0)
    assert left == sorted(tasks, key=lambda task: task.rank)


@given(tasks=claimed, limit=st.integers(1, 3))
def test_no_receiver_gets_more_than_its_share_at_once(tasks: list[Task], limit: int) -> None:
    """However much waits, at most the limit runs for each receiver, and the rest keeps waiting."""
    backlog = Backlog(per_recipient=limit)
    backlog.add(tasks)
    running: dict[str, int] = {}
    while (task := backlog.next(tick_s=0.0, now=NOW)) is not None:
        running[task.delivery.recipient] = running.get(task.delivery.recipient, 0) + 1
    assert max(running.values()) <= limit
    assert backlog.running() + backlog.waiting(tick_s=0.0) == len(tasks)


@given(tasks=claimed, seconds=st.floats(0, 1000))
def test_nothing_is_lost_between_running_waiting_and_handed_back(
    tasks: list[Task], seconds: float
) -> None:
    """Every task is running, waiting or handed back, whatever closes or becomes slow."""
    backlog = Backlog(per_recipient=1)
    backlog.add(tasks)
    running = [backlog.next(tick_s=0.0, now=NOW) for _ in range(2)]
    backlog.close("A", _later(seconds))
    back = backlog.surplus(tick_s=SLOW_S * 2, now=NOW) + backlog.drain(NOW)
    seen = [task for task in running if task] + [one.task for one in back]
    assert sorted(_numbers(seen)) == sorted(_numbers(tasks))


def test_a_closed_receiver_gets_nothing_until_its_time() -> None:
    """Before `until` nothing starts for a receiver, after it the lane is open again."""
    backlog = Backlog(per_recipient=1)
    backlog.close("A", _later(30))
    backlog.add([_task(1, "A"), _task(2, "B")])
    first = backlog.next(tick_s=0.0, now=NOW)
    assert first is not None
    assert first.delivery.recipient == "B"
    assert backlog.next(tick_s=0.0, now=_later(29)) is None
    assert backlog.next(tick_s=0.0, now=_later(30)) is not None


def test_what_waits_behind_a_closed_receiver_is_due_when_it_opens() -> None:
    """All of it goes back, one after the other from the moment the receiver may be tried again."""
    backlog = Backlog(per_recipient=1)
    backlog.close("A", _later(30))
    backlog.add([_task(number) for number in range(3)])
    back = backlog.surplus(tick_s=0.0, now=NOW)
    due = [one.due_at for one in back]
    assert _numbers([one.task for one in back]) == [0, 1, 2]
    assert due[0] == _later(30)
    assert due == sorted(set(due))
    assert backlog.waiting(tick_s=0.0) == 0


def test_only_a_few_wait_behind_a_slow_receiver() -> None:
    """Beyond a handful they go back, paced by how long one delivery takes, two minutes at most."""
    backlog = Backlog(per_recipient=1)
    backlog.add([_task(number) for number in range(200)])
    task = backlog.next(tick_s=0.0, now=NOW)
    assert task is not None
    backlog.finish(task, tick_s=10.0)
    backlog.next(tick_s=10.0, now=NOW)
    back = backlog.surplus(tick_s=10.0, now=NOW)
    assert len(back) == 200 - 2 - KEPT_BEHIND_SLOW
    assert back[1].due_at - back[0].due_at == timedelta(seconds=3)
    assert max(one.due_at for one in back) == _later(LONGEST_PAUSE_S)


def test_a_pause_longer_than_our_bound_is_kept() -> None:
    """A receiver that asked for an hour is left alone for an hour."""
    backlog = Backlog(per_recipient=1)
    backlog.close("A", _later(3600))
    backlog.add([_task(1)])
    assert backlog.surplus(tick_s=0.0, now=NOW)[0].due_at == _later(3600)


def test_a_success_reopens_the_lane() -> None:
    """After a delivery that arrived, the receiver's next one may leave at once."""
    backlog = Backlog(per_recipient=2)
    backlog.add([_task(1), _task(2)])
    assert backlog.next(tick_s=0.0, now=NOW) is not None
    backlog.close("A", _later(30))
    backlog.reopen("A")
    assert backlog.next(tick_s=0.0, now=NOW) is not None


def test_a_delivery_claimed_twice_waits_once() -> None:
    """A second claim of a waiting delivery replaces the first; of a running one it is useless."""
    backlog = Backlog(per_recipient=1)
    old, new, third = _task(1, lease="old"), _task(1, lease="new"), _task(1, lease="third")
    assert backlog.add([old]) == []
    assert backlog.add([new]) == [old]
    assert backlog.next(tick_s=0.0, now=NOW) == new
    assert backlog.add([third]) == [third]


def test_slow_deliveries_are_counted_as_stuck() -> None:
    """What runs longer than the limit asks for a spare thread, and no longer counts as waiting."""
    backlog = Backlog(per_recipient=1)
    backlog.add([_task(1), _task(2), _task(3, "B")])
    assert backlog.next(tick_s=0.0, now=NOW) is not None
    assert (backlog.stuck(tick_s=SLOW_S / 2), backlog.waiting(tick_s=SLOW_S / 2)) == (0, 2)
    assert (backlog.stuck(tick_s=SLOW_S * 2), backlog.waiting(tick_s=SLOW_S * 2)) == (1, 1)


def test_idle_lanes_are_forgotten() -> None:
    """A receiver with nothing here costs no memory, unless it is closed."""
    backlog = Backlog(per_recipient=1)
    backlog.add([_task(1)])
    task = backlog.next(tick_s=0.0, now=NOW)
    assert task is not None
    backlog.finish(task, tick_s=0.0)
    backlog.close("B", _later(10))
    backlog.forget(now=NOW)
    backlog.add([_task(2, "B")])
    assert backlog.next(tick_s=0.0, now=NOW) is None
