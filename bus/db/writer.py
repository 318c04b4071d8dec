"""One thread at a time writes for the whole process; works that wait together share one commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from bus.db.failures import mapped
from bus.db.prepared import driver
from bus.errors import BusError, Defect, StoreUnavailable

T = TypeVar("T")

#: A group is closed at this many bytes: past SQLite's checkpoint size a commit gets slower.
GROUP_BYTES = 4 * 1024 * 1024


class Writer:
    """Durable writes, one after the other, many to a commit.

    Who comes while nobody writes does so in its own thread at once. Who comes meanwhile waits;
    the first of those then writes for all of them. Works that share a commit run in savepoints,
    so that one that fails takes nothing else with it.
    """

    def __init__(self, engine: Engine, *, group_max: int) -> None:
        self._engine = engine
        self._group_max = group_max
        #: Guards what follows, but for the connection: that is the writing thread's.
        self._changed = threading.Condition()
        self._waiting: deque[_Slot] = deque()
        self._writing = False
        self._closed = False
        self._connection: Connection | None = None

    def submit(self, work: Callable[[Connection], T], *, size_bytes: int = 0) -> T:
        """Run `work` and return its result once its commit is on the disk.

        `size_bytes` says roughly how much it writes. It may run in another thread, never at the
        same time as another work. Whatever it raises is raised here and leaves no trace. Raises
        StoreUnavailable when the commit did not happen.
        """
        slot = _Slot(work, size_bytes)
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._waiting.append(slot)
            alone, self._writing = not self._writing, True
        if alone or self._wait(slot):
            self._write_group()
        result: T = slot.result()
        return result

    def close(self) -> None:
        """Finish what waits, then stop; later works are refused."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._writing)
            self._let_go()

    def _wait(self, slot: _Slot) -> bool:
        """Whether the caller has to write, its work being the first that waits."""
        woken = False
        try:
            has_turn = slot.wait()
            woken = True
        finally:
            if not woken:
                self._withdraw(slot)
        return has_turn

    def _withdraw(self, slot: _Slot) -> None:
        """Let no thread that is interrupted take the turn of all others with it."""
        with self._changed:
            if slot in self._waiting and not slot.its_turn:
                self._waiting.remove(slot)
        if slot.its_turn:
            self._write_group()

    def _write_group(self) -> None:
        """Write what waits, the caller's own work first, and give the turn to who came meanwhile."""
        group = self._next_group()
        try:
            self._write(group)
        finally:
            self._pass_on()
            for slot in group:
                slot.wake()

    def _next_group(self) -> list[_Slot]:
        """What waits now, as much as goes into one commit, at least one."""
        with self._changed:
            group = [self._waiting.popleft()]
            size = group[0].size_bytes
            while self._waiting and len(group) < self._group_max and size < GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += group[-1].size_bytes
        return group

    def _pass_on(self) -> None:
        with self._changed:
            if self._waiting:
                self._waiting[0].give_turn()
            else:
                self._writing = False
                self._changed.notify_all()

    def _write(self, group: Sequence[_Slot]) -> None:
        with _Fate(group):
            committed = False
            try:
                with mapped(), self._connected().begin() as transaction:
                    for slot in group:
                        slot.run(transaction.connection, alone=len(group) == 1)
                committed = True
            finally:
                if not committed:
                    # nobody knows in what state a failure left it
                    self._let_go()

    def _connected(self) -> Connection:
        """One connection for all: taking one from the pool costs more than a small commit."""
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _Slot:
    """One waiting work and what came of it."""

    def __init__(self, work: Callable[[Connection], Any], size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._work = work
        self._result: Any = None
        self._error: BaseException | None = None
        self._asleep = threading.Lock()
        self._asleep.acquire()
        #: Whether the thread that waits for this work has to write.
        self.its_turn = False

    def wait(self) -> bool:
        """Sleep until the work is done, or until its thread has to write; whether the latter."""
        self._asleep.acquire()
        return self.its_turn

    def give_turn(self) -> None:
        """Let the thread that waits for this work do the writing."""
        self.its_turn = True
        self._asleep.release()

    def wake(self) -> None:
        """Let the thread that waits for this work go on; the writing one does not wait."""
        if not self.its_turn:
            self._asleep.release()

    def run(self, connection: Connection, *, alone: bool) -> None:
        """Run the work; what it raises is kept for its caller and undone.

        A work alone in its transaction is undone with it: the error leaves this method then.
        """
        if not alone:
            driver(connection).execute("SAVEPOINT work")
        with self, mapped():
            self._result = self._work(connection)
        _still_in_transaction(connection)
        if alone and self._error is not None:
            raise self._error
        if alone:
            return
        if self._error is not None:
            driver(connection).execute("ROLLBACK TO work")
        driver(connection).execute("RELEASE work")

    def result(self) -> Any:
        """Hand over the result, or raise what the work raised, in the caller's thread."""
        if self._error is not None:
            raise self._error
        return self._result

    def fail(self, error: BaseException) -> None:
        """Tell the caller that its commit did not happen."""
        self._error = self._error or _own(error)

    def __enter__(self) -> None:
        """Begin to catch."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Keep whatever was raised: it belongs to the caller's thread, not to this one."""
        self._error = error
        return True


class _Fate:
    """No caller of a group waits for ever, whatever happens to its commit."""

    def __init__(self, group: Sequence[_Slot]) -> None:
        self._group = group

    def __enter__(self) -> None:
        """Begin to catch."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Fail every work: none of them is on the disk."""
        if error is not None:
            for slot in self._group:
                slot.fail(error)
        return True


def _still_in_transaction(connection: Connection) -> None:
    """On some errors SQLite ends the transaction itself; going on would write outside any."""
    if not driver(connection).in_transaction:
        raise StoreUnavailable("the database ended the transaction")


def _own(error: BaseException) -> BusError:
    """An error object for one thread alone, with the common cause behind it."""
    if isinstance(error, BusError):
        copy: BusError = type(error)(error.detail, code=error.code, stage=error.stage)
    else:
        copy = Defect(f"store: {type(error).__name__}")
    copy.__cause__ = error
    return copy
