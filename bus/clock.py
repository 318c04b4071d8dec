"""The time of day as the bus uses it."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The machine's clock, aware UTC."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)
