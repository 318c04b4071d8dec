"""xs:dateTime, read and written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.envelope.instants import read_instant, write_instant
from bus.errors import ProtocolRejected

ZONES = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES))  # noqa: DTZ001 - zones are drawn
def test_every_instant_survives_writing_and_reading(at: datetime) -> None:
    """What is written is read back as the same instant, in UTC."""
    read = read_instant(write_instant(at))
    assert read == at
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-31T24:00:00", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31T24:00:00.000+07:00", datetime(2026, 12, 31, 17, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456789Z", datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)),
        (" 2026-11-22T10:00:00.5-00:30\n", datetime(2026, 11, 22, 10, 30, 0, 500000, tzinfo=UTC)),
        ("2026-11-22T10:00:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
    ],
)
def test_the_rare_forms_of_the_standard_are_read(text: str, expected: datetime) -> None:
    """Midnight as 24:00:00, zones, missing zones and nine digits are read as the standard says."""
    assert read_instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "22/11/2026",
        "2026-11-22",
        "2026-02-30T00:00:00Z",
        "2026-11-22T24:00:01Z",
        "2026-11-22T25:00:00Z",
        "9999-12-31T24:00:00Z",
        "٢٠٢٦-11-22T10:00:00Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    """No value is guessed at."""
    with pytest.raises(ProtocolRejected, match="xs:dateTime"):
        read_instant(text)
