"""One row of the agency list."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from bus.agency_csv.columns import POLICY_COLUMNS
from bus.agency_csv.report import Report
from bus.model import Agency, AgencyState, CodeSystem, PolicyMode, TrustPolicy

_CODE = re.compile(r"[^\s\x00-\x1f\x7f*#:,;|\"']{1,64}")
_TOKEN = re.compile(r"[0-9a-f]{64}")
_OPTION = re.compile(r"([A-Za-z0-9_.-]+)=(.*)", re.DOTALL)
_SECRET = re.compile(r"pass|secret|token|mat_?khau", re.IGNORECASE)
_TRUTHS = {"": False, "no": False, "false": False, "0": False}
_TRUTHS |= {"yes": True, "true": True, "1": True}
_Choice = TypeVar("_Choice", bound=StrEnum)


def _plain(value: str) -> str:
    return value.replace("%3D", "=").replace("%3B", ";").replace("%25", "%")


@dataclass(slots=True)
class RowReader:
    """Reads one row, reporting instead of raising."""

    report: Report
    line: int
    cells: dict[str, str]

    def agency(self) -> Agency:
        """The agency; meaningless when problems were reported."""
        return Agency(
            code=self._code("code") or self._missing("code"),
            name=self._text("name") or self._missing("name"),
            codes=tuple(
                (system, code) for system in CodeSystem for code in self._codes(system.value)
            ),
            parent=self._code("parent"),
            state=self._choice("state", AgencyState, AgencyState.TRIAL),
            policy=self._policy(),
            dialect=self._text("dialect") or None,
            channel=self._text("channel") or None,
            address=self._text("address") or None,
            channel_options=self._options(),
            speaks_for=self._codes("speaks_for"),
        )

    @property
    def says_policy(self) -> bool:
        """Whether any cell says how the agency proves itself."""
        return any(self._text(column) for column in POLICY_COLUMNS)

    def _wrong(self, rule: str, column: str, value: str = "", expected: str = "") -> None:
        self.report.add(rule, self.line, column, value, expected)

    def _text(self, column: str) -> str:
        return unicodedata.normalize("NFC", self.cells.get(column, "").strip())

    def _missing(self, column: str) -> str:
        if not self._text(column):
            self._wrong("A03", column)
        return ""

    def _code(self, column: str) -> str | None:
        text = self._text(column)
        if text and not _CODE.fullmatch(text):
            self._wrong("A04", column, text)
            return None
        return text or None

    def _codes(self, column: str) -> tuple[str, ...]:
        codes = dict.fromkeys(self._text(column).replace("|", " ").split())
        for code in codes:
            if not _CODE.fullmatch(code):
                self._wrong("A04", column, code)
        return tuple(codes)

    def _choice(self, column: str, kind: type[_Choice], default: _Choice) -> _Choice:
        text = self._text(column).lower()
        if not text:
            return default
        try:
            return kind(text)
        except ValueError:
            self._wrong("A07", column, text, ", ".join(kind))
            return default

    def _truth(self, column: str) -> bool:
        text = self._text(column).lower()
        if text not in _TRUTHS:
            self._wrong("A07", column, text, "yes, no")
        return _TRUTHS.get(text, False)

    def _policy(self) -> TrustPolicy:
        mode = self._choice("policy", PolicyMode, PolicyMode.SIGNATURE)
        token = self._text("token_sha256").lower()
        if token and not _TOKEN.fullmatch(token):
            self._wrong("A08", "token_sha256")
        if mode is PolicyMode.TOKEN and not token:
            self._wrong("A09", "token_sha256")
        return TrustPolicy(
            mode=mode,
            require_document_signature=self._truth("require_document_signature"),
            allow_legacy_signature=self._truth("allow_legacy"),
            legacy_until=self._date("legacy_until"),
            token_sha256=token or None,
        )

    def _date(self, column: str) -> date | None:
        text = self._text(column)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self._wrong("A07", column, text, "2026-12-31")
            return None

    def _options(self) -> dict[str, str]:
        options: dict[str, str] = {}
        for part in filter(None, self._text("options").split(";")):
            found = _OPTION.fullmatch(part.strip())
            if found is None or found[1] in options:
                self._wrong("A10", "options", part, "key=value;key=value")
            elif _SECRET.search(found[1]):
                self._wrong("A11", "options", found[1])
            else:
                options[found[1]] = _plain(found[2])
        return options
