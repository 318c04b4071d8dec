"""The retry schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import retry
from bus.config import DeliverySettings

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PLAIN = DeliverySettings(first_delay_s=30, max_delay_s=3600, max_attempts=12, jitter=0)
settings_st = st.builds(
    DeliverySettings,
    first_delay_s=st.floats(0.01, 1e5),
    max_delay_s=st.floats(0.01, 1e5),
    max_attempts=st.integers(1, 10_000),
    jitter=st.floats(0, 1),
)
draw_st = st.floats(0, 1, exclude_max=True)


def _wait_s(attempts: int, settings: DeliverySettings = PLAIN, **asked: float | None) -> float:
    at = retry.next_try(attempts, settings, NOW, retry_after_s=asked.get("retry_after_s"), draw=0.0)
    assert at is not None
    return (at - NOW).total_seconds()


def test_delays_double_up_to_the_cap() -> None:
    """Without jitter the delays are 30, 60, 120 … seconds and stop growing at the cap."""
    assert [_wait_s(n) for n in range(1, 12)] == [
        30,
        60,
        120,
        240,
        480,
        960,
        1920,
        3600,
        3600,
        3600,
        3600,
    ]


def test_no_try_is_left_after_the_last() -> None:
    """When the tries are used up there is no next instant, whatever the receiver asks for."""
    assert retry.next_try(12, PLAIN, NOW, retry_after_s=5.0, draw=0.0) is None


@pytest.mark.parametrize(
    ("asked_s", "expected_s"),
    [(5.0, 30.0), (600.0, 600.0), (10_000_000.0, 86_400.0), (-5.0, 30.0)],
)
def test_retry_after_is_never_undercut_but_bounded(asked_s: float, expected_s: float) -> None:
    """A longer Retry-After replaces the delay, a shorter one does not, and a day is the most."""
    assert _wait_s(1, retry_after_s=asked_s) == expected_s


@given(settings=settings_st, attempts=st.integers(0, 9_999), draw=draw_st)
def test_delay_stays_within_its_jittered_share(
    settings: DeliverySettings, attempts: int, draw: float
) -> None:
    """Every delay lies between (1 - jitter) and 1 times the full one and never above the cap."""
    full_s = retry.jittered_s(attempts, settings.model_copy(update={"jitter": 0.0}), 0.0)
    delay_s = retry.jittered_s(attempts, settings, draw)
    slack = 1 + 1e-9
    assert full_s * (1 - settings.jitter) <= delay_s * slack
    assert delay_s <= full_s * slack
    assert delay_s <= settings.max_delay_s * slack


@given(settings=settings_st, attempts=st.integers(0, 9_998), draw=draw_st)
def test_delays_never_shrink(settings: DeliverySettings, attempts: int, draw: float) -> None:
    """With the same draw a later attempt never waits less than an earlier one."""
    earlier_s = retry.jittered_s(attempts, settings, draw)
    assert retry.jittered_s(attempts + 1, settings, draw) >= earlier_s


@given(
    settings=settings_st,
    attempts=st.integers(0, 10_001),
    asked_s=st.none() | st.floats(0, 1e9),
    draw=draw_st,
)
def test_next_try_is_later_than_now_and_than_asked(
    settings: DeliverySettings, attempts: int, asked_s: float | None, draw: float
) -> None:
    """The next try is never before now, never before what was asked (up to a day), else None."""
    at = retry.next_try(attempts, settings, NOW, retry_after_s=asked_s, draw=draw)
    assert (at is None) == (attempts >= settings.max_attempts)
    if at is not None:
        least_s = min(asked_s or 0.0, retry.LONGEST_RETRY_AFTER_S)
        assert at >= NOW + timedelta(seconds=least_s)
