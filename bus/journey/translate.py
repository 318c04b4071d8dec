"""Translate: from the sender's dialect to the canonical message."""

from __future__ import annotations

from bus.journey.states import Translated, Validated


def translate(validated: Validated) -> Translated:
    """Read the canonical message with its loss report and the way back to the sender's words."""
    reading = validated.dialect.read(validated.parsed)
    return Translated(
        verified=validated.verified,
        dialect=validated.dialect,
        message=reading.message,
        places=reading.places,
        losses=reading.losses,
        problems=validated.problems + reading.problems,
    )
