"""Dates of eDoc 1.0: two orders are in use, and the place of the year tells them apart.

Clients write `dd/MM/yyyy`, the hub demands `yyyy/MM/dd`; a year of four digits makes each
unmistakable. Month-first dates are not told from day-first ones by anything, so nobody may write them.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from bus.edxml import dates

_FORM = re.compile(
    r"(?:(?P<y>[0-9]{4})/(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})"
    r"|(?P<d2>[0-9]{1,2})/(?P<m2>[0-9]{1,2})/(?P<y2>[0-9]{4}))"
    r"(?: (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?"
)


def read_date(text: str) -> date | None:
    """Read a date; None for any other form, a day no calendar has, or a time of day other than midnight."""
    parts = _parts(text)
    if parts is None or any(parts[3:]):
        return None
    return dates.read_date("{:04}/{:02}/{:02}".format(*parts))


def read_instant(text: str) -> datetime | None:
    """Read a date with or without a time of day in Vietnam as an aware UTC instant.

    What is left out of the time counts as zero, as the producers of these forms mean it.
    """
    parts = _parts(text)
    if parts is None:
        return None
    return dates.read_instant("{:04}/{:02}/{:02} {:02}:{:02}:{:02}".format(*parts))


def _parts(text: str) -> tuple[int, ...] | None:
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    named = found.groupdict(default="0")
    day = ("y", "m", "d") if found["y"] else ("y2", "m2", "d2")
    return tuple(int(named[name]) for name in (*day, "hour", "minute", "second"))
