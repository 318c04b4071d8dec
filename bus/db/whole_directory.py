"""The directory read at once, for whoever asks about most of it: checks of large topic tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, String, select, type_coerce

from bus.db import agencies as rows
from bus.db.tables import agencies, agency_codes
from bus.model import Agency, KeyBinding
from bus.model.codes import fold
from bus.ports import Directory

_JSON = ("policy", "channel_options", "codes", "speaks_for")
_AS_TEXT = select(
    *(type_coerce(c, String).label(c.name) if c.name in _JSON else c for c in agencies.c)
)
#: So many agencies are looked up one by one; whoever asks for more gets all of them read.
FEW = 500


class WholeDirectory:
    """One state of the directory that answers from memory once it is asked often.

    Implements `bus.ports.Directory` for a process that ends soon: it never reads again. A
    national directory takes it about 150 MB and two seconds, where single look-ups take a minute.
    """

    def __init__(self, directory: Directory, read: Callable[[], dict[str, Agency]]) -> None:
        self._directory = directory
        self._read = read
        self._few: dict[str, Agency | None] = {}
        self._all: dict[str, Agency] | None = None
        self.connected = directory.connected

    def find(self, code: str) -> Agency | None:
        """The agency known by `code` in any code system; compares trimmed, NFC, case-folded."""
        folded = fold(code)
        if self._all is not None:
            return self._all.get(folded)
        if folded not in self._few:
            if len(self._few) >= FEW:
                self._all = self._read()
                return self._all.get(folded)
            self._few[folded] = self._directory.find(code)
        return self._few[folded]

    def ancestors(self, code: str) -> tuple[str, ...]:
        """Primary codes above the agency, nearest first; a circle of parents ends where it closes."""
        return tuple(above(self.find, code))

    def binding(self, fingerprint: str) -> KeyBinding | None:
        """The binding of a certificate, revoked or not."""
        return self._directory.binding(fingerprint)


def above(find: Callable[[str], Agency | None], code: str) -> Iterator[str]:
    """Primary codes above an agency, nearest first, each once."""
    agency = find(code)
    seen = {agency.code if agency else code}
    while agency is not None and agency.parent is not None:
        parent = find(agency.parent)
        name = parent.code if parent else agency.parent
        if name in seen:
            return
        seen.add(name)
        yield name
        agency = parent


def read_all(connection: Connection) -> dict[str, Agency]:
    """Every agency under each of its folded codes."""
    decoded = cache(json.loads)
    found = connection.execute(_AS_TEXT).mappings()
    by_primary = {row["code"]: rows.agency_of(_Row(row, decoded)) for row in found}
    codes = connection.execute(select(agency_codes.c.folded, agency_codes.c.agency))
    return {folded: by_primary[primary] for folded, primary in codes}


class _Row(dict[str, Any]):
    """A row whose JSON is decoded once for each text: most agencies have the same policy."""

    def __init__(self, row: RowMapping, decoded: Callable[[str], Any]) -> None:
        super().__init__(row)
        self.update({name: decoded(row[name]) for name in _JSON if name != "codes"})
        self["codes"] = json.loads(row["codes"])
