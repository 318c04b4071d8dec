"""Agencies and their keys as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from bus.db.folding import without_accents
from bus.db.tables import agencies, agency_codes, counters
from bus.model import Agency, AgencyState, CodeSystem, KeyBinding, PolicyMode, TrustPolicy
from bus.model.codes import fold

_COUNTER = "directory"


def version(connection: Connection) -> int:
    """The number that grows with every change of the directory; 0 before the first."""
    found = connection.scalar(select(counters.c.value).where(counters.c.name == _COUNTER))
    return found or 0


def next_version(connection: Connection) -> int:
    """Count one change; what the same commit changes carries this number."""
    current = version(connection)
    if current:
        connection.execute(
            update(counters).where(counters.c.name == _COUNTER).values(value=current + 1)
        )
    else:
        connection.execute(insert(counters), {"name": _COUNTER, "value": 1})
    return current + 1


def by_code(connection: Connection, folded: str) -> Agency | None:
    """The agency that has this folded code in any system."""
    found = connection.execute(
        select(agencies)
        .join(agency_codes, agency_codes.c.agency == agencies.c.code)
        .where(agency_codes.c.folded == folded)
    )
    row = found.mappings().first()
    return None if row is None else agency_of(row)


def codes_of(agency: Agency) -> frozenset[str]:
    """Every folded code an agency is found by."""
    return frozenset({fold(agency.code), *(fold(code) for _, code in agency.codes)})


def write_codes(connection: Connection, written: list[Agency]) -> None:
    """Make the look-ups by code say what the agencies do."""
    primaries = [each.code for each in written]
    folded = {code: each.code for each in written for code in codes_of(each)}
    connection.execute(delete(agency_codes).where(agency_codes.c.agency.in_(primaries)))
    connection.execute(delete(agency_codes).where(agency_codes.c.folded.in_(folded)))
    connection.execute(
        insert(agency_codes),
        [{"folded": code, "agency": primary} for code, primary in folded.items()],
    )


def count(connection: Connection) -> int:
    """How many agencies the directory has."""
    return connection.scalar(select(func.count()).select_from(agencies)) or 0


def columns_of(agency: Agency) -> dict[str, Any]:
    """An agency as a row, without the directory version."""
    return {
        "code": agency.code,
        "folded": fold(agency.code),
        "name": agency.name,
        "name_folded": without_accents(agency.name),
        "parent": agency.parent,
        "state": agency.state.value,
        "policy": _policy_facts(agency.policy),
        "dialect": agency.dialect,
        "channel": agency.channel,
        "address": agency.address,
        "channel_options": dict(agency.channel_options),
        "codes": [[system.value, code] for system, code in agency.codes],
        "speaks_for": list(agency.speaks_for),
    }


def agency_of(row: RowMapping | Mapping[str, Any]) -> Agency:
    """A row as an agency."""
    return Agency(
        code=row["code"],
        name=row["name"],
        codes=tuple((CodeSystem(system), code) for system, code in row["codes"]),
        parent=row["parent"],
        state=AgencyState(row["state"]),
        policy=_policy_of(row["policy"]),
        dialect=row["dialect"],
        channel=row["channel"],
        address=row["address"],
        channel_options=row["channel_options"],
        speaks_for=tuple(row["speaks_for"]),
    )


def binding_columns(binding: KeyBinding) -> dict[str, Any]:
    """A key binding as a row."""
    return {
        "fingerprint": binding.fingerprint,
        "agency": binding.agency,
        "certificate_der": binding.certificate_der,
        "subject": binding.subject,
        "not_before": binding.not_before,
        "not_after": binding.not_after,
        "bound_at": binding.bound_at,
        "revoked_at": binding.revoked_at,
    }


def binding_of(row: RowMapping) -> KeyBinding:
    """A row as a key binding."""
    return KeyBinding(**row)


def _policy_facts(policy: TrustPolicy) -> dict[str, Any]:
    return {
        "mode": policy.mode.value,
        "require_document_signature": policy.require_document_signature,
        "allow_legacy_signature": policy.allow_legacy_signature,
        "legacy_until": policy.legacy_until.isoformat() if policy.legacy_until else None,
        "token_sha256": policy.token_sha256,
    }


def _policy_of(facts: dict[str, Any]) -> TrustPolicy:
    until = facts["legacy_until"]
    return TrustPolicy(
        mode=PolicyMode(facts["mode"]),
        require_document_signature=facts["require_document_signature"],
        allow_legacy_signature=facts["allow_legacy_signature"],
        legacy_until=date.fromisoformat(until) if until else None,
        token_sha256=facts["token_sha256"],
    )
