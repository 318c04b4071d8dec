"""One thread writes for the whole process; works that wait together share one commit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from bus.db.failures import mapped
from bus.errors import BusError, Defect, StoreUnavailable

T = TypeVar("T")

#: A group is closed at this many bytes: past SQLite's checkpoint size a commit gets slower.
GROUP_BYTES = 4 * 1024 * 1024


class Writer:
    """Durable writes, one after the other, many to a commit.

    Each work runs in a savepoint of its own, so that one that fails takes nothing else with it.
    """

    def __init__(self, engine: Engine, *, group_max: int) -> None:
        self._engine = engine
        self._group_max = group_max
        self._waiting: queue.SimpleQueue[_Slot | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, work: Callable[[Connection], T], *, size_bytes: int = 0) -> T:
        """Run `work` and return its result once its commit is on the disk.

        `size_bytes` says roughly how much it writes. Whatever `work` raises is raised here and
        leaves no trace. Raises StoreUnavailable when the commit did not happen.
        """
        slot = _Slot(work, size_bytes)
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._waiting.put(slot)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
                self._thread.start()
        result: T = slot.future.result()
        return result

    def close(self) -> None:
        """Finish what waits, then stop; later works are refused."""
        with self._lock:
            self._closed = True
            self._waiting.put(None)
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._next_group()
            if group:
                self._write(group)

    def _next_group(self) -> tuple[list[_Slot], bool]:
        """What waits now, at least one; False when the writer was closed behind it."""
        group: list[_Slot] = []
        slot = self._waiting.get()
        while slot is not None:
            group.append(slot)
            full = len(group) >= self._group_max or _size(group) >= GROUP_BYTES
            if full or self._waiting.empty():
                return group, True
            # Only this thread takes from the queue, so what is there stays there.
            slot = self._waiting.get()
        return group, False

    def _write(self, group: Sequence[_Slot]) -> None:
        with _Fate(group):
            with mapped(), self._engine.begin() as connection:
                for slot in group:
                    slot.run(connection)
            for slot in group:
                slot.release()


class _Slot:
    """One waiting work and what came of it."""

    def __init__(self, work: Callable[[Connection], Any], size_bytes: int) -> None:
        self.future: Future[Any] = Future()
        self.size_bytes = size_bytes
        self._work = work
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        """Run the work in its own savepoint; what it raises is kept for its caller."""
        connection.exec_driver_sql("SAVEPOINT work")
        with self, mapped():
            self._result = self._work(connection)
        _still_in_transaction(connection)
        if self._error is not None:
            connection.exec_driver_sql("ROLLBACK TO work")
        connection.exec_driver_sql("RELEASE work")

    def release(self) -> None:
        """Hand over the result, or raise what the work raised, in the caller's thread."""
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._result)

    def fail(self, error: BaseException) -> None:
        """Tell the caller that its commit did not happen."""
        self.future.set_exception(self._error or _own(error))

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
        """Fail every work that has no answer yet."""
        if error is not None:
            for slot in self._group:
                if not slot.future.done():
                    slot.fail(error)
        return True


def _size(group: Sequence[_Slot]) -> int:
    return sum(slot.size_bytes for slot in group)


def _still_in_transaction(connection: Connection) -> None:
    """On some errors SQLite ends the transaction itself; going on would write outside any."""
    if not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]  # SQLite's own connection
        raise StoreUnavailable("the database ended the transaction")


def _own(error: BaseException) -> BusError:
    """An error object for one thread alone, with the common cause behind it."""
    if isinstance(error, BusError):
        copy: BusError = type(error)(error.detail, code=error.code, stage=error.stage)
    else:
        copy = Defect(f"store: {type(error).__name__}")
    copy.__cause__ = error
    return copy
