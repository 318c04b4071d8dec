from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from support.store_builders import NOW, new_message, query_of

from bus.config import StoreSettings
from bus.db import Database, SqlStore
from bus.db.failures import mapped, nothing_written
from bus.errors import Defect, StoreUnavailable
from bus.model import NewMessage


def send(store: SqlStore, message: NewMessage) -> bool:
    return store.accept(message, query_of(message))


@pytest.fixture
def locked(settings: StoreSettings, database: Database) -> Iterator[sqlite3.Connection]:
    """Another process in the middle of a write."""
    other = sqlite3.connect(settings.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def rows(database: Database) -> dict[str, int]:
    tables = ("messages", "bodies", "deliveries", "duplicate_keys", "audit")
    with database.readers.connect() as connection:
        return {t: connection.scalar(text(f"SELECT count(*) FROM {t}")) for t in tables}


def test_a_locked_database_stops_writers_and_not_readers(
    database: Database, locked: sqlite3.Connection
) -> None:
    """While another process writes, reading goes on and writing is postponed, then works again."""
    with pytest.raises(StoreUnavailable) as caught:
        send(database.store, new_message("R1"))
    assert caught.value.code == "STO-001"
    assert "locked" in caught.value.detail
    assert database.store.counts()["messages"] == 0
    assert database.store.claim(worker="w", limit=1, lease_s=1, now=NOW).deliveries == ()
    locked.execute("ROLLBACK")
    assert send(database.store, new_message("R1"))


def test_a_full_disk_writes_nothing_by_halves(database: Database) -> None:
    """What does not fit is refused whole, what was there stays, and room makes it work again."""

    def limit(pages: int) -> None:
        database.writer.submit(
            lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar()
        )

    first = new_message("R1", document_id="first")
    assert send(database.store, first)
    limit(1)
    accepted, refused = 1, 0
    for number in range(60):
        try:
            accepted += send(
                database.store,
                new_message("R1", document_id=f"d{number}", body=b"x" * 900, content=str(number)),
            )
        except StoreUnavailable as error:
            assert "full" in error.detail  # noqa: PT017 - the others must be accepted
            refused += 1
    assert refused > 0
    assert rows(database) == {
        "messages": accepted, "bodies": 2 * accepted, "deliveries": accepted,
        "duplicate_keys": accepted, "audit": accepted,
    }  # fmt: skip
    assert database.store.body(first.message_id) == first.body
    limit(1_000_000)
    assert send(database.store, new_message("R1", document_id="again"))


def test_a_body_folder_that_cannot_be_written_stops_large_messages_only(
    database: Database, settings: StoreSettings
) -> None:
    """A large body that cannot reach its file is refused before anything is in the database."""
    settings.bodies.rmdir()
    settings.bodies.write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable):
        send(database.store, new_message("R1", body=b"x" * 2000))
    assert rows(database)["messages"] == 0
    assert send(database.store, new_message("R1"))


def test_changed_and_missing_files_are_told(database: Database, settings: StoreSettings) -> None:
    """A body that is not what was stored is never handed out."""
    message = new_message("R1", body=b"x" * 2000)
    assert send(database.store, message)
    (file,) = [p for p in settings.bodies.rglob("*") if p.is_file()]
    file.write_bytes(b"y" * 2000)
    for _ in range(2):
        with pytest.raises(Defect) as caught:
            database.store.body(message.message_id)
        assert caught.value.code == "STO-002"
        file.unlink(missing_ok=True)


def test_body_names_never_leave_the_folder(database: Database, tmp_path: Path) -> None:
    """A message id that could be a path is refused, not written."""
    with pytest.raises(Defect):
        send(database.store, new_message("R1", body=b"x" * 2000, message_id="../../evil"))
    assert not list(tmp_path.rglob("*evil*"))


def test_errors_carry_no_stored_values(database: Database) -> None:
    """What goes wrong in the database is told without SQL and without anybody's data."""
    message = new_message("R1", subject="bí mật")
    assert send(database.store, message)
    with pytest.raises(Defect) as caught:
        send(database.store, new_message("R2", document_id="x", message_id=message.message_id,
                                         subject="bí mật"))  # fmt: skip
    assert "bí mật" not in caught.value.message
    assert "INSERT" not in caught.value.message


def test_naive_instants_never_reach_a_row(database: Database) -> None:
    """An instant without a zone is our defect."""
    with pytest.raises(Defect, match="time zone"):
        send(database.store, new_message("R1", received_at=NOW.replace(tzinfo=None)))


def test_operating_system_errors_are_mapped() -> None:
    """A failing disk postpones; its cause stays attached."""
    with pytest.raises(StoreUnavailable) as caught, mapped():
        raise OSError(28, "No space left on device")
    assert isinstance(caught.value.__cause__, OSError)


def test_exhausted_connections_are_unavailability(database: Database) -> None:
    """Running out of connections postpones instead of crashing."""
    from sqlalchemy import exc

    with pytest.raises(StoreUnavailable), mapped():
        raise exc.TimeoutError
    with pytest.raises(Defect), mapped():
        raise exc.InvalidRequestError


@pytest.mark.parametrize(
    ("code", "certain"),
    [(sqlite3.SQLITE_FULL, True), (sqlite3.SQLITE_BUSY, True), (sqlite3.SQLITE_IOERR_FSYNC, False)],
)
def test_only_what_is_certain_undoes_files(code: int, *, certain: bool) -> None:
    """A full disk proves that nothing was written; after an I/O error the commit may be there."""
    cause = sqlite3.OperationalError("trouble")
    cause.sqlite_errorcode = code
    told = StoreUnavailable()
    told.__cause__ = cause
    assert nothing_written(told) is certain


def test_a_full_disk_keeps_no_file_of_what_it_refused(
    database: Database, settings: StoreSettings
) -> None:
    """A large body whose row did not fit is off the disk when the refusal is told."""

    def limit(pages: int) -> None:
        database.writer.submit(
            lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar()
        )

    limit(1)
    kept = 0
    with pytest.raises(StoreUnavailable):  # noqa: PT012 - the first ones may still fit
        for number in range(60):
            body = bytes([number]) * 2000
            send(database.store, new_message("R1", document_id=f"d{number}", body=body))
            kept += 1
    assert len([p for p in settings.bodies.rglob("*") if p.is_file()]) == kept
    assert rows(database)["messages"] == kept
