"""Under which spellings the rows of a table can name one agency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from bus.model import Agency
from bus.model.codes import fold
from bus.ports import Directory
from bus.routing.row import ANY, UNDER


@dataclass(frozen=True, slots=True)
class Reach:
    """The folded codes of one agency in every code system, and those of the agencies above it.

    Codes are looked up, never computed: `000.00.00.G22` and `G22` meet here because the
    directory pairs them (QĐ 20/2020/QĐ-TTg has no arithmetic for it).
    """

    #: Its own codes.
    own: frozenset[str]
    #: Its own codes and those of every agency above it.
    line: frozenset[str]

    def fits(self, terms: tuple[str, ...]) -> bool:
        """Whether one of a row's terms names the agency; the plain reading."""
        return any(self._fits(term) for term in terms)

    def _fits(self, term: str) -> bool:
        if term == ANY:
            return True
        if term.startswith(UNDER):
            return fold(term.removeprefix(UNDER)) in self.line
        return fold(term) in self.own

    def names(self) -> list[str]:
        """The keys of every term that fits; key() makes the same of a term."""
        return [ANY, *(f"={code}" for code in self.own), *(f"<{code}" for code in self.line)]


def key(term: str) -> str:
    """The index key of a term."""
    if term == ANY:
        return ANY
    if term.startswith(UNDER):
        return f"<{fold(term.removeprefix(UNDER))}"
    return f"={fold(term)}"


def reach(code: str, directory: Directory) -> Reach:
    """How rows can name the agency behind a code; an unknown code stands for itself alone."""
    agency = directory.find(code)
    if agency is None:
        alone = frozenset({fold(code)})
        return Reach(alone, alone)
    own = _spellings(agency)
    above = set(own)
    for each in directory.ancestors(agency.code):
        parent = directory.find(each)
        above |= _spellings(parent) if parent else {fold(each)}
    return Reach(own, frozenset(above))


class Remembering:
    """A directory that is asked for each code once: one check sees one state of it, and quickly."""

    def __init__(self, directory: Directory) -> None:
        self.find = cache(directory.find)
        self.ancestors = cache(directory.ancestors)
        self.connected = directory.connected
        self.binding = directory.binding


def _spellings(agency: Agency) -> frozenset[str]:
    return frozenset({fold(agency.code), *(fold(code) for _, code in agency.codes)})
