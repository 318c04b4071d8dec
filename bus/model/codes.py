"""How agency codes are compared: never converted, only folded."""

from __future__ import annotations

import unicodedata


def fold(code: str) -> str:
    """The form under which two spellings of one code are equal: trimmed, NFC, case-folded."""
    return unicodedata.normalize("NFC", code.strip()).casefold()
