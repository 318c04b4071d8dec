"""One row of the topic table and its plain form for storage."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bus.errors import RoutesRefused

#: The term that every agency fits.
ANY = "*"
#: What a term for an agency and everything below it begins with.
UNDER = "under:"
#: The mask of a row that takes every priority.
ALL_PRIORITIES = 0b11111


class Action(enum.StrEnum):
    """What a row decides."""

    DELIVER = "deliver"
    VIA = "via"
    REDIRECT = "redirect"
    HOLD = "hold"
    REJECT = "reject"
    #: Adds recipients and lets the search go on.
    COPY = "copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: conditions that must all hold, and what it decides."""

    #: Position in the table, from 1.
    number: int
    #: Line of its `[[route]]` in the file, from 1; 0 when unknown.
    line: int = 0
    topic: str = "#"
    #: Priorities it takes, ascending; empty for every one.
    priority: tuple[int, ...] = ()
    #: Terms of which one must fit: a code, `under:CODE`, or `*` alone.
    sender: tuple[str, ...] = (ANY,)
    recipient: tuple[str, ...] = (ANY,)
    action: Action = Action.DELIVER
    #: The channel or peer of `via`, the recipient of `redirect`.
    target: str | None = None
    #: Recipients that a `copy` row adds.
    copies: tuple[str, ...] = ()
    #: Why a `reject` row refuses, told to the sender.
    reason: str = ""
    #: The operator's remark, for people only.
    note: str = ""

    @property
    def mask(self) -> int:
        """The priorities as bits, lowest bit for normal."""
        return sum(1 << each for each in self.priority) or ALL_PRIORITIES


def priority_bit(priority: int) -> int:
    """The bit of one message's priority; what is out of range counts as normal."""
    return 1 << priority if 0 <= priority <= 4 else 1


_DEFAULTS: dict[str, Any] = {
    "line": 0,
    "topic": "#",
    "priority": (),
    "sender": (ANY,),
    "recipient": (ANY,),
    "action": Action.DELIVER,
    "target": None,
    "copies": (),
    "reason": "",
    "note": "",
}
_TUPLES = frozenset({"priority", "sender", "recipient", "copies"})


def to_dict(row: Row) -> dict[str, Any]:
    """The row as plain JSON values; what has its default is left out."""
    plain: dict[str, Any] = {"number": row.number}
    for name, default in _DEFAULTS.items():
        value = getattr(row, name)
        if value != default:
            plain[name] = list(value) if name in _TUPLES else value
    return plain


def from_dict(plain: Mapping[str, Any]) -> Row:
    """The row that to_dict() wrote; Raises RoutesRefused when it is none."""
    try:
        fields = {name: _stored(name, value) for name, value in plain.items()}
        return Row(**fields)
    except (TypeError, ValueError) as error:
        raise RoutesRefused(f"stored row {plain!r}: {error}") from error


def _stored(name: str, value: Any) -> Any:
    if name in _TUPLES:
        return tuple(value)
    return Action(value) if name == "action" else value


def to_dicts(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Every row as plain JSON values, in order."""
    return [to_dict(row) for row in rows]
