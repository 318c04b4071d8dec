"""What was agreed with one receiver: the operation, its arguments, and what counts as taken.

Read from the options of its registration, so that a receiver with a WSDL of its own needs no code:

* `operation`, `service`, `port`: which operation to call; the default is `Receive` of receiver-1.
* `endpoint`: where to send, when the WSDL names another host than its own.
* `security`: `signature` (default) signs every request with WS-Security, `none` does not.
* `arg.<name>` = source: one argument; dots nest (`arg.header.from`).
* `ok` = `<field>:<value>`: the only answer that counts as taken; `|` separates several values.
* `reason`, `reference`: fields of the answer to quote.
* `already` = text: a fault that contains it says that an earlier push arrived after all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pybase64

from bus import errors
from bus.channels import outcomes
from bus.model import Outcome, OutcomeKind
from bus.ports import Parcel

SECURITY = ("signature", "none")
_OPERATION = "Receive"
_OK = "accepted:true"
_ARGUMENT = "arg."
_LITERAL = "text:"


def _text(parcel: Parcel) -> str:
    try:
        return parcel.rendering.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise errors.DeliveryRefused("content is not UTF-8 text", code="DLV-005") from error


SOURCES: dict[str, Callable[[Parcel], object]] = {
    "messageId": lambda parcel: parcel.delivery.message_id,
    "kind": lambda parcel: parcel.delivery.kind.value,
    "topic": lambda parcel: parcel.delivery.topic,
    "sender": lambda parcel: parcel.delivery.sender,
    "recipient": lambda parcel: parcel.recipient.code,
    "documentId": lambda parcel: parcel.delivery.document_id,
    "subject": lambda parcel: parcel.delivery.subject,
    "priority": lambda parcel: parcel.delivery.priority,
    "dialect": lambda parcel: parcel.rendering.dialect,
    "contentType": lambda parcel: parcel.rendering.content_type,
    "sha256": lambda parcel: hashlib.sha256(parcel.rendering.content).hexdigest(),
    "size": lambda parcel: len(parcel.rendering.content),
    # The bytes for a parameter of type base64Binary, and two forms for parameters of type string.
    "content": lambda parcel: parcel.rendering.content,
    "content_base64": lambda parcel: pybase64.b64encode(parcel.rendering.content).decode(),
    "content_text": _text,
}

#: Sources that cost as much as the content is long.
_OF_CONTENT = frozenset({"sha256", "size", "content", "content_base64", "content_text"})

_RECEIVE = {
    name: name
    for name in (
        "messageId",
        "kind",
        "topic",
        "sender",
        "documentId",
        "sha256",
        "contentType",
        "content",
    )
}
_OPTIONS = frozenset(
    {
        "operation",
        "service",
        "port",
        "endpoint",
        "security",
        "ok",
        "reason",
        "reference",
        "already",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One receiver's options, checked."""

    operation: str = _OPERATION
    service: str | None = None
    port: str | None = None
    endpoint: str | None = None
    signed: bool = True
    #: (argument name, source), in the order of the registration.
    arguments: tuple[tuple[str, str], ...] = tuple(_RECEIVE.items())
    ok_field: str = ""
    ok_values: tuple[str, ...] = ()
    reason: str = "reason"
    reference: str = "reference"
    already: str = ""

    def values(self, parcel: Parcel) -> list[object]:
        """A value for every argument, in their order; Raises DeliveryRefused DLV-005."""
        return [_value(source, parcel) for _, source in self.arguments]

    def facts(self, parcel: Parcel) -> tuple[object, ...]:
        """What `values` depends on besides the content; cheap, and equal for equal calls."""
        return tuple(
            _value(source, parcel) for _, source in self.arguments if source not in _OF_CONTENT
        )

    def fill(self, values: Sequence[object]) -> dict[str, object]:
        """The arguments of the call from their values."""
        filled: dict[str, object] = {}
        for (name, _), value in zip(self.arguments, values, strict=True):
            *outer, last = name.split(".")
            place = filled
            for step in outer:
                inner = place.setdefault(step, {})
                assert isinstance(inner, dict)  # noqa: S101 - read() refuses other shapes
                place = inner
            place[last] = value
        return filled

    def judge(self, reply: object) -> Outcome:
        """What a reply without a fault means; `reply` is plain dicts, lists and scalars.

        Raises DeliveryRefused DLV-004 when it says no, PeerUnavailable DLV-003 when it says nothing.
        """
        reference = outcomes.bounded(_spoken(_find(reply, self.reference)))
        if not self.ok_field:
            return Outcome(kind=OutcomeKind.DONE, reason=reference)
        found = _spoken(_find(reply, self.ok_field))
        if not found:
            raise errors.PeerUnavailable(f"no {self.ok_field} in the answer", code="DLV-003")
        if found.casefold() in self.ok_values:
            return Outcome(kind=OutcomeKind.DONE, reason=reference)
        why = _spoken(_find(reply, self.reason)) if isinstance(reply, Mapping) else ""
        raise errors.DeliveryRefused(outcomes.bounded(f"{self.ok_field}={found} {why}"))

    def has_it(self, refusal: errors.BusError) -> bool:
        """Whether a refusal really says that the receiver has the message already."""
        return bool(self.already) and self.already.casefold() in refusal.detail.casefold()


