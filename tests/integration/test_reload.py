"""Reload: proposed in one place, switched to in another, and never a bad table."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.memory_routes import FixedClock, MemoryDirectory, MemoryRoutesStore, agency

from bus import reload, routing
from bus.config import RoutingSettings
from bus.errors import NotFound, RoutesRefused, StoreUnavailable
from bus.ports import RouteQuery

DIRECTORY = MemoryDirectory([agency("G22"), agency("G06"), agency("H53")])
DELIVER_ALL = "[[route]]\ndeliver = true\n"
HOLD_G06 = '[[route]]\nrecipient = "G06"\nhold = true\n[[route]]\ndeliver = true\n'
TO_G06 = RouteQuery(topic="edoc.new.cong-van", priority=0, sender="G22", recipient="G06")


@dataclass(frozen=True)
class Past:
    """One remembered decision."""

    message_id: str
    query: RouteQuery


@pytest.fixture
def store() -> MemoryRoutesStore:
    return MemoryRoutesStore()


def parts(store: MemoryRoutesStore, directory: MemoryDirectory = DIRECTORY) -> reload.ReloadParts:
    return reload.ReloadParts(
        store=store,
        directory=directory,
        channels={"mailbox", "soap"},
        clock=FixedClock(),
        recent=[Past("m-1", TO_G06)],
    )


@pytest.fixture
def switches() -> list[int]:
    return []


@pytest.fixture
def holder(store: MemoryRoutesStore, switches: list[int]) -> Iterator[reload.RoutesHolder]:
    made = reload.RoutesHolder(
        store,
        DIRECTORY,
        RoutingSettings(poll_s=0.01),
        node="n1",
        clock=FixedClock(),
        on_switch=switches.append,
    )
    yield made
    made.stop()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "did not come about in 20 seconds"
        time.sleep(0.01)


def test_a_proposal_is_stored_active_and_says_what_changes(store: MemoryRoutesStore) -> None:
    """A good table becomes the next version, with the past messages it would treat otherwise."""
    first = reload.propose(DELIVER_ALL, "routes.toml", "start", parts(store))
    assert (first.version, first.previous, first.rows, first.changed) == (1, 0, 1, True)
    assert [each.before.action for each in first.changes] == ["none"]
    second = reload.propose(HOLD_G06, "routes.toml", "hold", parts(store))
    assert (second.version, second.previous, second.replayed) == (2, 1, 1)
    assert [(each.message_id, each.after.action) for each in second.changes] == [("m-1", "hold")]
    assert (store.active(), store.text(2)) == (2, HOLD_G06)
    assert store.versions[1][2:] == ("routes.toml", "hold")


def test_the_same_text_again_stores_nothing(store: MemoryRoutesStore) -> None:
    """A file that is saved and announced twice makes one version."""
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    again = reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    assert (again.version, again.changed, len(store.versions)) == (1, False, 1)


@pytest.mark.parametrize(
    "text", ["[[route", '[[route]]\nrecipient = "G99"\ndeliver = true\n', DELIVER_ALL + HOLD_G06]
)
def test_a_bad_table_never_replaces_a_good_one(store: MemoryRoutesStore, text: str) -> None:
    """Broken, unknown and contradictory tables are refused with problems and not stored."""
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    with pytest.raises(RoutesRefused) as caught:
        reload.propose(text, "routes.toml", "", parts(store))
    assert caught.value.problems
    assert (store.active(), len(store.versions)) == (1, 1)


def test_a_rehearsal_changes_nothing(store: MemoryRoutesStore) -> None:
    """Checking a table tells all a reload would and stores nothing."""
    report = reload.rehearse(HOLD_G06, "routes.toml", parts(store))
    assert (report.version, len(report.changes), store.versions) == (None, 1, [])


def test_rollback_works_even_when_the_directory_moved_on(store: MemoryRoutesStore) -> None:
    """An older version comes back; what is wrong with it today is a warning."""
    reload.propose(HOLD_G06, "routes.toml", "", parts(store))
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    shrunk = MemoryDirectory([agency("G22")])
    report = reload.rollback(1, "2 a.m.", parts(store, shrunk))
    assert (report.version, report.previous, store.active()) == (1, 2, 1)
    assert [(each.rule, each.severity) for each in report.warnings] == [("R10", "warn")]
    assert [each.after.action for each in report.changes] == ["hold"]
    with pytest.raises(NotFound):
        reload.rollback(9, "", parts(store))


def test_before_the_first_table_everything_is_parked(holder: reload.RoutesHolder) -> None:
    """Version 0 is the empty table."""
    assert holder.load_now() == 0
    assert (holder.current().version, holder.current().decide(TO_G06).action) == (0, "none")


def test_a_node_switches_tells_the_store_and_wakes_parked_messages(
    store: MemoryRoutesStore, holder: reload.RoutesHolder, switches: list[int]
) -> None:
    """A running node follows the active version, back and forth, without a restart."""
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    assert holder.load_now() == 1
    holder.start()
    eventually(lambda: store.nodes == {"n1": 1})
    reload.propose(HOLD_G06, "routes.toml", "", parts(store))
    eventually(lambda: store.nodes == {"n1": 2})
    assert holder.current().decide(TO_G06).action == "hold"
    reload.rollback(1, "", parts(store))
    eventually(lambda: store.nodes == {"n1": 1})
    eventually(lambda: switches == [1, 2, 1])
    assert holder.current().decide(TO_G06).action == "deliver"


def test_a_version_that_cannot_be_loaded_keeps_the_running_one(
    store: MemoryRoutesStore, holder: reload.RoutesHolder, switches: list[int]
) -> None:
    """A damaged version is reported and not tried again; the next good one is taken."""
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    assert holder.refresh()
    store.add_version("?", [{"number": 7}], source="", note="", now=FixedClock().now())
    assert not holder.refresh()
    assert (holder.current().version, store.nodes) == (1, {"n1": 1})
    assert holder.trouble is not None
    assert "version 2" in holder.trouble
    assert not holder.refresh()
    reload_version = store.add_version(
        "", [{"number": 1}], source="", note="", now=FixedClock().now()
    )
    assert holder.refresh()
    assert (holder.current().version, holder.trouble, switches) == (reload_version, None, [1, 3])


def test_a_store_that_is_away_is_asked_again(
    store: MemoryRoutesStore, holder: reload.RoutesHolder, switches: list[int]
) -> None:
    """While the store cannot answer the running table stays; afterwards the node catches up."""
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    store.down = True
    assert not holder.refresh()
    assert holder.trouble is not None
    with pytest.raises(StoreUnavailable):
        holder.load_now()
    store.down = False
    assert holder.refresh()
    assert (holder.trouble, switches, holder.current().version) == (None, [1], 1)


def test_a_listener_that_fails_is_called_again(store: MemoryRoutesStore) -> None:
    """Parked messages are looked at even when the first try found the store away."""
    calls: list[int] = []

    def fails_once(version: int) -> None:
        calls.append(version)
        if len(calls) == 1:
            raise StoreUnavailable("away")

    holder = reload.RoutesHolder(
        store, DIRECTORY, RoutingSettings(), node="n1", clock=FixedClock(), on_switch=fails_once
    )
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    holder.refresh()
    holder.refresh()
    holder.refresh()
    assert calls == [1, 1]


def test_versions_live_in_the_real_store(tmp_path: Path) -> None:
    """Propose, switch, refuse and roll back on SQLite, as commands and a node do."""
    from bus.config import StoreSettings
    from bus.db import open_database, schema

    settings = StoreSettings(
        url=f"sqlite:///{tmp_path / 'bus.sqlite3'}", bodies=tmp_path / "bodies"
    )
    schema.upgrade(settings)
    database = open_database(settings)
    try:
        made = replace(parts(MemoryRoutesStore()), store=database.routes)
        node = reload.RoutesHolder(
            database.routes,
            DIRECTORY,
            RoutingSettings(),
            node="n1",
            clock=FixedClock(),
            on_switch=lambda _version: None,
        )
        assert node.load_now() == 0
        assert reload.propose(DELIVER_ALL, "routes.toml", "first", made).version == 1
        many = "".join(f'[[route]]\ntopic = "edoc.new.t{n}"\nhold = true\n' for n in range(1_500))
        assert reload.propose(many + HOLD_G06, "routes.toml", "second", made).version == 2
        assert node.refresh()
        assert node.current().decide(TO_G06).row == 1_501
        with pytest.raises(RoutesRefused):
            reload.propose("[[route]]", "routes.toml", "", made)
        assert reload.rollback(1, "back", made).previous == 2
        assert node.refresh()
        assert node.current().decide(TO_G06).action == "deliver"
        assert [(each.node, each.routes_version) for each in database.routes.nodes()] == [("n1", 1)]
        with pytest.raises(NotFound):
            reload.rollback(9, "", made)
    finally:
        database.close()


def test_a_hundred_reloads_misroute_nothing(
    store: MemoryRoutesStore, holder: reload.RoutesHolder
) -> None:
    """While tables change, every decision is that of the version it says it is."""
    wanted = {0: "deliver", 1: "hold"}
    reload.propose(DELIVER_ALL, "routes.toml", "", parts(store))
    holder.load_now()
    holder.start()
    wrong: list[tuple[int, str]] = []
    stop = threading.Event()
    asked = 0

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            routes = holder.current()
            action = routes.decide(TO_G06).action
            asked += 1
            if action != wanted[(routes.version - 1) % 2]:
                wrong.append((routes.version, action))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for turn in range(1, 101):
            text = HOLD_G06 if turn % 2 else DELIVER_ALL
            version = reload.propose(text, "routes.toml", "", parts(store)).version
            eventually(lambda version=version: holder.current().version == version)  # type: ignore[misc]  # bound early on purpose
    finally:
        stop.set()
        thread.join()
    assert not wrong
    assert asked > 100


def test_a_national_table_loads_beside_running_work(store: MemoryRoutesStore) -> None:
    """100,000 rows over 111,000 agencies load in pieces and decide as the plain reading does."""
    chance = random.Random(3)
    provinces = [agency(f"H{n:02}") for n in range(63)]
    units = [agency(f"H{n % 63:02}.{n}", parent=f"H{n % 63:02}") for n in range(111_000)]
    directory = MemoryDirectory(provinces + units)
    rows = [
        routing.Row(
            number=at,
            topic=chance.choice(["#", "edoc.#"]),
            recipient=(f"H{at % 63:02}.{at}",),
            action=chance.choice([routing.Action.DELIVER, routing.Action.HOLD]),
        )
        for at in range(1, 100_000)
    ]
    rows.append(routing.Row(number=100_000))
    store.add_version("", routing.to_dicts(rows), source="", note="", now=FixedClock().now())
    holder = reload.RoutesHolder(
        store, directory, RoutingSettings(), node="n", clock=FixedClock(), on_switch=lambda _v: None
    )
    turns = Turns()
    turns.start()
    assert holder.refresh()
    turns.finish()
    print(f"longest pause of a thread beside the load: {turns.longest_s * 1000:.1f} ms")
    assert turns.count > 100
    assert holder.current().version == 1
    for at in chance.sample(range(1, 100_000), 15):
        query = RouteQuery(
            topic=chance.choice(["edoc.new.khac", "status.03"]),
            priority=0,
            sender="H01",
            recipient=f"H{at % 63:02}.{at}",
        )
        assert holder.current().decide(query) == routing.naive_decide(rows, query, directory)


class Turns(threading.Thread):
    """Measures how long a thread of the serving process is kept waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.longest_s = 0.0
        self.count = 0
        self._end = threading.Event()

    def run(self) -> None:
        """Take a turn every millisecond and note the longest wait for one."""
        last = time.monotonic()
        while not self._end.is_set():
            time.sleep(0.001)
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - last)
            self.count += 1
            last = now

    def finish(self) -> None:
        """End and wait for the end."""
        self._end.set()
        self.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "conf" / "routes.toml"
    path.parent.mkdir()
    path.write_text(DELIVER_ALL, encoding="utf-8")
    return path


