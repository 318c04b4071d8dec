"""Where threads run."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import pytest

from bus import cpus

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says where threads run")


def _seen_by_thread(first: Callable[[], object] = lambda: None) -> frozenset[int]:
    """The CPUs a thread started now may use, after it did something."""
    seen: list[frozenset[int]] = []

    def look() -> None:
        first()
        seen.append(frozenset(os.sched_getaffinity(0)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return seen[0]


@LINUX
def test_threads_that_take_turns_share_one_cpu() -> None:
    """What is started inside stays on one CPU, what is started afterwards may use all."""
    every = frozenset(os.sched_getaffinity(0))
    chosen = cpus.choose()
    with chosen.sharing():
        inside = _seen_by_thread()
    if len(every) > 1:
        assert len(inside) == 1
        assert inside < every
    assert frozenset(os.sched_getaffinity(0)) == _seen_by_thread() == every


@LINUX
def test_threads_for_large_bodies_use_every_cpu() -> None:
    """A thread can be given the CPUs of whoever planned it, even by one that shares."""
    every = frozenset(os.sched_getaffinity(0))
    all_of_them = cpus.as_here()
    with cpus.choose().sharing():
        assert _seen_by_thread(all_of_them) == every


@LINUX
def test_one_cpu_is_left_alone() -> None:
    """Where there is nothing to choose, threads stay where they are."""
    every = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(every)})
        assert cpus.choose() == cpus.UNTOUCHED
        with cpus.UNTOUCHED.sharing():
            assert _seen_by_thread() == {min(every)}
    finally:
        os.sched_setaffinity(0, every)
