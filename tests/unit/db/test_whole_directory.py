"""The directory read at once, and bytes read lately: both answer as the store itself does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.config import StoreSettings
from bus.db import open_database, recent, schema, whole_directory
from bus.db.recent import Recent
from tests.support.nation_table import agencies


@pytest.mark.parametrize("few", [0, 5, 10_000])
def test_it_answers_as_single_look_ups_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Every code in every spelling, ancestors and strangers: the same before and after all is read."""
    monkeypatch.setattr(whole_directory, "FEW", few)
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/bus.sqlite3", bodies=tmp_path / "bodies")
    schema.upgrade(settings)
    database = open_database(settings)
    try:
        listed = agencies(150)
        database.directory.import_agencies(listed, replace=True)
        whole = database.directory.whole()
        codes = [code for each in listed for code in (each.code, f" 000.00.{each.code.lower()}")]
        for code in (*codes, "H99", ""):
            assert whole.find(code) == database.directory.find(code)
            assert whole.ancestors(code) == database.directory.ancestors(code)
        assert list(whole.connected()) == list(database.directory.connected())
        assert whole.binding("0" * 64) is None
    finally:
        database.close()


def test_what_was_read_lately_is_bounded_and_soon_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The oldest goes first, a large one is not kept, and an old one is read again."""
    kept: Recent[str] = Recent()
    for number in range(20):
        assert kept.keep(number, str(number), recent.LARGEST_BYTES) == str(number)
    assert kept.get(0) is None
    assert kept.get(19) == "19"
    kept.keep("large", "x", recent.LARGEST_BYTES + 1)
    assert kept.get("large") is None
    monkeypatch.setattr(recent, "BELIEVED_S", -1.0)
    kept.keep(19, "19", 1)
    assert kept.get(19) is None
