"""Search without accents, the same on every store because the store does not do it."""

from __future__ import annotations

import unicodedata

#: Vietnamese đ is a letter of its own, which no Unicode decomposition turns into d.
_STROKES = str.maketrans({"đ": "d", "Đ": "d"})
#: Longest text that is searched for, characters: taking accents off is quadratic at worst.
_LONGEST_SEARCH = 500


def without_accents(text: str) -> str:
    """The form under which `Đà Nẵng` and `da nang` are equal; runs of white space become one."""
    decomposed = unicodedata.normalize("NFD", text.translate(_STROKES).casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(plain.split())


def containing(text: str) -> str:
    r"""A LIKE pattern, with `\` as its escape, for texts that contain `text` as folded.

    Of a text longer than 500 characters only the beginning is looked for.
    """
    folded = without_accents(text[:_LONGEST_SEARCH])
    for special in "\\%_":
        folded = folded.replace(special, f"\\{special}")
    return f"%{folded}%"
