"""Which CPU the threads that run Python share, and which threads may use every CPU.

CPython runs one thread of a process at a time. Threads that hand over to each other thousands of
times a second lose half of their time when they sit on different CPUs: each hand-over wakes
another CPU and moves the interpreter's working memory there. On one CPU they lose nothing. Threads
that spend their time outside the interpreter, in C code over large bodies, need all CPUs.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

#: How long the CPUs are watched before one is chosen, seconds.
_WATCH_S = 0.05
#: CPUs this close to the least busy one are as good as it, share of the time watched.
_EQUAL = 0.1
_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpus:
    """The CPUs of this process; `shared` is None where threads stay where the system puts them."""

    every: frozenset[int] = frozenset()
    shared: int | None = None

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Threads started inside, and those that they start, stay on the CPU they share."""
        if self.shared is None:
            yield
            return
        _settle({self.shared})
        try:
            yield
        finally:
            _settle(self.every)


#: For parts that stand alone: threads stay where the system puts them.
UNTOUCHED = Cpus()


def choose() -> Cpus:
    """The least busy CPU of those this process may use; UNTOUCHED with only one, or outside Linux."""
    every = _present()
    if len(every) < 2:
        return UNTOUCHED
    before = _busy()
    time.sleep(_WATCH_S)
    after = _busy()
    load = {cpu: after.get(cpu, 0) - before.get(cpu, 0) for cpu in every}
    most = min(load.values()) + _EQUAL * _WATCH_S * os.sysconf("SC_CLK_TCK")
    # by chance among equals: processes that start together must not all take the first
    return Cpus(every=every, shared=random.choice([c for c in every if load[c] <= most]))  # noqa: S311 - no secret


def _busy() -> dict[int, int]:
    """Clock ticks each CPU has worked so far (proc(5), /proc/stat); nothing where it cannot be read."""
    try:
        lines = _STAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    # cpuN user nice system idle iowait irq softirq steal
    rows = (line.split() for line in lines if line.startswith("cpu") and line[3:4].isdigit())
    return {int(row[0][3:]): sum(map(int, row[1:4] + row[6:9])) for row in rows}


def as_here() -> Callable[[], None]:
    """Gives the thread that calls it the CPUs of the thread that makes it now."""
    return partial(_settle, _present())


def _present() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()


def _settle(cpus: Iterable[int]) -> None:
    if sys.platform == "linux":
        # the process may have lost a CPU meanwhile (a container's new limits)
        with suppress(OSError):
            os.sched_setaffinity(0, cpus)
