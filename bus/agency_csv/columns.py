"""The columns of the agency list."""

from __future__ import annotations

COLUMNS = (
    "code",
    "name",
    "parent",
    "state",
    "qd20",
    "qcvn102",
    "old",
    "tax",
    "policy",
    "require_document_signature",
    "allow_legacy",
    "legacy_until",
    "token_sha256",
    "dialect",
    "channel",
    "address",
    "options",
    "speaks_for",
)
