"""Repeated groups that keep no way back, on every Python.

Before 3.11.5 `re` matches a repeated group wrongly when it is possessive. Patterns are written with
atomic groups, which are right everywhere but store a way back for each repeat until they end.
"""

from __future__ import annotations

import sys
from typing import AnyStr

#: Whether possessive groups are right in this Python.
SOUND = sys.version_info >= (3, 11, 5)


def possessive(pattern: AnyStr) -> AnyStr:
    """The pattern with each `(?>(?:…)*)` as `(?:…)*+` where that means the same."""
    if not SOUND:
        return pattern
    if isinstance(pattern, bytes):
        return pattern.replace(b"(?>(?:", b"(?:").replace(b")*)", b")*+")
    return pattern.replace("(?>(?:", "(?:").replace(")*)", ")*+")