def watcher(
    file: Path, results: list[int], program: str, *, watch: bool
) -> reload.RoutesFileWatcher:
    settings = RoutingSettings(file=file, watch=watch)
    return reload.RoutesFileWatcher(settings, (sys.executable, "-c", program), results.append)


def test_saving_the_file_runs_the_reload_and_touching_it_does_not(file: Path) -> None:
    """Another content, written in place or renamed into place, is announced; a new date is not."""
    results: list[int] = []
    watching = watcher(file, results, "raise SystemExit(0)", watch=True)
    watching.start()
    try:
        time.sleep(0.5)
        file.touch()
        (file.parent / "other.toml").write_text("x", encoding="utf-8")
        time.sleep(1.0)
        assert results == []
        file.write_text(HOLD_G06, encoding="utf-8")
        eventually(lambda: results == [0])
        new = file.with_suffix(".new")
        new.write_text(DELIVER_ALL, encoding="utf-8")
        new.replace(file)
        eventually(lambda: results == [0, 0])
    finally:
        watching.stop()


def test_a_signal_runs_the_reload_and_survives_its_failure(file: Path) -> None:
    """A child that refuses or crashes is reported by its exit code; the next trigger is served."""
    results: list[int] = []
    program = f"import pathlib, sys; sys.exit(pathlib.Path({str(file)!r}).read_text() == 'bad')"
    watching = watcher(file, results, program, watch=False)
    watching.start()
    try:
        file.write_text("bad", encoding="utf-8")
        watching.trigger()
        eventually(lambda: results == [1])
        file.write_text("good", encoding="utf-8")
        watching.trigger()
        eventually(lambda: results == [1, 0])
    finally:
        watching.stop()


