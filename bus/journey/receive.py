"""Receive: bytes within every limit, before anything parses them."""

from __future__ import annotations

from bus import errors
from bus.config import LimitSettings
from bus.edxml import limits as byte_limits
from bus.edxml import parser
from bus.journey.states import Received
from bus.model import Submission


def receive(submission: Submission, limits: LimitSettings) -> Received:
    """Refuse what is empty, too large, too deep or too full; trim short junk with a warning.

    Raises LimitExceeded RCV-001…RCV-005, NotWellFormed.
    """
    size = len(submission.body)
    if size == 0:
        raise errors.LimitExceeded(code="RCV-005")
    if size > limits.body_bytes:
        raise errors.LimitExceeded(f"{size} > {limits.body_bytes} bytes.")
    body, warnings = parser.trim(submission.body, limits)
    byte_limits.check(body, limits)
    return Received(submission=submission, body=body, warnings=warnings)
