"""Dates and instants of QCVN 102: strict forms, Vietnam time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.edxml import dates
from tests.support.edxml_messages import INSTANTS


@pytest.mark.parametrize(
    "text",
    ["2014/02/30", "30/10/2020", "2020-10-30", "2020/1/5", "20201030", "2020/10/30 ", "٢٠٢٠/10/30",
     "0000/01/01", ""],
)  # fmt: skip
def test_other_forms_are_not_guessed_at(text: str) -> None:
    """Impossible days and any other form are unreadable."""
    assert dates.read_date(text) is None


@pytest.mark.parametrize(
    "text",
    ["2020/10/30", "2020/10/30 24:00:00", "2020/10/30 08:61:00", "2020/10/30T08:00:00",
     "2020/10/30 8:00:00", "0001/01/01 00:00:00"],
)  # fmt: skip
def test_other_instants_are_not_guessed_at(text: str) -> None:
    """An instant has a date, a time and no zone; anything else is unreadable."""
    assert dates.read_instant(text) is None


def test_instants_are_vietnam_time() -> None:
    """Midnight in Hà Nội is 17:00 UTC of the day before."""
    read = dates.read_instant("2018/09/28 00:00:00")
    assert read == datetime(2018, 9, 27, 17, tzinfo=UTC)
    assert read.tzinfo is UTC


@given(day=st.dates())
def test_dates_survive(day: date) -> None:
    """Every date is read back as written."""
    assert dates.read_date(dates.write_date(day)) == day


@given(at=INSTANTS, fraction=st.integers(0, 999_999))
def test_instants_survive_to_the_second(at: datetime, fraction: int) -> None:
    """Every instant is read back as written, without its fraction."""
    assert dates.read_instant(dates.write_instant(at.replace(microsecond=fraction))) == at