def test_triggers_during_a_reload_are_answered_by_one_more(file: Path) -> None:
    """However often the signal comes while a child works, one further child follows."""
    results: list[int] = []
    gate = file.parent / "gate"
    program = (
        f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)"
    )
    watching = watcher(file, results, program, watch=False)
    watching.start()
    try:
        watching.trigger()
        eventually(lambda: watching._child is not None)
        for _ in range(5):
            watching.trigger()
        gate.touch()
        eventually(lambda: len(results) >= 2)
        time.sleep(0.3)
        assert results == [0, 0]
    finally:
        watching.stop()


def test_stopping_ends_a_running_child(file: Path) -> None:
    """A stop does not wait for a reload that hangs."""
    results: list[int] = []
    watching = watcher(file, results, "import time; time.sleep(600)", watch=False)
    watching.start()
    watching.trigger()
    eventually(lambda: watching._child is not None)
    watching.stop()
    assert results != [0]
    assert watching._child is not None
    assert watching._child.poll() is not None


def test_a_command_that_cannot_start_is_reported(file: Path) -> None:
    """A missing program is a failed reload, not a dead watcher."""
    results: list[int] = []
    watching = reload.RoutesFileWatcher(
        RoutingSettings(file=file, watch=False), (str(file.parent / "absent"),), results.append
    )
    watching.start()
    try:
        watching.trigger()
        watching.trigger()
        eventually(lambda: results[:1] == [-1])
    finally:
        watching.stop()
