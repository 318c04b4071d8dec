"""Writes the agency list."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from bus.agency_csv.columns import COLUMNS
from bus.model import Agency, CodeSystem


def write(agencies: Iterable[Agency]) -> str:
    """The list as CSV with comma and CRLF (RFC 4180), which parse() reads back to equal agencies.

    The order of codes within an agency becomes that of the columns.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for agency in agencies:
        writer.writerow(_cells(agency))
    return out.getvalue()


def _cells(agency: Agency) -> dict[str, str]:
    policy = agency.policy
    by_system = {
        system.value: " ".join(code for each, code in agency.codes if each is system)
        for system in CodeSystem
    }
    return {
        "code": agency.code,
        "name": agency.name,
        "parent": agency.parent or "",
        "state": agency.state.value,
        **by_system,
        "policy": policy.mode.value,
        "require_document_signature": "yes" if policy.require_document_signature else "",
        "allow_legacy": "yes" if policy.allow_legacy_signature else "",
        "legacy_until": policy.legacy_until.isoformat() if policy.legacy_until else "",
        "token_sha256": policy.token_sha256 or "",
        "dialect": agency.dialect or "",
        "channel": agency.channel or "",
        "address": agency.address or "",
        "options": _options_text(agency.channel_options),
        "speaks_for": " ".join(agency.speaks_for),
    }


def _options_text(options: Mapping[str, str]) -> str:
    return ";".join(f"{key}={_escaped(value)}" for key, value in options.items())


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace(";", "%3B").replace("=", "%3D")
