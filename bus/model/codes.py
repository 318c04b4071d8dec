"""How agency codes are compared: never converted, only folded."""

from __future__ import annotations

import unicodedata

#: Longest text that is taken for a code, characters; rules refuse longer ones.
LONGEST_CODE = 350


def fold(code: str) -> str:
    """The form under which two spellings of one code are equal: trimmed, NFC, case-folded.

    A text longer than any code equals only itself: normalising takes quadratic time.
    """
    trimmed = code.strip()
    if len(trimmed) > LONGEST_CODE:
        return trimmed
    if trimmed.isascii():
        return trimmed.lower()  # the same, ten times sooner
    return unicodedata.normalize("NFC", trimmed).casefold()
