from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.store_builders import NOW, later, new_message, query_of

from bus.db import Database, SqlStore, deliveries
from bus.db.folding import containing, without_accents
from bus.model import DeliveryRecord, DeliveryState, Kind, NewDelivery, NewMessage


def accept(store: SqlStore, message: NewMessage) -> NewMessage:
    assert store.accept(message, query_of(message))
    return message


def settle(store: SqlStore, state: DeliveryState, at: float = 1) -> None:
    batch = store.claim(worker="w", limit=50, lease_s=60, now=later(at))
    records = [
        DeliveryRecord(
            delivery_id=each.delivery_id, lease=batch.lease, state=state, reason="DLV-006",
            due_at=later(at), attempts=each.attempts,
        )
        for each in batch.deliveries
    ]  # fmt: skip
    assert store.record(records, now=later(at)) == len(records) > 0


def plan(database: Database, statement: str) -> str:
    with database.readers.connect() as connection:
        steps = connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))
        return "\n".join(step.detail for step in steps)


def compiled(database: Database, run: object) -> list[str]:
    """The SQL that `run` sends, with its values written in."""
    from sqlalchemy import event

    sent: list[str] = []

    def note(_c: object, _cursor: object, sql: str, values: tuple[object, ...], *_: object) -> None:
        for value in values:
            sql = sql.replace("?", repr(value), 1)
        sent.append(sql)

    event.listen(database.readers, "before_cursor_execute", note)
    run()  # type: ignore[operator]  # a lambda of the test
    event.remove(database.readers, "before_cursor_execute", note)
    return [each for each in sent if each.startswith("SELECT")]


def test_claims_look_only_at_what_is_due(database: Database) -> None:
    """Every look-up of a claim is a range of the partial index, with no sorting of a backlog."""
    with database.readers.connect() as connection:
        sent = compiled(database, lambda: deliveries.due(connection, limit=5, now=NOW))
    assert len(sent) == 5
    for each in sent:
        steps = plan(database, each)
        assert "USING INDEX ix_deliveries_ready (priority=? AND ready_at<?)" in steps
        assert "TEMP B-TREE" not in steps
        assert "SCAN" not in steps


def test_mailboxes_and_lists_are_read_off_their_indexes(database: Database) -> None:
    """Neither a mailbox nor a list of parked deliveries costs what has been delivered."""
    store = database.store
    (mailbox,) = compiled(database, lambda: store.pending("R", kind=None, after=0, limit=9))
    (parked,) = compiled(database, lambda: store.parked(limit=9, after=0))
    for sql, index in ((mailbox, "ix_deliveries_mailbox"), (parked, "ix_deliveries_open")):
        steps = plan(database, sql)
        assert f"INDEX {index}" in steps
        assert "TEMP B-TREE" not in steps


def test_the_record_cannot_be_changed(database: Database) -> None:
    """No connection, however it is opened, updates or deletes an audit row."""
    accept(database.store, new_message("R1"))
    for sql in ("UPDATE audit SET event = 'x'", "DELETE FROM audit"):
        with (
            pytest.raises(IntegrityError, match="never changed"),
            database.writers.begin() as connection,
        ):
            connection.execute(text(sql))
    assert [e.event for e in database.store.events(after=0, limit=9)] == ["accepted"]


def test_messages_are_found_without_accents(database: Database) -> None:
    """Part of a subject in any spelling finds its message; signs of a pattern mean themselves."""
    message = accept(database.store, new_message("R1"))
    accept(database.store, new_message("R1", document_id="doc-2", subject="100% khác"))

    def found(wanted: str) -> list[str]:
        return [m.document_id for m in database.store.list_messages(text=wanted)]

    assert found("DUONG dong đa") == ["doc-1"]
    assert found("0% k") == ["doc-2"]
    assert found("_") == []
    assert found(message.message_id) == found("doc-1") == ["doc-1"]
    assert found("doc-") == ["doc-2", "doc-1"]


