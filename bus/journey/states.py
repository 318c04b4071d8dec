"""What each step hands to the next: types change at every step, so none can be skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.model import (
    Agency,
    Caller,
    Coverage,
    Delivery,
    Loss,
    Message,
    NewDelivery,
    Outcome,
    Problem,
    Rendering,
    SignatureVerdict,
    Submission,
)
from bus.ports import Dialect, Parsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Bytes within every limit, junk before the first `<` taken off."""

    submission: Submission
    body: bytes = field(repr=False)
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Bytes whose meaning the proof covers, and the agency that proved itself."""

    submission: Submission
    body: bytes = field(repr=False)
    caller: Caller
    coverage: Coverage
    document_verdict: SignatureVerdict | None
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """The body parsed by its dialect, with every schema violation so far."""

    verified: Verified
    dialect: Dialect
    parsed: Parsed
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """The canonical message, what the translation lost, and every problem so far."""

    verified: Verified
    dialect: Dialect
    message: Message
    #: Canonical path → (the sender's path, line), to report later problems in the sender's words.
    places: Mapping[str, tuple[str, int]]
    losses: tuple[Loss, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A message that breaks no rule that refuses it; warnings travel on."""

    verified: Verified
    dialect: Dialect
    message: Message
    sender: Agency
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A message with its topic and what the table said of each recipient."""

    checked: Checked
    topic: str
    routes_version: int
    #: One for each recipient the sender asked for; two may be redirected to one agency.
    answers: tuple[NewDelivery, ...]
    #: What copy rows add.
    copies: tuple[NewDelivery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One delivery in its recipient's dialect, ready for the channel."""

    delivery: Delivery
    recipient: Agency
    rendering: Rendering


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one attempt came to."""

    delivery: Delivery
    outcome: Outcome
