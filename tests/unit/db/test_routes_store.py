from __future__ import annotations

import pytest
from support.store_builders import NOW, later

from bus.config import StoreSettings
from bus.db import Database, SqlRoutesStore, open_database
from bus.db.routes_store import CHUNK_ROWS
from bus.errors import NotFound


@pytest.fixture
def routes(database: Database) -> SqlRoutesStore:
    return database.routes


def add(routes: SqlRoutesStore, text: str, *, rows: int = 1, activate: bool = True) -> int:
    numbered = ({"row": number, "match": "edoc.#", "ghi chú": "ấ"} for number in range(rows))
    return routes.add_version(
        text, numbered, source="conf/routes.toml", note=f"note {text}", now=NOW, activate=activate
    )


def test_an_empty_store_routes_by_version_zero(routes: SqlRoutesStore) -> None:
    """Before the first table there is no active version and no history."""
    assert routes.active() == 0
    assert routes.history(9) == ()


def test_a_version_comes_back_as_it_was_stored(routes: SqlRoutesStore) -> None:
    """Text and rows, however many, are given back in order."""
    count = 2 * CHUNK_ROWS + 5
    version = add(routes, "# bảng\n", rows=count)
    assert routes.text(version) == "# bảng\n"
    chunks = list(routes.chunks(version))
    assert [len(chunk) for chunk in chunks] == [CHUNK_ROWS, CHUNK_ROWS, 5]
    assert [row["row"] for chunk in chunks for row in chunk] == list(range(count))
    assert chunks[0][0] == {"row": 0, "match": "edoc.#", "ghi chú": "ấ"}


def test_a_new_version_is_active_at_once_unless_told_otherwise(routes: SqlRoutesStore) -> None:
    """Versions count from one, and the newest routes unless it was only stored."""
    assert (add(routes, "a"), routes.active()) == (1, 1)
    assert (add(routes, "b", activate=False), routes.active()) == (2, 1)
    assert (add(routes, "c", rows=0), routes.active()) == (3, 3)
    assert list(routes.chunks(3)) == []


def test_going_back_is_activating_an_old_version(
    routes: SqlRoutesStore, database: Database
) -> None:
    """A rollback changes which version is active and no stored version, and is recorded."""
    add(routes, "a")
    add(routes, "b")
    routes.activate(1, "b was wrong", later(5))
    history = routes.history(9)
    assert [(v.version, v.active, v.note, v.row_count) for v in history] == [
        (2, False, "note b", 1),
        (1, True, "note a", 1),
    ]
    assert (history[0].created_at, history[0].source) == (NOW, "conf/routes.toml")
    assert len(routes.history(1)) == 1
    last = database.store.events(after=0, limit=99)[-1]
    assert (last.event, last.detail) == ("routes.activated", "version 1: b was wrong")


def test_unknown_versions_change_nothing(routes: SqlRoutesStore) -> None:
    """A version that was never stored cannot be read or activated."""
    add(routes, "a")
    for ask in (
        lambda: routes.text(9),
        lambda: list(routes.chunks(9)),
        lambda: routes.activate(9, "x", NOW),
    ):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.code == "CFG-010"
    assert routes.active() == 1


def test_nodes_say_what_they_run(routes: SqlRoutesStore) -> None:
    """The last word of every node is kept."""
    routes.report_node("b", 1, NOW)
    routes.report_node("a", 1, NOW)
    routes.report_node("b", 2, later(1))
    found = [(n.node, n.routes_version, n.reported_at) for n in routes.nodes()]
    assert found == [("a", 1, NOW), ("b", 2, later(1))]


def test_nodes_that_are_gone_are_forgotten(routes: SqlRoutesStore) -> None:
    """A process that said nothing for a day leaves the list when another one speaks."""
    routes.report_node("gone", 1, NOW)
    routes.report_node("b", 1, later(3600))
    assert [n.node for n in routes.nodes()] == ["b", "gone"]
    routes.report_node("b", 1, later(86_401))
    assert [n.node for n in routes.nodes()] == ["b"]


def test_another_process_sees_the_switch(routes: SqlRoutesStore, settings: StoreSettings) -> None:
    """The active version of one process is the active version of all."""
    other = open_database(settings)
    add(routes, "a")
    assert other.routes.active() == 1
    other.close()