def test_lists_are_narrowed_and_paged(database: Database) -> None:
    """Sender, recipient and state narrow a list; pages follow each other, newest first."""
    store = database.store
    for number in range(4):
        accept(store, new_message("R1", "R2", document_id=f"d{number}"))
    accept(store, new_message("R1", document_id="other", sender="X", state=DeliveryState.PARKED))

    def found(**wanted: object) -> list[str]:
        return [m.document_id for m in store.list_messages(**wanted)]  # type: ignore[arg-type]  # checked by the call

    assert found(sender="X") == found(state=DeliveryState.PARKED) == ["other"]
    assert found(recipient="R2", limit=2) == ["d3", "d2"]
    assert found(recipient="R2", limit=2, offset=2) == ["d1", "d0"]
    assert found(recipient="R2", state=DeliveryState.PARKED) == []
    assert found(recipient="R1", sender="X") == ["other"]
    assert found(state=DeliveryState.DONE) == []


def test_dead_deliveries_are_listed_and_sent_again(database: Database) -> None:
    """A retry gives all tries back, is recorded, and wakes the workers."""
    store, woken = database.store, []
    message = accept(store, new_message("R1", "R2"))
    settle(store, DeliveryState.DEAD)
    assert [d.recipient for d in store.dead(9)] == ["R1", "R2"]
    store.on_new_work = lambda: woken.append(1)
    assert store.retry(message.message_id, "R2", later(5)) == 1
    assert store.retry(message.message_id, "R2", later(6)) == 0
    assert woken == [1]
    assert [d.recipient for d in store.dead(9)] == ["R1"]
    (again,) = store.claim(worker="w", limit=9, lease_s=60, now=later(7)).deliveries
    assert (again.recipient, again.attempts, again.due_at) == ("R2", 1, later(5))
    assert store.trace(message.message_id).events[-1].event == "retried"


def test_cancelling_takes_a_delivery_from_its_worker(database: Database) -> None:
    """A cancelled delivery stays cancelled whatever its worker reports, until it is retried."""
    store = database.store
    message = accept(store, new_message("R1", "R2"))
    batch = store.claim(worker="w", limit=9, lease_s=60, now=NOW)
    assert store.cancel(message.message_id, None, later(1)) == 2
    record = DeliveryRecord(
        delivery_id=batch.deliveries[0].delivery_id, lease=batch.lease,
        state=DeliveryState.DONE, reason="", due_at=NOW, attempts=1,
    )  # fmt: skip
    assert store.record([record], now=later(2)) == 0
    assert store.claim(worker="w", limit=9, lease_s=60, now=later(900)).deliveries == ()
    assert store.cancel(message.message_id, None, later(3)) == 0
    assert store.retry(message.message_id, None, later(4)) == 2


def test_held_deliveries_are_let_go_by_a_retry(database: Database) -> None:
    """What a route row holds goes out when an operator says so."""
    message = accept(database.store, new_message("R1", state=DeliveryState.HELD))
    assert database.store.retry(message.message_id, "R1", later(1)) == 1
    assert len(database.store.claim(worker="w", limit=9, lease_s=9, now=later(1)).deliveries) == 1


def test_counts_tell_every_state(database: Database) -> None:
    """States, finished ones included, add up to all deliveries."""
    store = database.store
    accept(store, new_message("R1", "R2"))
    settle(store, DeliveryState.DONE)
    accept(store, new_message("R1", document_id="d2"))
    settle(store, DeliveryState.DEAD)
    accept(store, new_message("R1", "R2", "R3", document_id="d3", state=DeliveryState.PARKED))
    counts = store.counts()
    assert counts["messages"] == 3
    assert {s: n for s, n in counts.items() if n} == {
        "messages": 3, "done": 2, "dead": 1, "parked": 3,
    }  # fmt: skip
    assert {state.value for state in DeliveryState} <= counts.keys()


