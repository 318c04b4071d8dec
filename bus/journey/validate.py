"""Validate: the dialect's own schema over the verified bytes."""

from __future__ import annotations

from bus import errors
from bus.journey.states import Validated, Verified
from bus.ports import Dialect, Dialects, Directory


def validate(verified: Verified, dialects: Dialects, directory: Directory) -> Validated:
    """Parse the body as its dialect; schema violations travel on, so that all are told at once.

    Raises NotWellFormed, SchemaRejected when nothing can be read at all.
    """
    dialect = _dialect(verified, dialects, directory)
    parsed = dialect.parse(verified.body)
    return Validated(
        verified=verified,
        dialect=dialect,
        parsed=parsed,
        problems=verified.warnings + parsed.problems,
    )


def _dialect(verified: Verified, dialects: Dialects, directory: Directory) -> Dialect:
    # What the bytes are decides; the registration only helps where they do not say.
    recognised = dialects.recognise(verified.body)
    if recognised is not None:
        return recognised
    agency = directory.find(verified.caller.agency) if verified.caller.agency else None
    if agency is None or agency.dialect is None:
        raise errors.SchemaRejected(code="DOC-002", stage="validate")
    return dialects.get(agency.dialect)
