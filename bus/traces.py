"""Timelines of messages, pure: several as one, and what a recipient may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bus.model import Trace
from bus.model.codes import fold


def seen_by(codes: frozenset[str], trace: Trace) -> Trace:
    """What a recipient may see of a message: its own copy and what it reported itself."""
    return replace(
        trace,
        deliveries=tuple(d for d in trace.deliveries if fold(d.recipient) in codes),
        statuses=tuple(s for s in trace.statuses if fold(s.reporter) in codes),
        events=(),
    )


def joined(traces: Sequence[Trace]) -> Trace:
    """One timeline of several messages, newest first, that carry one document."""
    events = {event.seq: event for trace in traces for event in trace.events}
    statuses = dict.fromkeys(status for trace in traces for status in trace.statuses)
    return Trace(
        message=traces[0].message,
        deliveries=tuple(d for trace in reversed(traces) for d in trace.deliveries),
        statuses=tuple(sorted(statuses, key=lambda status: status.at)),
        events=tuple(event for _, event in sorted(events.items())),
    )
