"""Instants as XML Schema writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from bus.errors import ProtocolRejected

_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?",
)


def write_instant(at: datetime) -> str:
    """Write an aware instant as xs:dateTime in UTC, to the microsecond."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def read_instant(text: str) -> datetime:
    """Read an xs:dateTime as aware UTC.

    `24:00:00` is midnight of the next day (XML Schema part 2, 3.2.7); a value without a
    zone is UTC; digits beyond the microsecond are cut off. Raises ProtocolRejected SVC-006.
    """
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        raise ProtocolRejected(f"xs:dateTime: {text[:40]!r}", code="SVC-006")
    try:
        return _assemble(match)
    except (ValueError, OverflowError) as error:
        raise ProtocolRejected(f"xs:dateTime: {text[:40]!r}", code="SVC-006") from error


def _assemble(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(match[part]) for part in range(1, 7))
    microsecond = int((match[7] or "0")[:6].ljust(6, "0"))
    end_of_day = (hour, minute, second, microsecond) == (24, 0, 0, 0)
    local = datetime(
        year, month, day, 0 if end_of_day else hour, minute, second, microsecond, _zone(match[8])
    )
    return (local + timedelta(days=end_of_day)).astimezone(UTC)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
