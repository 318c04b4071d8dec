from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from support.store_builders import NOW, later

from bus.config import StoreSettings
from bus.db import Database, SqlDirectory, importing, open_database
from bus.db import directory as directory_module
from bus.db.importing import ImportCounts
from bus.errors import Misconfigured, NotFound
from bus.model import Agency, AgencyState, CodeSystem, KeyBinding, PolicyMode, TrustPolicy

CONNECTED = Agency(
    code="H26.01",
    name="Ủy ban nhân dân Quận Đống Đa",
    codes=((CodeSystem.QD20, "H26.01"), (CodeSystem.QCVN102, "000.00.01.H26")),
    parent="H26",
    state=AgencyState.LIVE,
    policy=TrustPolicy(
        mode=PolicyMode.MTLS,
        require_document_signature=True,
        allow_legacy_signature=True,
        legacy_until=date(2026, 6, 30),
        token_sha256="ab",
    ),
    dialect="qcvn102_java",
    channel="soap",
    address="http://localhost/?wsdl",
    channel_options={"operation": "gửi"},
    speaks_for=("H26.02",),
)
PARENT = Agency(code="H26", name="Thành phố Hà Nội")


@pytest.fixture
def directory(database: Database) -> SqlDirectory:
    database.directory.register(PARENT)
    database.directory.register(CONNECTED)
    return database.directory


@pytest.fixture
def other(settings: StoreSettings, database: Database) -> Iterator[Database]:
    """The same database as another process has it open."""
    opened = open_database(settings)
    yield opened
    opened.close()


def key(agency: str = "H26.01", fingerprint: str = "f1") -> KeyBinding:
    return KeyBinding(
        agency=agency,
        fingerprint=fingerprint,
        certificate_der=b"der",
        subject="CN=x",
        not_before=NOW,
        not_after=later(9),
        bound_at=NOW,
    )


def listed(number: int, **changes: object) -> Agency:
    return replace(Agency(code=f"A{number}", name=f"Đơn vị {number}"), **changes)


def events(database: Database) -> list[tuple[str, str | None]]:
    return [(e.event, e.agency) for e in database.store.events(after=0, limit=99)]


def test_an_agency_comes_back_as_registered(directory: SqlDirectory) -> None:
    """Every field survives, policy, options and delegations included."""
    assert directory.find("H26.01") == CONNECTED


@pytest.mark.parametrize("code", ["H26.01", " h26.01 ", "000.00.01.h26"])
def test_any_code_in_any_spelling_finds_the_agency(directory: SqlDirectory, code: str) -> None:
    """Codes compare trimmed and without case, whatever system they are of."""
    assert directory.find(code) == CONNECTED


def test_unknown_codes_find_nobody(directory: SqlDirectory) -> None:
    """Nobody answers to a code that was not registered, nor to part of one."""
    assert directory.find("H2") is None
    assert directory.ancestors("H2") == ()
    assert directory.binding("none") is None


def test_ancestors_are_told_nearest_first(directory: SqlDirectory) -> None:
    """The chain of parents is walked up by primary codes, and a circle ends."""
    directory.register(listed(1, parent="h26.01"))
    assert directory.ancestors("A1") == ("H26.01", "H26")
    directory.register(replace(PARENT, parent="A1"))
    assert directory.ancestors("A1") == ("H26.01", "H26")
    directory.register(listed(2, parent="A2"))
    assert directory.ancestors("A2") == ()
    directory.register(listed(3, parent="unknown"))
    assert directory.ancestors("A3") == ("unknown",)


def test_children_are_found(directory: SqlDirectory) -> None:
    """The tree is read downwards."""
    assert directory.children("h26") == (CONNECTED,)


def test_two_agencies_never_share_a_code(directory: SqlDirectory) -> None:
    """A code that is another agency's is refused, and nothing changes."""
    thief = listed(1, codes=((CodeSystem.OLD, "000.00.01.H26"),))
    with pytest.raises(Misconfigured) as caught:
        directory.register(thief)
    assert caught.value.code == "CFG-004"
    assert "H26.01" in caught.value.detail
    assert directory.find("A1") is None
    assert directory.find("000.00.01.H26") == CONNECTED


