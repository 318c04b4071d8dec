"""Collects what the rules find in one message, each with its place in the sender's document."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bus.edxml.field_paths import edxml_path
from bus.edxml.rule_table import problem
from bus.model import Problem, Severity

_LONGEST_VALUE = 200


class Findings:
    """The problems of one message so far; knows which were told before."""

    def __init__(
        self, places: Mapping[str, tuple[str, int]], already: Collection[Problem], *, status: bool
    ) -> None:
        self._places = places
        self._status = status
        self._told = {(p.rule, p.path) for p in already}
        self._troubled = {p.path for p in already}
        self._found: list[Problem] = []

    def all(self) -> tuple[Problem, ...]:
        """Everything found, in the order it was found."""
        return tuple(self._found)

    def missing(
        self,
        rule: str,
        field: str,
        *,
        expected: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Say that `field` is absent, unless its place has a problem already.

        A value that could not be read is absent from the canonical message; its reader has
        told the real reason, also when that stands on the element around it.
        """
        path, line = self._place(field)
        around = path.rpartition("/")[0]
        if path not in self._troubled and (rule, around) not in self._told:
            self._add(problem(rule, path=path, line=line, expected=expected, severity=severity))

    def wrong(
        self,
        rule: str,
        field: str,
        value: object,
        *,
        expected: str | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Say that `value` in `field` breaks a rule."""
        path, line = self._place(field)
        self._add(
            problem(
                rule,
                path=path,
                line=line,
                value=str(value)[:_LONGEST_VALUE],
                expected=expected,
                severity=severity,
            )
        )

    def _add(self, found: Problem) -> None:
        if (found.rule, found.path) not in self._told:
            self._told.add((found.rule, found.path))
            self._troubled.add(found.path)
            self._found.append(found)

    def _place(self, field: str) -> tuple[str, int]:
        known = self._places.get(field)
        if known is not None:
            return known
        return edxml_path(field, status=self._status), 0
