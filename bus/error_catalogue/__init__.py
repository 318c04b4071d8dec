"""Every error code of the bus with its text and its cure, in English and Vietnamese.

Codes are stable and never used for anything else again. The prefix names the
part that speaks: RCV receive, XML parser, MIM multipart messages, SIG signatures, AUT identity, DOC
schema and rules, LIF life of a document, DUP duplicates, RTE routing, STO store, DLV delivery, SVC
service edge, WSA WS-Addressing, CFG configuration, BUG defect.
"""

from __future__ import annotations

from bus.error_catalogue import addressing, edge, journey, multipart, operation, trust
from bus.error_catalogue.entry import Entry

__all__ = ["CATALOGUE", "Entry"]

CATALOGUE: dict[str, Entry] = (
    edge.ENTRIES
    | multipart.ENTRIES
    | addressing.ENTRIES
    | trust.ENTRIES
    | journey.ENTRIES
    | operation.ENTRIES
)
