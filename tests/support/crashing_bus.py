"""`bus serve` that kills itself with SIGKILL once at every border between two steps.

Usage: python crashing_bus.py FOLDER. Each border leaves a file in FOLDER when it
fired, so that the restarted process passes it and falls at the next one.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bus import pipeline
from bus.db.store import SqlStore

ACCEPT = ("receive", "verify", "validate", "translate", "check", "route", "store")
DISPATCH = ("render", "deliver", "report")
STORE = ("claim", "record", "acknowledge")
BORDERS = tuple(
    f"{when}-{step}" for step in (*ACCEPT, *DISPATCH, *STORE) for when in ("before", "after")
)


def fall(folder: Path, border: str) -> None:
    """Die here, once."""
    marker = folder / border
    if marker.exists():
        return
    marker.touch()
    os.kill(os.getpid(), signal.SIGKILL)


def fragile(folder: Path, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The step with a fall before and behind it."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        fall(folder, f"before-{step}")
        result = function(*args, **options)
        if step != "claim" or result.deliveries:
            fall(folder, f"after-{step}")
        return result

    return wrapped


def arm(folder: Path) -> None:
    """Make every border deadly once."""
    for step in (*ACCEPT, *DISPATCH):
        setattr(pipeline, step, fragile(folder, step, getattr(pipeline, step)))
    for step in STORE:
        setattr(SqlStore, step, fragile(folder, step, getattr(SqlStore, step)))


if __name__ == "__main__":
    arm(Path(sys.argv.pop(1)))
    from bus.cli import main

    sys.argv.append("serve")
    main()
