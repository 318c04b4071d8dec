"""Reloads of one routing file take turns, so that what is stored last was read last."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def turn(file: Path) -> Iterator[None]:
    """Wait for other reloads of files in the same folder on this host, and hold them off.

    Read the file inside: a slow reload that read it before somebody else's change would
    otherwise store the older text after the newer one.
    """
    try:
        # The folder, not the file: editors replace the file, and its lock with it.
        descriptor = os.open(file.parent, os.O_RDONLY)
    except OSError:
        yield  # a folder that cannot be opened is told of when the file is read
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
