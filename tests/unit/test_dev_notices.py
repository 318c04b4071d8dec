"""What the sample agencies say of reports."""

from __future__ import annotations

from datetime import UTC, datetime

from bus.dev import agency, timeline
from bus.envelope.notice import notice_xml
from bus.model import DeliveryState


def test_the_story_says_what_a_report_tells() -> None:
    """A line of the story names message, recipient, state and reason of a copy that is lost."""
    notice = notice_xml(
        message_id="m1",
        recipient="H57",
        state=DeliveryState.REJECTED,
        reason="RTE-005",
        reported_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    facts = agency._told(notice)
    event = {"at": "2026-01-01T00:00:00+00:00", "agency": "G09", "event": "notice"} | facts
    assert "m1 → H57: rejected RTE-005" in str(timeline.line(event))