def test_routing_decisions_can_be_asked_again(database: Database) -> None:
    """Dry runs get what was asked for, before redirects, without copies and notices."""
    store = database.store
    redirected = NewDelivery(
        recipient="NEW", requested="OLD", state=DeliveryState.PENDING, row=4, via="soap"
    )
    copied = NewDelivery(recipient="R9", state=DeliveryState.PENDING, copied=True)
    first = accept(store, new_message("R1", priority=2))
    second = accept(
        store,
        replace(new_message(document_id="d2"), deliveries=(redirected, copied), reserves=("OLD",)),
    )
    found = store.recent_queries(9)
    assert [each.message_id for each in found] == [second.message_id, first.message_id]
    assert (found[0].query.recipient, found[0].recipient) == ("OLD", "NEW")
    assert (found[0].row, found[0].via, found[0].routes_version) == (4, "soap", 7)
    assert (found[1].query.priority, found[1].query.topic) == (2, "edoc.new.cong-van")


def test_workers_are_woken_for_new_work_only(database: Database) -> None:
    """The hook is called after commits that left something pending, and after no others."""
    woken: list[int] = []
    store = database.store
    store.on_new_work = lambda: woken.append(store.counts()["pending"])
    accept(store, new_message("R1"))
    assert woken == [1]
    parked = accept(store, new_message("R1", document_id="p", state=DeliveryState.PARKED))
    accept(store, new_message("R1", document_id="m", state=DeliveryState.AVAILABLE))
    assert woken == [1]
    (waiting,) = store.parked(limit=1, after=0)
    assert waiting.message_id == parked.message_id
    store.reroute(
        waiting.delivery_id,
        NewDelivery(recipient="R1", state=DeliveryState.PENDING),
        routes_version=2,
    )
    assert woken == [1, 2]


def test_strange_priorities_are_normal(database: Database) -> None:
    """A priority nobody knows is delivered like a normal one instead of never."""
    accept(database.store, new_message("R1", priority=99))
    (claimed,) = database.store.claim(worker="w", limit=9, lease_s=9, now=NOW).deliveries
    assert claimed.priority == 0


def test_evidence_is_kept_untouched(database: Database) -> None:
    """What arrived is given back with its media type, kept once when it is the body itself."""
    store = database.store
    for number, evidence in enumerate([b"<soap/>", b"<doc>content</doc>", b"e" * 5000]):
        message = accept(store, new_message("R1", document_id=f"d{number}", evidence=evidence))
        assert store.evidence(message.message_id) == (evidence, "text/xml")
    with database.readers.connect() as connection:
        copies = connection.scalar(
            text("SELECT count(*) FROM bodies WHERE content IS NULL AND file IS NULL")
        )
    assert copies == 1


def test_notices_are_no_documents(database: Database) -> None:
    """Two reports about one document are two messages, and neither is the document."""
    store = database.store
    for _ in range(2):
        accept(store, new_message("R1", document_id=f"x{_}"))
    batch = store.claim(worker="w", limit=9, lease_s=60, now=NOW)
    records = [
        DeliveryRecord(
            delivery_id=each.delivery_id, lease=batch.lease, state=DeliveryState.DEAD, reason="r",
            due_at=NOW, attempts=1,
            notice=new_message("SENDER", kind=Kind.NOTICE, sender="BUS"),
        )
        for each in batch.deliveries
    ]  # fmt: skip
    assert store.record(records, now=later(1)) == 2
    assert store.counts()["messages"] == 4
    assert store.find_documents("BUS", "doc-1") == ()


@pytest.mark.parametrize(
    ("text_", "folded"),
    [("Đà  Nẵng ", "da nang"), ("ĐƯỜNG", "duong"), ("ở\u0309", "o"), ("ß", "ss"), ("", "")],
)
def test_folding_takes_accents_and_strokes(text_: str, folded: str) -> None:
    """Letters with marks, đ among them, become plain; folding twice changes nothing."""
    assert without_accents(text_) == folded
    assert without_accents(folded) == folded


def test_patterns_are_escaped() -> None:
    """Percent, underscore and backslash are searched for, not obeyed."""
    assert containing("50%_\\") == "%50\\%\\_\\\\%"
