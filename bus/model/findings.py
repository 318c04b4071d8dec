"""What is wrong with a message, and what a signature proves."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import datetime


class Severity(enum.StrEnum):
    """What a problem does to the message that has it."""

    REJECT = "reject"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a message, told so that the sender can mend it."""

    #: Stable id of the broken rule: E01…E20, XSD, SIG-…
    rule: str
    severity: Severity
    #: Path in the sender's own document, `/edXML/edXMLEnvelope/…/To[2]/OrganId`; "" for the whole.
    path: str = ""
    #: Line in the sender's own document, from 1; 0 when it has none.
    line: int = 0
    column: int = 0
    value: str = ""
    expected: str = ""
    message: str = ""
    message_vi: str = ""
    hint: str = ""
    hint_vi: str = ""

    def as_warning(self) -> Problem:
        """The same problem, no longer a reason to refuse."""
        return replace(self, severity=Severity.WARN)


class LegacyDefect(enum.StrEnum):
    """One exactly named reason why a signature of the field cannot be verified."""

    WRONG_NAMESPACE = "wrong-namespace"
    SHA1 = "sha1"
    TRUNCATED_CERTIFICATE = "truncated-certificate"
    UNREGISTERED_TRANSFORM = "unregistered-transform"
    EMPTY_SIGNATURE = "empty-signature"
    CID_REFERENCE = "cid-reference"


class Coverage(enum.StrEnum):
    """What the proof of a message covers."""

    DOCUMENT = "document"
    SOAP_BODY = "soap-body"
    TRANSPORT = "transport"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureVerdict:
    """Separate facts about one signature, so that a refusal can be explained later."""

    #: Digest and signature value match; None when that cannot be computed (legacy, unknown key).
    intact: bool | None
    #: The certificate is bound to an agency, inside its validity and not revoked.
    trusted: bool
    expired: bool = False
    revoked: bool = False
    coverage: Coverage = Coverage.NOTHING
    #: URI of the signature algorithm, "" when unreadable.
    algorithm: str = ""
    fingerprint: str | None = None
    #: Primary code of the agency the certificate is bound to.
    signer: str | None = None
    #: wsu:Created of the message, aware UTC, when it has one.
    signed_at: datetime | None = None
    #: SHA-256 of the signer's certificate and what it signed: the same for the same signed
    #: message, whatever is changed around it. Empty where nothing was proven.
    signed: bytes = field(default=b"", repr=False)
    #: The last instant at which the message's Timestamp is accepted, aware UTC.
    fresh_until: datetime | None = None
    legacy: tuple[LegacyDefect, ...] = ()
    #: The first cause, when the signature does not hold: a code of the error table.
    cause: str | None = None
    detail: str = ""


class FieldFate(enum.StrEnum):
    """What a translation did to one field."""

    ALTERED = "altered"
    DEFAULTED = "defaulted"
    SUPPLIED = "supplied"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One field that a translation did not simply carry."""

    path: str
    fate: FieldFate
    value: str = ""
    note: str = ""
