"""The columns of the agency list."""

from __future__ import annotations

#: What says how an agency proves itself; all of them empty says nothing of it.
POLICY_COLUMNS = (
    "policy",
    "require_document_signature",
    "allow_legacy",
    "legacy_until",
    "token_sha256",
)
COLUMNS = (
    "code",
    "name",
    "parent",
    "state",
    "qd20",
    "qcvn102",
    "old",
    "tax",
    *POLICY_COLUMNS,
    "dialect",
    "channel",
    "address",
    "options",
    "speaks_for",
)
