from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, event, insert, select

from bus.db import Database
from bus.db.tables import counters
from bus.db.writer import Writer, _Slot
from bus.errors import Defect, NotFound, StoreUnavailable


def add(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(insert(counters), {"name": name, "value": 1})
        return name

    return work


def names(database: Database) -> set[str]:
    with database.readers.connect() as connection:
        return set(connection.scalars(select(counters.c.name)))


def together(database: Database, works: list[Callable[[Connection], object]]) -> list[object]:
    """Hold the writer until every work waits, so that all of them share one commit."""
    started, go = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        started.set()
        go.wait(10)

    answers: list[object] = [None] * len(works)

    def run(number: int, work: Callable[[Connection], object]) -> None:
        try:
            answers[number] = database.writer.submit(work)
        except (StoreUnavailable, NotFound, Defect, ZeroDivisionError) as error:
            answers[number] = error

    threads = [threading.Thread(target=database.writer.submit, args=(hold,))]
    threads[0].start()
    started.wait(10)
    for number, work in enumerate(works):
        threads.append(threading.Thread(target=run, args=(number, work)))
        threads[-1].start()
        while len(database.writer._waiting) <= number:
            pass
    go.set()
    for thread in threads:
        thread.join()
    return answers


def count_commits(database: Database) -> list[int]:
    commits: list[int] = []
    event.listen(database.writers, "commit", lambda _: commits.append(1))
    return commits


def test_waiting_works_share_one_commit(database: Database) -> None:
    """Works that wait while another commits are written together."""
    commits = count_commits(database)
    answers = together(database, [add(f"n{number}") for number in range(10)])
    assert answers == [f"n{number}" for number in range(10)]
    assert len(commits) == 2


def test_a_group_is_never_larger_than_its_limit(database: Database) -> None:
    """More works than fit one commit are written by several."""
    database.writer._group_max = 4
    commits = count_commits(database)
    together(database, [add(f"n{number}") for number in range(10)])
    assert len(commits) == 1 + 3
    assert len(names(database)) == 10


def test_a_failing_work_takes_nothing_else_with_it(database: Database) -> None:
    """Only the work that raised is rolled back, and its own error reaches its caller."""

    def refuse(connection: Connection) -> None:
        add("half")(connection)
        raise NotFound("x")

    def stumble(connection: Connection) -> None:
        add("half")(connection)
        raise ZeroDivisionError

    answers = together(database, [add("a"), refuse, stumble, add("a"), add("b")])
    assert answers[0] == "a"
    assert isinstance(answers[1], NotFound)
    assert isinstance(answers[2], ZeroDivisionError)
    assert isinstance(answers[3], Defect)
    assert answers[4] == "b"
    assert names(database) == {"a", "b"}


def test_a_commit_that_fails_fails_every_work_of_its_group(database: Database) -> None:
    """Nobody is told of success before the commit, and nothing of the group is there."""
    armed = [0]

    def refuse_commit(_: Connection) -> None:
        armed[0] += 1
        if armed[0] == 2:
            raise OSError(5, "Input/output error")

    event.listen(database.writers, "commit", refuse_commit)
    answers = together(database, [add("a"), add("b")])
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert answers[0] is not answers[1]
    assert names(database) == set()
    assert database.writer.submit(add("c")) == "c"


def test_a_lost_transaction_fails_the_group_instead_of_writing_outside_it(
    database: Database,
) -> None:
    """When the database ends the transaction by itself, nothing after that slips in."""

    def lose(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    answers = together(database, [add("a"), lose, add("b")])
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert names(database) == set()
    assert database.writer.submit(add("c")) == "c"


def test_results_are_released_after_the_commit_only(database: Database) -> None:
    """What a caller was told is visible to every reader at that moment."""
    for number in range(20):
        name = database.writer.submit(add(f"n{number}"))
        assert name in names(database)


def test_a_closed_writer_refuses_and_forgets_nothing(database: Database) -> None:
    """Closing finishes what waits; what comes later is refused, not lost in silence."""
    database.writer.submit(add("a"))
    database.writer.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        database.writer.submit(add("b"))
    assert names(database) == {"a"}


def test_an_unused_writer_holds_no_connection(database: Database) -> None:
    """Commands that only read never touch the write lock and can still close."""
    idle = Writer(database.writers, group_max=1)
    assert idle._connection is None
    idle.close()


def test_a_lone_caller_writes_in_its_own_thread(database: Database) -> None:
    """Nobody else has to wake up for a commit that nobody else waits for."""
    wrote = database.writer.submit(lambda _: threading.get_ident())
    assert wrote == threading.get_ident()


def test_works_never_run_at_the_same_time(database: Database) -> None:
    """However many threads submit, one writes at a time, and every work is done once."""
    running, done = [0], [0]

    def count(_: Connection) -> None:
        running[0] += 1
        assert running[0] == 1
        done[0] += 1
        running[0] -= 1

    def submit() -> None:
        for _ in range(50):
            database.writer.submit(count)

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [400]


def test_an_interrupted_caller_does_not_block_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread stopped while it waits leaves the queue; who waits behind it is still served."""
    wait = _Slot.wait

    def interrupted(slot: _Slot) -> bool:
        if threading.current_thread().name == "interrupted":
            wait(slot)
            raise KeyboardInterrupt
        return wait(slot)

    monkeypatch.setattr(_Slot, "wait", interrupted)
    started, go = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        started.set()
        go.wait(10)

    def stop() -> None:
        with pytest.raises(KeyboardInterrupt):
            database.writer.submit(add("a"))

    holder = threading.Thread(target=database.writer.submit, args=(hold,))
    holder.start()
    started.wait(10)
    stopped = threading.Thread(target=stop, name="interrupted")
    stopped.start()
    while not database.writer._waiting:
        pass
    behind = threading.Thread(target=database.writer.submit, args=(add("b"),))
    behind.start()
    while len(database.writer._waiting) < 2:
        pass
    go.set()
    for thread in (holder, stopped, behind):
        thread.join(10)
    assert names(database) >= {"b"}
    assert database.writer.submit(add("c")) == "c"