def read(options: Mapping[str, str]) -> Agreement:
    """Check a registration's options; Raises Misconfigured CFG-002 naming the one that is wrong."""
    arguments = tuple(
        (name.removeprefix(_ARGUMENT), source)
        for name, source in options.items()
        if name.startswith(_ARGUMENT)
    )
    _check(options, arguments)
    operation = options.get("operation", _OPERATION)
    ours = operation == _OPERATION and not arguments
    field, _, values = options.get("ok", _OK if ours else "").partition(":")
    return Agreement(
        operation=operation,
        service=options.get("service"),
        port=options.get("port"),
        endpoint=options.get("endpoint"),
        signed=options.get("security", SECURITY[0]) == SECURITY[0],
        arguments=arguments or tuple(_RECEIVE.items()),
        ok_field=field,
        ok_values=tuple(value.strip().casefold() for value in values.split("|")),
        reason=options.get("reason", "reason"),
        reference=options.get("reference", "reference"),
        already=options.get("already", ""),
    )


def _check(options: Mapping[str, str], arguments: tuple[tuple[str, str], ...]) -> None:
    for name in options:
        if name not in _OPTIONS and not name.startswith(_ARGUMENT):
            raise errors.Misconfigured(f"channel option {name!r}", code="CFG-002")
    if options.get("security", SECURITY[0]) not in SECURITY:
        raise errors.Misconfigured("channel option security", code="CFG-002")
    if "ok" in options and not all(options["ok"].partition(":")):
        raise errors.Misconfigured("channel option ok: <field>:<value>", code="CFG-002")
    names = {name for name, _ in arguments}
    for name, source in arguments:
        steps = name.split(".")
        nested = any(".".join(steps[:depth]) in names for depth in range(1, len(steps)))
        if nested or not all(steps) or not _known(source):
            raise errors.Misconfigured(f"channel option arg.{name} = {source!r}", code="CFG-002")


def _known(source: str) -> bool:
    return source in SOURCES or source.startswith(_LITERAL)


def _value(source: str, parcel: Parcel) -> object:
    if source.startswith(_LITERAL):
        return source.removeprefix(_LITERAL)
    return SOURCES[source](parcel)


def _find(reply: object, path: str) -> object:
    """The field at a dotted path; a reply of one value has no names left and is that value."""
    if not isinstance(reply, Mapping):
        return reply
    found: object = reply
    for step in path.split("."):
        if isinstance(found, list) and found:
            found = found[0]
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _spoken(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).strip()
