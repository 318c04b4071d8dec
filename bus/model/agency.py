"""Who takes part: agencies, their codes, their policy and their keys."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


class CodeSystem(enum.StrEnum):
    """A system of agency identifiers; codes are paired by the directory, never computed."""

    QD20 = "qd20"
    QCVN102 = "qcvn102"
    OLD = "old"
    TAX = "tax"


class AgencyState(enum.StrEnum):
    """Whether an agency may exchange documents."""

    TRIAL = "trial"
    LIVE = "live"
    LOCKED = "locked"


class PolicyMode(enum.StrEnum):
    """How an agency proves who it is."""

    SIGNATURE = "signature"
    MTLS = "mtls"
    TOKEN = "token"  # noqa: S105 - a mode, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """What proof the bus demands of one agency."""

    mode: PolicyMode = PolicyMode.SIGNATURE
    #: Whether the document itself must carry a valid ds:Signature, not only the SOAP message.
    require_document_signature: bool = False
    #: Whether signatures in the wrong namespace, with SHA-1 or a truncated certificate pass, flagged.
    allow_legacy_signature: bool = False
    #: The last local day on which legacy signatures pass; None means no end was set.
    legacy_until: date | None = None
    #: Lower-case hex SHA-256 of the bearer token, for mode `token`.
    token_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One participant; `code` is its primary code, under which everything is stored."""

    code: str
    name: str
    #: Every code the agency is known by, by system; several codes of one system are allowed.
    codes: tuple[tuple[CodeSystem, str], ...] = ()
    #: Primary code of the agency above it in the directory tree.
    parent: str | None = None
    state: AgencyState = AgencyState.TRIAL
    policy: TrustPolicy = TrustPolicy()
    #: Name of the dialect it reads and writes (entry point group `bus.dialects`); None: not connected.
    dialect: str | None = None
    #: Name of the channel its messages leave by (entry point group `bus.channels`).
    channel: str | None = None
    #: Where the channel delivers to, in the channel's own form (a WSDL address for `soap`).
    address: str | None = None
    #: Settings of the channel for this agency alone; never secrets.
    channel_options: Mapping[str, str] = field(default_factory=dict)
    #: Primary codes this agency may send for (clearing-houses).
    speaks_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBinding:
    """One certificate bound to one agency; instants are aware UTC."""

    agency: str
    #: Lower-case hex SHA-256 of the DER certificate.
    fingerprint: str
    certificate_der: bytes = field(repr=False)
    subject: str
    not_before: datetime
    not_after: datetime
    bound_at: datetime
    revoked_at: datetime | None = None
