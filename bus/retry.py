"""When to try a delivery again: pure arithmetic, no clock and no chance of its own."""

from __future__ import annotations

from datetime import datetime, timedelta

from bus.config import DeliverySettings

#: A receiver's Retry-After is honoured up to a day; beyond that an operator would have to wait too.
LONGEST_RETRY_AFTER_S = 86_400.0
#: 2 to this power times any sensible first delay is past every cap; larger powers overflow.
_LAST_DOUBLING = 64


def next_try(
    attempts: int,
    settings: DeliverySettings,
    now: datetime,
    *,
    retry_after_s: float | None,
    draw: float,
) -> datetime | None:
    """The instant of the next try after `attempts` tries, None when they are used up.

    The delay doubles from `first_delay_s` up to `max_delay_s`; `draw` (0 ≤ draw < 1) places it
    within the jittered share below that. What the receiver asked for with Retry-After (RFC 9110
    §10.2.3, seconds from `now`) is never undercut, up to a day.
    """
    if attempts >= settings.max_attempts:
        return None
    delay_s = jittered_s(attempts, settings, draw)
    asked_s = min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)
    return now + timedelta(seconds=max(delay_s, asked_s))


def jittered_s(attempts: int, settings: DeliverySettings, draw: float) -> float:
    """The delay after `attempts` tries in seconds, between (1 - jitter) and 1 times the full one."""
    doublings = min(max(attempts - 1, 0), _LAST_DOUBLING)
    full_s = min(settings.first_delay_s * 2.0**doublings, settings.max_delay_s)
    return full_s * (1.0 - settings.jitter * (1.0 - draw))
