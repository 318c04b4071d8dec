"""Who may tell which status about a document (directions as the field uses them, QCVN 102:2016).

A recall (13) is asked for by the issuer, of a recipient; every other status is told by a recipient,
to the issuer. Statuses come late, twice and out of order, so their sequence is no reason to object.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from bus.model import Severity, StatusCode

#: Told by the issuer; all others by a recipient.
TOLD_BY_ISSUER = frozenset({StatusCode.RECALL_REQUESTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two agencies a status names, and what it sent under the document's identifier."""

    #: Its code and those of the agencies above it: a unit may speak of what its agency got.
    codes: frozenset[str]
    #: To whom it sent such a document through this bus; None when it sent none.
    sent_to: Set[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What is wrong with a status, as a code of the error table."""

    code: str
    severity: Severity


def objection(status: StatusCode, reporter: Side, addressee: Side) -> Objection | None:
    """What speaks against a status; None when nothing does or the bus cannot know.

    Told in the wrong direction (LIF-001) is refused. Told by or to an agency the document was not
    sent to (LIF-002) is only flagged: it may have got the document outside the bus. Codes are
    primary codes. A document this bus never carried is no reason to object.
    """
    by_issuer = status in TOLD_BY_ISSUER
    issuer, recipient = (reporter, addressee) if by_issuer else (addressee, reporter)
    if issuer.sent_to is not None:
        known = not recipient.codes.isdisjoint(issuer.sent_to)
        return None if known else Objection(code="LIF-002", severity=Severity.WARN)
    if recipient.sent_to is not None and not issuer.codes.isdisjoint(recipient.sent_to):
        return Objection(code="LIF-001", severity=Severity.REJECT)
    return None
