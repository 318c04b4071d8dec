from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from support.store_builders import later, new_message, query_of
from support.storm import settings_in

from bus.db import Database, open_database, schema
from bus.db.check import check_database
from bus.db.sweeper import sweep

ROOT = Path(__file__).resolve().parents[2]


def storm(folder: Path, first: int, acknowledgements: int) -> dict[str, str]:
    """Run a storm, kill it after some acknowledgements; document number → message id."""
    child = subprocess.Popen(
        [sys.executable, "-m", "support.storm", str(folder), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"},
    )
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(acknowledgements)]
    child.kill()
    told += child.stdout.readlines()
    child.stdout.close()
    assert child.wait() == -9
    return dict(line.split() for line in told if line.endswith("\n"))


def stored(database: Database) -> dict[str, str]:
    with database.readers.connect() as connection:
        found = connection.execute(text("SELECT document_id, message_id FROM messages")).all()
    assert len({row.document_id for row in found}) == len(found)
    return {row.document_id.removeprefix("d"): row.message_id for row in found}


@pytest.mark.parametrize("acknowledgements", [1, 40, 150])
def test_a_killed_process_loses_nothing_it_acknowledged(
    tmp_path: Path, acknowledgements: int
) -> None:
    """After kill -9 in a storm everything acknowledged is there once, whole, and nothing by halves."""
    settings = settings_in(tmp_path)
    schema.upgrade(settings)
    acknowledged = storm(tmp_path, 0, acknowledgements)
    acknowledged |= storm(tmp_path, 1_000_000, acknowledgements)
    database = open_database(settings)
    there = stored(database)
    assert len(acknowledged) >= 2 * acknowledgements
    assert acknowledged.items() <= there.items()
    assert database.store.counts()["pending"] == 2 * len(there)
    sweep(database, now=later(10**9))
    assert list(check_database(database)) == []
    for number, message_id in acknowledged.items():
        assert database.store.body(message_id).startswith(f"body {number} ".encode())
    database.close()


def test_sending_again_after_a_crash_stores_only_what_is_missing(tmp_path: Path) -> None:
    """Every request may be repeated after a crash: what was stored is not stored again."""
    settings = settings_in(tmp_path)
    schema.upgrade(settings)
    storm(tmp_path, 0, 60)
    database = open_database(settings)
    before = stored(database)
    highest = max(int(number) for number in before)
    for number in range(highest + 3):
        message = new_message("R1", "R2", document_id=f"d{number}", content=str(number))
        assert database.store.accept(message, query_of(message)) is (str(number) not in before)
    assert len(stored(database)) == highest + 3
    database.close()
