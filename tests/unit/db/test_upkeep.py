from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.store_builders import NOW, new_message, query_of

from bus.config import StoreSettings
from bus.db import Database
from bus.db.check import Finding, check_database
from bus.db.store import utc_now
from bus.db.sweeper import LEASE_S, Sweeper, sweep
from bus.errors import StoreUnavailable
from bus.model import NewMessage, Rendering


@pytest.fixture
def large(database: Database) -> NewMessage:
    """A message whose body, evidence and rendering are files."""
    message = new_message("R1", body=b"b" * 2000, evidence=b"e" * 2000)
    assert database.store.accept(message, query_of(message))
    database.store.keep_rendering(
        message.message_id, Rendering(dialect="d", content=b"r" * 2000, original=False)
    )
    return message


def leave(folder: Path, name: str, *, age_s: float) -> Path:
    file = folder / "ab" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"left")
    at = datetime.now(UTC).timestamp() - age_s
    os.utime(file, (at, at))
    return file


def age(folder: Path) -> list[Path]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    for file in files:
        os.utime(file, (1, 1))
    return files


def test_orphans_are_swept_again_and_again_until_the_end(
    database: Database, settings: StoreSettings
) -> None:
    """What is left behind later goes, too; a store that is away does not end the sweeping."""
    rounds: list[int] = []

    def look(_: Database, **facts: Any) -> int:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise StoreUnavailable("away")
        return sweep(database, **facts)

    sweeper = Sweeper(database, utc_now, every_s=0.01, work=look)
    left = leave(settings.bodies, "left", age_s=2 * LEASE_S)
    sweeper.start()
    deadline = time.monotonic() + 20
    while left.exists() or len(rounds) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    sweeper.stop()
    ended = len(rounds)
    time.sleep(0.05)
    assert len(rounds) == ended


def findings(database: Database) -> list[tuple[str, str | None]]:
    return [(each.kind, each.message_id) for each in check_database(database)]


def test_only_old_orphans_are_swept(
    database: Database, settings: StoreSettings, large: NewMessage
) -> None:
    """Files older than the lease that no row names go; every other file stays."""
    kept = age(settings.bodies)
    assert len(kept) == 3
    orphan = leave(settings.bodies, "m.abcd", age_s=7200)
    unfinished = leave(settings.bodies, "m.abcd.1f.part", age_s=7200)
    young = leave(settings.bodies, "n.abcd", age_s=10)
    assert sweep(database, now=datetime.now(UTC)) == 2
    assert not orphan.exists()
    assert not unfinished.exists()
    assert young.exists()
    assert all(file.exists() for file in kept)
    assert database.store.body(large.message_id) == large.body


def test_a_lost_race_leaves_nothing_behind(
    database: Database, settings: StoreSettings, large: NewMessage
) -> None:
    """The body of a message that was not stored is gone at once, and no sweeper has to wait."""
    kept = age(settings.bodies)
    loser = new_message("R1", body=b"z" * 2000, content="content")
    assert not database.store.accept(loser, query_of(loser))
    assert age(settings.bodies) == kept
    assert sweep(database, now=datetime.now(UTC)) == 0


def test_a_sound_store_has_no_findings(database: Database, large: NewMessage) -> None:
    """A check of an undamaged store finds nothing."""
    assert findings(database) == []


def test_damage_is_found_and_named(
    database: Database, settings: StoreSettings, large: NewMessage
) -> None:
    """Changed and missing bytes, in files and rows, and orphans are all told."""
    small = new_message("R1", document_id="small")
    assert database.store.accept(small, query_of(small))
    files = sorted(
        (p for p in settings.bodies.rglob("*") if p.is_file()), key=lambda p: p.read_bytes()
    )
    files[0].write_bytes(b"changed")
    files[1].unlink()
    leave(settings.bodies, "orphan.1", age_s=0)
    with database.writers.begin() as connection:
        connection.execute(
            text("UPDATE bodies SET content = x'00' WHERE content IS NOT NULL AND part = 'body'")
        )
    found = findings(database)
    assert found.count(("body", large.message_id)) == 2
    assert found.count(("body", small.message_id)) == 1
    assert found.count(("orphan", None)) == 1
    assert len(found) == 4


def test_a_message_without_its_body_is_found(database: Database) -> None:
    """A body row that is gone or belongs to other bytes is told."""
    for number in range(2):
        message = new_message("R1", document_id=f"d{number}", at=NOW)
        assert database.store.accept(message, query_of(message))
    with database.writers.begin() as connection:
        connection.execute(text("DELETE FROM bodies WHERE message = 1 AND part = 'body'"))
        connection.execute(text("UPDATE messages SET body_sha256 = 'x' WHERE id = 2"))
    details = {each.detail for each in check_database(database) if isinstance(each, Finding)}
    assert details == {"the message has no body", "the body is another one"}
