"""A full disk and a locked database, seen by senders and recipients of a running bus."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text
from support.outside import Answer, call, package, until
from support.running_bus import RunningBus, running_bus
from support.soap_edge import SOAP11, SOAP12, TNS

from bus.db.check import Finding, check_database
from bus.model import Attachment

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
TABLES = ("messages", "bodies", "deliveries", "duplicate_keys")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A bus that waits 0.2 s for another process's lock."""
    folder = tmp_path_factory.mktemp("trouble")
    with running_bus(folder, store={"busy_timeout_s": 0.2, "inline_bytes": 65536}) as running:
        yield running


@contextmanager
def locked(bus: RunningBus) -> Iterator[None]:
    """Another process in the middle of a write."""
    file = bus.app.settings.store.url.removeprefix("sqlite:///")
    other = sqlite3.connect(file, isolation_level=None, timeout=20)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def full(bus: RunningBus) -> Iterator[None]:
    """A database that can grow by no page."""
    _pages(bus, 1)
    try:
        yield
    finally:
        _pages(bus, 1_000_000_000)


@contextmanager
def bodiless(bus: RunningBus) -> Iterator[None]:
    """A disk on which no body file can be made: something else stands in their folder's place."""
    folder = bus.app.settings.store.bodies
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("no folder")
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def _pages(bus: RunningBus, number: int) -> None:
    bus.app.database.writer.submit(
        lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={number}").scalar()
    )


Trouble = Callable[[RunningBus], "Iterator[None]"]
TROUBLES = pytest.mark.parametrize("trouble", [locked, full, bodiless])


def rows(bus: RunningBus) -> dict[str, int]:
    """How much of everything is stored."""
    with bus.app.database.readers.connect() as connection:
        return {t: connection.scalar(text(f"SELECT count(*) FROM {t}")) for t in TABLES}


def large(bus: RunningBus, number: int, size: int) -> bytes:
    """A signed document with an attachment that no compression makes smaller."""
    letter = bus.letter("G09", "H57", number=number)
    noise = Attachment(content_id="a", name="a.bin", content=random.Random(1).randbytes(size))
    return bus.signed(replace(letter, attachments=(noise,)))


def send(bus: RunningBus, content: bytes, soap: str = SOAP11) -> Answer:
    """Send from outside."""
    return call(bus, package(content), own=bus.own["G09"], soap=soap)


@VERSIONS
@TROUBLES
def test_trouble_of_the_store_postpones_and_writes_nothing(
    bus: RunningBus, trouble: Trouble, soap: str
) -> None:
    """A retryable fault with Retry-After and no receipt; afterwards the same call is accepted."""
    # In a row where the database is full, in a file otherwise.
    size = 20_000 if trouble is full else 1 << 20
    content = large(bus, len(soap) + len(trouble.__name__) * 100, size)
    before = rows(bus)
    with trouble(bus):  # type: ignore[attr-defined]  # a context manager
        answer = send(bus, content, soap)
    fault = answer.fault
    assert (fault["code"], fault["retryable"]) == ("STO-001", "true")
    assert int(answer.headers["Retry-After"]) >= 1
    assert int(fault["retryAfterSeconds"]) >= 1
    assert answer.status == 500
    assert b"Receipt" not in answer.body
    assert b"sqlite" not in answer.body.lower()
    assert str(bus.folder).encode() not in answer.body
    assert rows(bus) == before
    good = send(bus, content, soap)
    assert good.status == 200
    assert b"Receipt" in good.body
    assert rows(bus)["messages"] == before["messages"] + 1
    assert list(check_database(bus.app.database)) == orphans(bus)


def orphans(bus: RunningBus) -> list[Finding]:
    """What `bus db check` may find: files of writes that did not happen, swept later."""
    return [one for one in check_database(bus.app.database) if one.kind == "orphan"]


def test_reading_goes_on_while_writing_is_locked(bus: RunningBus) -> None:
    """A mailbox is listed and a message fetched while another process holds the write lock."""
    letter = bus.letter("G09", "H57", number=7)
    message_id = bus.client("G09").send_document(bus.signed(letter)).receipt.message_id
    client = bus.client("H57")
    until(lambda: any(one.message_id == message_id for one in client.list_pending().items))
    with locked(bus):
        assert client.list_pending().items
        assert client.get_message(message_id).original is True
        told = call(bus, f'<Acknowledge xmlns="{TNS}"><messageId>{message_id}</messageId>'
                    "<outcome>done</outcome></Acknowledge>", own=bus.own["H57"])  # fmt: skip
        assert (told.fault["code"], told.fault["retryable"]) == ("STO-001", "true")
    assert client.acknowledge(message_id, done=True).state == "done"


def test_deliveries_survive_a_locked_database(bus: RunningBus) -> None:
    """What was accepted before the lock is in the mailbox after it, once."""
    letter = bus.letter("G09", "H17", number=8)
    content = bus.signed(letter)
    message_id = bus.client("G09").send_document(content).receipt.message_id
    with locked(bus):
        again = send(bus, content)
    assert again.status == 200
    until(lambda: any(o.message_id == message_id for o in bus.client("H17").list_pending().items))
    found = [o.document_id for o in bus.client("H17").list_pending().items]
    assert found.count(str(letter.document_id)) == 1
