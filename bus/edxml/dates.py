"""Dates and instants as QCVN 102 writes them: strict, and in Vietnam's time.

Vietnam has kept UTC+7 without summer time since 13 June 1975, so a fixed offset equals
Asia/Ho_Chi_Minh for every document and needs no zone data on the machine.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")

_DATE = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})")
_INSTANT = re.compile(_DATE.pattern + r" ([0-9]{2}):([0-9]{2}):([0-9]{2})")


def read_date(text: str) -> date | None:
    """Read `yyyy/MM/dd`; None for any other form or a day no calendar has.

    Day-first dates are never guessed at: 03/04/2020 has two readings.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


def read_instant(text: str) -> datetime | None:
    """Read `yyyy/MM/dd HH:mm:ss` in Vietnam time as an aware UTC instant; None when unreadable."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=VIETNAM)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def write_date(value: date) -> str:
    """Write `yyyy/MM/dd`."""
    return f"{value.year:04}/{value.month:02}/{value.day:02}"


def write_instant(value: datetime) -> str:
    """Write an aware instant as `yyyy/MM/dd HH:mm:ss` in Vietnam time; fractions are cut off."""
    local = value.astimezone(VIETNAM)
    return f"{write_date(local)} {local.hour:02}:{local.minute:02}:{local.second:02}"