def test_registering_again_replaces_codes_and_keeps_the_spelling(directory: SqlDirectory) -> None:
    """Given-up codes are free, and the primary code stays spelled as messages know it."""
    directory.register(replace(CONNECTED, code="h26.01", codes=(), name="Mới"))
    found = directory.find("H26.01")
    assert found is not None
    assert (found.code, found.name) == ("H26.01", "Mới")
    assert directory.find("000.00.01.H26") is None


def test_state_and_policy_change_alone(directory: SqlDirectory, database: Database) -> None:
    """Locking and a new policy leave the rest as it was, are recorded, and need an agency."""
    directory.set_state("h26.01", AgencyState.LOCKED)
    directory.set_policy("000.00.01.H26", TrustPolicy())
    assert directory.find("H26.01") == replace(
        CONNECTED, state=AgencyState.LOCKED, policy=TrustPolicy()
    )
    recorded = [event for event, _ in events(database)]
    assert recorded == ["agency.registered"] * 2 + ["agency.state", "agency.policy"]
    for change in (
        lambda: directory.set_state("none", AgencyState.LIVE),
        lambda: directory.set_policy("none", TrustPolicy()),
        lambda: directory.bind_key(key("none")),
    ):
        with pytest.raises(NotFound) as caught:
            change()
        assert caught.value.code == "CFG-008"
    assert len(events(database)) == 4


def test_keys_are_bound_to_one_agency_and_revoked_for_ever(directory: SqlDirectory) -> None:
    """A certificate never changes its agency and never comes back."""
    directory.bind_key(key("h26.01"))
    assert directory.binding("f1") == key()
    directory.bind_key(key())
    with pytest.raises(Misconfigured, match=r"bound to H26\.01"):
        directory.bind_key(key("H26"))
    directory.revoke_key("f1", later(1))
    directory.revoke_key("f1", later(2))
    revoked = directory.binding("f1")
    assert revoked is not None
    assert revoked.revoked_at == later(1)
    with pytest.raises(Misconfigured, match="revoked"):
        directory.bind_key(key())
    with pytest.raises(NotFound):
        directory.revoke_key("none", NOW)


def test_keys_are_listed_by_agency(directory: SqlDirectory) -> None:
    """All bindings, or those of one agency under any of its codes."""
    directory.bind_key(key())
    directory.bind_key(key("H26", "f0"))
    assert [k.fingerprint for k in directory.keys(None)] == ["f0", "f1"]
    assert [k.fingerprint for k in directory.keys("000.00.01.H26")] == ["f1"]
    assert directory.keys("none") == ()


def test_all_bindings_are_one_object_until_the_directory_changes(directory: SqlDirectory) -> None:
    """Whoever keeps an index over the bindings sees by identity whether it is still good."""
    directory.bind_key(key())
    first = directory.bindings()
    assert directory.bindings() is first
    directory.revoke_key("f1", later(1))
    second = directory.bindings()
    assert second is not first
    assert [binding.revoked_at for binding in second] == [later(1)]


def test_search_needs_no_accents(directory: SqlDirectory) -> None:
    """Names are found in any spelling, codes by any system, patterns mean themselves."""
    for text in ("dong da", "ĐỐNG ĐA", "000.00.01.h26"):
        found, _, more = directory.search(text, None, 0, 10)
        assert (found, more) == ((CONNECTED,), False)
    assert directory.search("%", None, 0, 10)[0] == ()


def test_search_is_paged(directory: SqlDirectory) -> None:
    """Pages follow each other without gaps, and tell whether more follow."""
    directory.import_agencies((listed(n) for n in range(5)), replace=False)
    pages = [directory.search("don vi", None, offset, 2) for offset in (0, 2, 4)]
    assert [[a.code for a in found] for found, _, _ in pages] == [
        ["A0", "A1"],
        ["A2", "A3"],
        ["A4"],
    ]
    assert [more for _, _, more in pages] == [True, True, False]
    assert len(directory.search(None, None, 0, 50)[0]) == directory.count() == 7


