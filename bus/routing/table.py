"""The topic table as text: read from TOML with every problem at once, and written back."""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bus.errors import RoutesRefused
from bus.model import Problem
from bus.routing import rules, topics
from bus.routing.row import ANY, UNDER, Action, Row

#: Most sender × recipient pairs one row may stand for; each pair is one entry of the index.
MAX_PAIRS = 10_000

_DECISIONS = {
    "deliver": Action.DELIVER,
    "via": Action.VIA,
    "redirect_to": Action.REDIRECT,
    "hold": Action.HOLD,
    "reject": Action.REJECT,
    "copy_to": Action.COPY,
}
_KEYS = frozenset({"topic", "priority", "sender", "recipient", "note", *_DECISIONS})
_CODE = re.compile(r"[^\s\x00-\x1f\x7f*#:,;|\"']{1,64}")
_HEADER = re.compile(r"[ \t]*\[\[[ \t]*route[ \t]*\]\]")
_AT_LEAST = re.compile(r">=\s*([0-4])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A topic table that can be read; check() tells whether it makes sense here."""

    source: str
    rows: tuple[Row, ...]


def parse(text: str, source: str) -> Table:
    """Read a table from TOML `[[route]]` rows.

    `source` names the file in problems. Raises RoutesRefused with every problem of every
    row, each with its row number and line.
    """
    raw = _load(text, source)
    report = _Report(source)
    for key in raw.keys() - {"route"}:
        report.add("R02", key=key)
    rows = raw.get("route", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        report.add("R08", key="route", expected="[[route]]")
        rows = []
    lines = _lines(text, len(rows))
    parsed = [
        _RowReader(report, number, line, raw_row).read()
        for number, (line, raw_row) in enumerate(zip(lines, rows, strict=True), start=1)
    ]
    if report.problems:
        raise RoutesRefused(rules.summary(report.problems), problems=report.problems)
    return Table(source=source, rows=tuple(parsed))


def to_toml(rows: Iterable[Row]) -> str:
    """The rows as a routing file that parse() reads back to equal rows."""
    return "\n".join(_row_text(row) for row in rows)


def place(source: str, row: Row, key: str = "") -> str:
    """How a problem names a row: the file, the row's number, and the key."""
    return _path(source, row.number, key)


def _path(source: str, number: int, key: str) -> str:
    row = f" row {number}" if number else ""
    return f"{source}{row} {key}".rstrip()


def _load(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        found = rules.problem(
            "R01", path=source, line=int(line.group(1)) if line else 0, value=error
        )
        raise RoutesRefused(rules.summary([found]), problems=[found]) from error


def _lines(text: str, count: int) -> list[int]:
    """The line of each row; zeros where the text does not show them one to one."""
    found = [at for at, line in enumerate(text.split("\n"), start=1) if _HEADER.match(line)]
    return found if len(found) == count else [0] * count


@dataclass(slots=True)
class _Report:
    """Collects every problem of one table."""

    source: str
    problems: list[Problem] = field(default_factory=list)

    def add(
        self,
        rule: str,
        *,
        key: str,
        at: tuple[int, int] = (0, 0),
        value: object = "",
        expected: str = "",
    ) -> None:
        """Note one problem; `at` is row number and line."""
        path = _path(self.source, at[0], key)
        self.problems.append(
            rules.problem(rule, path=path, line=at[1], value=value, expected=expected)
        )


@dataclass(slots=True)
class _RowReader:
    """Reads one raw row, reporting instead of raising."""

    report: _Report
    number: int
    line: int
    raw: dict[str, Any]

    def read(self) -> Row:
        """The row; meaningless when problems were reported."""
        for key in self.raw.keys() - _KEYS:
            self._wrong("R02", key)
        sender, recipient = self._terms("sender"), self._terms("recipient")
        if len(sender) * len(recipient) > MAX_PAIRS:
            self._wrong("R07", "sender", len(sender) * len(recipient), f"<= {MAX_PAIRS}")
        action, target, copies, reason = self._decision()
        return Row(
            number=self.number,
            line=self.line,
            topic=self._topic(),
            priority=self._priority(),
            sender=sender,
            recipient=recipient,
            action=action,
            target=target,
            copies=copies,
            reason=reason,
            note=self._text("note"),
        )

    def _wrong(self, rule: str, key: str, value: object = "", expected: str = "") -> None:
        self.report.add(rule, key=key, at=(self.number, self.line), value=value, expected=expected)

    def _text(self, key: str) -> str:
        value = self.raw.get(key, "")
        if not isinstance(value, str):
            self._wrong("R08", key, value, "text")
            return ""
        return value

    def _topic(self) -> str:
        value = self.raw.get("topic", "#")
        if isinstance(value, str) and topics.is_pattern(value):
            return value
        self._wrong("R03", "topic", value, "edoc.*.cong-van")
        return "#"

    def _priority(self) -> tuple[int, ...]:
        value = self.raw.get("priority")
        if value is None:
            return ()
        least = _AT_LEAST.fullmatch(value) if isinstance(value, str) else None
        if least:
            return tuple(range(int(least.group(1)), 5))
        given = value if isinstance(value, list) else [value]
        if given and all(type(each) is int and 0 <= each <= 4 for each in given):
            return tuple(sorted(set(given)))
        self._wrong("R04", "priority", value, '0…4, [3, 4], ">=2"')
        return ()

    def _terms(self, key: str) -> tuple[str, ...]:
        value = self.raw.get(key, ANY)
        given = value if isinstance(value, list) else [value]
        cleaned = tuple(dict.fromkeys(self._term(key, each) for each in given))
        if not given or (ANY in cleaned and len(cleaned) > 1):
            self._wrong("R05", key, value)
        return cleaned or (ANY,)

    def _term(self, key: str, value: object) -> str:
        if value == ANY:
            return ANY
        text = value if isinstance(value, str) else ""
        under = text.strip().startswith(UNDER)
        code = self._code(key, text.strip().removeprefix(UNDER), shown=value)
        return UNDER + code if under else code

    def _code(self, key: str, value: object, *, shown: object = None) -> str:
        code = unicodedata.normalize("NFC", value.strip()) if isinstance(value, str) else ""
        if not _CODE.fullmatch(code):
            self._wrong("R05", key, value if shown is None else shown)
            return "?"
        return code

    def _decision(self) -> tuple[Action, str | None, tuple[str, ...], str]:
        named = [key for key in _DECISIONS if key in self.raw]
        if len(named) != 1:
            self._wrong("R06", " ".join(named), ", ".join(named))
            return Action.DELIVER, None, (), ""
        key = named[0]
        value, action = self.raw[key], _DECISIONS[key]
        if action in {Action.DELIVER, Action.HOLD}:
            if value is not True:
                self._wrong("R06", key, value, f"{key} = true")
            return action, None, (), ""
        if action is Action.COPY:
            return action, None, self._copies(value), ""
        if action is Action.REDIRECT:
            return action, self._code(key, value), (), ""
        text = self._text(key).strip()
        if not text:
            self._wrong("R08", key, value, "text")
        return (action, text, (), "") if action is Action.VIA else (action, None, (), text)

    def _copies(self, value: object) -> tuple[str, ...]:
        given = value if isinstance(value, list) else [value]
        if not given:
            self._wrong("R05", "copy_to", value)
        return tuple(dict.fromkeys(self._code("copy_to", each) for each in given))


def _row_text(row: Row) -> str:
    lines = ["[[route]]"]
    if row.topic != "#":
        lines.append(f"topic = {_quoted(row.topic)}")
    if row.priority:
        lines.append(f"priority = {list(row.priority)}")
    for key, terms in (("sender", row.sender), ("recipient", row.recipient)):
        if terms != (ANY,):
            lines.append(f"{key} = {_listed(terms)}")
    lines.append(_decision_text(row))
    if row.note:
        lines.append(f"note = {_quoted(row.note)}")
    return "\n".join(lines) + "\n"


def _decision_text(row: Row) -> str:
    if row.action in {Action.DELIVER, Action.HOLD}:
        return f"{row.action.value} = true"
    if row.action is Action.COPY:
        return f"copy_to = [{', '.join(map(_quoted, row.copies))}]"
    if row.action is Action.REJECT:
        return f"reject = {_quoted(row.reason)}"
    key = "via" if row.action is Action.VIA else "redirect_to"
    return f"{key} = {_quoted(row.target or '')}"


def _listed(terms: tuple[str, ...]) -> str:
    return _quoted(terms[0]) if len(terms) == 1 else f"[{', '.join(map(_quoted, terms))}]"


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but DEL must be escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
