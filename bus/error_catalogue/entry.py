"""The words for one error code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened and what cures it, in English and Vietnamese."""

    message: str
    message_vi: str
    hint: str
    hint_vi: str