def test_a_client_synchronises_by_version(directory: SqlDirectory) -> None:
    """Asking with the last version tells exactly what changed since, locked agencies included."""
    _, version, _ = directory.search(None, None, 0, 10)
    assert directory.search(None, version, 0, 10) == ((), version, False)
    directory.set_state("H26", AgencyState.LOCKED)
    directory.register(listed(1))
    changed, now, _ = directory.search(None, version, 0, 10)
    assert [a.code for a in changed] == ["H26", "A1"]
    assert now == version + 2 == directory.version()


def test_another_process_is_seen_within_half_a_second(
    directory: SqlDirectory, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes of another process reach the cache as soon as its answers are not fresh any more."""
    clock = [1000.0]
    monkeypatch.setattr(directory_module.time, "monotonic", lambda: clock[0])
    directory._fresh_until = 0.0
    assert directory.find("A1") is None
    other.directory.register(listed(1))
    other.directory.bind_key(key(fingerprint="f9"))
    assert directory.find("A1") is None
    clock[0] += directory_module.FRESH_S
    assert directory.find("A1") == listed(1)
    assert directory.binding("f9") is not None


def test_strange_codes_cannot_fill_the_memory(
    directory: SqlDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache starts anew when it is full."""
    monkeypatch.setattr(directory_module, "_CACHED", 10)
    for number in range(100):
        directory.find(f"strange-{number}")
        assert len(directory._snapshot.found) <= 11
    assert directory.find("H26.01") == CONNECTED


def test_an_import_adds_changes_and_counts(directory: SqlDirectory, database: Database) -> None:
    """Importing a list twice changes nothing the second time, and each import is one record."""
    rows = [listed(n) for n in range(2500)]
    assert directory.import_agencies(rows, replace=False) == ImportCounts(added=2500)
    version = directory.version()
    assert directory.import_agencies(rows, replace=False) == ImportCounts(unchanged=2500)
    assert directory.version() == version
    rows[7] = replace(rows[7], name="Đổi tên")
    counts = directory.import_agencies(rows, replace=False)
    assert counts == ImportCounts(changed=1, unchanged=2499)
    assert [a.code for a in directory.search(None, version, 0, 9)[0]] == ["A7"]
    assert events(database)[-3:] == [("agencies.imported", None)] * 3


def test_an_import_leaves_connections_alone(directory: SqlDirectory) -> None:
    """A list of names and codes disconnects nobody; one that names a connection replaces it."""
    plain = Agency(code="h26.01", name="Tên mới", parent="H26")
    directory.import_agencies([plain], replace=False)
    assert directory.find("H26.01") == replace(CONNECTED, name="Tên mới", codes=())
    named = replace(plain, dialect="qcvn102_dotnet", channel="mailbox")
    directory.import_agencies([named], replace=False)
    assert directory.find("H26.01") == replace(named, code="H26.01")


def test_an_import_undoes_no_policy_it_does_not_speak_of(directory: SqlDirectory) -> None:
    """What `keys policy` set stays where the list has no policy; a new agency has the default."""
    rows = [replace(CONNECTED, policy=TrustPolicy(), speaks_for=()), listed(5)]
    silent = frozenset({"h26.01", "A5"})
    directory.import_agencies(rows, replace=False, without_policy=silent)
    assert directory.find("H26.01") == replace(CONNECTED, speaks_for=())
    assert directory.find("A5") == listed(5)
    directory.import_agencies(rows, replace=False)
    assert directory.find("H26.01") == rows[0]


def test_a_list_may_name_whom_an_agency_speaks_for_by_any_code(directory: SqlDirectory) -> None:
    """Codes of the directory and of the list itself end as primary codes; unknown ones are refused."""
    other = listed(5, codes=((CodeSystem.OLD, "X5"),))
    named = replace(CONNECTED, speaks_for=("h26", "x5", "A5"))
    directory.import_agencies([named, other], replace=False)
    assert directory.find("H26.01") == replace(CONNECTED, speaks_for=("H26", "A5"))
    wrong = replace(CONNECTED, speaks_for=("H26", "K99"))
    with pytest.raises(Misconfigured, match=r"H26\.01 speaks for K99") as caught:
        directory.import_agencies([wrong], replace=False)
    assert caught.value.code == "CFG-004"


def test_a_replacing_import_locks_who_is_missing(directory: SqlDirectory) -> None:
    """Agencies that a new list does not name are locked, not forgotten, and lose moved codes."""
    moved = listed(1, codes=((CodeSystem.QCVN102, "000.00.01.H26"),))
    counts = directory.import_agencies([PARENT, moved], replace=True)
    assert counts == ImportCounts(added=1, unchanged=1, locked=1)
    locked = directory.find("H26.01")
    assert locked is not None
    assert (locked.state, locked.codes) == (AgencyState.LOCKED, ((CodeSystem.QD20, "H26.01"),))
    assert directory.find("000.00.01.H26") == moved
    again = directory.import_agencies([PARENT, moved], replace=True)
    assert again == ImportCounts(unchanged=2)


def test_codes_move_between_listed_agencies(directory: SqlDirectory) -> None:
    """A code that one list takes from one agency and gives to another moves, in either order."""
    directory.import_agencies([listed(1, codes=((CodeSystem.OLD, "X"),)), listed(2)], replace=False)
    for owner, loser in ((2, 1), (1, 2)):
        rows = [listed(owner, codes=((CodeSystem.OLD, "X"),)), listed(loser)]
        directory.import_agencies(sorted(rows, key=lambda a: a.code), replace=False)
        found = directory.find("x")
        assert found is not None
        assert found.code == f"A{owner}"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([listed(1), listed(1)], "listed twice"),
        ([listed(1), listed(2, codes=((CodeSystem.OLD, "a1"),))], "belongs to both A1 and A2"),
        ([listed(1, codes=((CodeSystem.OLD, "H26"),))], "already belongs to H26"),
    ],
)
def test_a_list_with_a_conflict_is_refused_whole(
    directory: SqlDirectory, rows: list[Agency], told: str
) -> None:
    """Nothing of a list is written when two agencies would share a code."""
    before = directory.version()
    with pytest.raises(Misconfigured, match=told) as caught:
        directory.import_agencies([*(listed(n) for n in range(10, 20)), *rows], replace=False)
    assert caught.value.code == "CFG-004"
    assert (directory.version(), directory.count()) == (before, 2)


def test_an_import_never_overwrites_what_was_registered_meanwhile(
    directory: SqlDirectory, database: Database
) -> None:
    """An agency connected between an import's look and its write stays connected."""
    change = importing._Merge([listed(1), listed(2)], frozenset())
    with database.readers.connect() as connection:
        change.prepare(connection)
    directory.register(listed(1, dialect="qcvn102_java", channel="mailbox"))
    database.writer.submit(change.write)
    found = directory.find("A1")
    assert found is not None
    assert found.channel == "mailbox"
    assert change.counts == ImportCounts(added=1, unchanged=1)
    assert directory.find("A2") == listed(2)


def test_a_change_during_a_look_up_is_seen_by_the_next(
    directory: SqlDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version read before a change of this process never makes old answers fresh after it."""
    directory.set_state("H26.01", AgencyState.LIVE)
    directory.find("H26.01")
    read = directory.version

    def overtaken() -> int:
        version = read()
        monkeypatch.undo()
        directory.set_state("H26.01", AgencyState.LOCKED)
        return version

    directory._fresh_until = 0.0
    monkeypatch.setattr(directory, "version", overtaken)
    directory.find("H26.01")
    found = directory.find("H26.01")
    assert found is not None
    assert found.state is AgencyState.LOCKED
