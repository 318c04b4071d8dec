"""bus messages: find, show, trace, retry and cancel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bus.cli import output, parts
from bus.errors import NotFound
from bus.journey.route import primary
from bus.model import Delivery, DeliveryState

if TYPE_CHECKING:
    from bus.db import Database

app = typer.Typer(help="Messages and their deliveries.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="Message id, as the receipt names it.")]
To = Annotated[str | None, typer.Option("--to", help="Only this recipient.")]


@app.command("list")
def list_(
    sender: Annotated[str | None, typer.Option("--from", help="Only from this agency.")] = None,
    recipient: To = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only in this state.")] = None,
    text: Annotated[str | None, typer.Option(help="In the subject or the document id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json: output.JsonFlag = False,
) -> None:
    """List messages with their deliveries, newest first."""
    with parts.database() as database:
        sender, recipient = _primary(database, sender), _primary(database, recipient)
        messages = database.store.list_messages(
            sender=sender, recipient=recipient, state=state, text=text, limit=limit, offset=0
        )
        found = [
            (message, delivery)
            for message in messages
            for delivery in database.store.trace(message.message_id).deliveries
            if state in {None, delivery.state} and recipient in {None, delivery.recipient}
        ]
    if json:
        output.emit([delivery for _, delivery in found])
        return
    output.table(
        f"{len(messages)} messages",
        ("message", "received", "topic", "from", "to", "state", "tries", "reason"),
        [
            (
                m.message_id,
                m.received_at,
                m.topic,
                m.sender,
                d.recipient,
                d.state,
                d.attempts,
                d.reason,
            )
            for m, d in found
        ],
    )


@app.command()
def show(
    message_id: Id,
    body: Annotated[Path | None, typer.Option(help="Write the stored body here.")] = None,
    json: output.JsonFlag = False,
) -> None:
    """Show one message: facts, receipt, deliveries."""
    with parts.database() as database:
        found = database.store.trace(message_id)
        if body is not None:
            body.write_bytes(database.store.body(message_id))
    if json:
        output.emit({"message": found.message, "deliveries": found.deliveries})
        return
    facts = output.plain(found.message)
    output.table("Message", ("field", "value"), [(k, v) for k, v in facts.items()])
    _deliveries(found.deliveries)


@app.command()
def trace(message_id: Id, json: output.JsonFlag = False) -> None:
    """Show the whole timeline of one message: events, deliveries, business statuses."""
    with parts.database() as database:
        found = database.store.trace(message_id)
    if json:
        output.emit(found)
        return
    output.table(
        f"{found.message.topic} {found.message.subject}",
        ("when", "event", "agency", "code", "detail"),
        [(e.at, e.event, e.agency, e.code, e.detail) for e in found.events],
    )
    _deliveries(found.deliveries)
    if found.statuses:
        output.table(
            "Business statuses",
            ("when", "by", "code", "description"),
            [(s.at, s.reporter, s.code, s.description) for s in found.statuses],
        )


@app.command()
def retry(message_id: Id, recipient: To = None, json: output.JsonFlag = False) -> None:
    """Send dead or cancelled deliveries again."""
    from bus.clock import SystemClock

    with parts.database() as database:
        recipient = _primary(database, recipient)
        count = database.store.retry(message_id, recipient, SystemClock().now())
    _changed("retried", count, message_id, as_json=json)


@app.command()
def cancel(message_id: Id, recipient: To = None, json: output.JsonFlag = False) -> None:
    """Stop deliveries that are not settled yet."""
    from bus.clock import SystemClock

    with parts.database() as database:
        recipient = _primary(database, recipient)
        count = database.store.cancel(message_id, recipient, SystemClock().now())
    _changed("cancelled", count, message_id, as_json=json)


def _primary(database: Database, code: str | None) -> str | None:
    """The code under which an agency's messages are kept; as given where nobody has it."""
    return None if code is None else primary(code, database.directory)


def _changed(verb: str, count: int, message_id: str, *, as_json: bool) -> None:
    if count == 0:
        raise NotFound(f"{message_id}: nothing to be {verb}.")
    if as_json:
        output.emit({verb: count})
    else:
        typer.echo(f"{verb} {count}")


def _deliveries(found: tuple[Delivery, ...]) -> None:
    output.table(
        "Deliveries",
        ("to", "state", "tries", "row", "routes", "reason", "due", "updated"),
        [
            (d.recipient, d.state, d.attempts, d.row, d.routes_version, d.reason, d.due_at,
             d.updated_at)
            for d in found
        ],
    )  # fmt: skip
