"""Reads the agency list with every problem at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from bus.agency_csv.columns import COLUMNS
from bus.agency_csv.report import Report
from bus.agency_csv.row import RowReader
from bus.errors import Misconfigured
from bus.model import Agency
from bus.model.codes import fold


class AgencyList(tuple[Agency, ...]):
    """The agencies of a list, in its order."""

    #: Codes of those whose policy the list leaves as it is.
    without_policy: frozenset[str] = frozenset()


def parse(text: str) -> AgencyList:
    """Read the whole list, in its order.

    Raises Misconfigured CFG-004 with every problem of every row: bad or doubled codes,
    circles of parents, unknown states, raw tokens. A parent outside the list is allowed;
    whoever imports knows the rest of the directory.
    """
    report = Report()
    rows = [(row, row.agency()) for row in _rows(text.removeprefix("\ufeff"), report)]
    agencies = [(row.line, agency) for row, agency in rows]
    _refuse_doubles(agencies, report)
    _refuse_circles(agencies, report)
    if report.problems:
        first, more = report.problems[0], len(report.problems) - 1
        detail = f"line {first.line}, {first.path}: {first.message}" + (
            f" {more} more" * bool(more)
        )
        raise Misconfigured(detail, code="CFG-004", problems=report.problems)
    listed = AgencyList(agency for _, agency in rows)
    listed.without_policy = frozenset(one.code for row, one in rows if not row.says_policy)
    return listed


def _rows(text: str, report: Report) -> Iterator[RowReader]:
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                if not _header_fits(header, line, report):
                    return
            elif len(cells) != len(header):
                report.add("A02", line, "", str(len(cells)), str(len(header)))
            else:
                yield RowReader(report, line, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        report.add("A02", reader.line_num, "", str(error))
    if header is None:
        report.add("A01", 1, "", "", ", ".join(COLUMNS))


def _header_fits(header: list[str], line: int, report: Report) -> bool:
    wrong = [name for name in header if name not in COLUMNS or header.count(name) > 1]
    wrong += [name for name in ("code", "name") if name not in header]
    for name in dict.fromkeys(wrong):
        report.add("A01", line, name, name, ", ".join(COLUMNS))
    return not wrong


def _refuse_doubles(agencies: list[tuple[int, Agency]], report: Report) -> None:
    owner: dict[str, int] = {}
    for line, agency in agencies:
        spellings = (agency.code, *(code for _, code in agency.codes))
        for folded in filter(None, dict.fromkeys(map(fold, spellings))):
            first = owner.setdefault(folded, line)
            if first != line:
                report.add("A05", line, "code", folded, f"line {first}")


def _refuse_circles(agencies: list[tuple[int, Agency]], report: Report) -> None:
    line_of = {
        fold(code): line
        for line, agency in agencies
        for code in (agency.code, *(code for _, code in agency.codes))
    }
    parent_of = {
        line: line_of.get(fold(agency.parent)) for line, agency in agencies if agency.parent
    }
    sound: set[int] = set()
    for line in parent_of:
        path: dict[int, None] = {}
        at: int | None = line
        while at is not None and at not in sound and at not in path:
            path[at] = None
            at = parent_of.get(at)
        if at is not None and at in path:
            circle = list(path)[list(path).index(at) :]
            report.add("A06", at, "parent", " → ".join(f"line {each}" for each in (*circle, at)))
        sound |= path.keys()
