"""Where each field of a message stands in the sender's file, worked out only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from bus.edxml.paths import element_paths, line_of


class Places(Mapping[str, tuple[str, int]]):
    """Canonical path → the sender's (path, line), for every field of one message.

    Most messages have no problem to be told with a place, so that only elements are noted while
    a message is read; the paths of all are made together at the first question, in one pass.
    """

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._noted: dict[str, etree._Element | tuple[etree._Element, str]] = {}
        self._paths: Mapping[etree._Element, str] = {}

    def note(self, field: str, element: etree._Element) -> None:
        """Say which element a field was read from."""
        self._noted[field] = element

    def note_absent(self, field: str, above: etree._Element, below: str) -> None:
        """Say where the element of a field would stand: `below` is the path under `above`."""
        self._noted[field] = (above, below)

    def path_of(self, element: etree._Element) -> str:
        """The path of any element of the message, in the sender's words."""
        if not self._paths:
            self._paths = element_paths(self._root)
        return self._paths[element]

    def __getitem__(self, field: str) -> tuple[str, int]:
        noted = self._noted[field]
        element, below = noted if isinstance(noted, tuple) else (noted, "")
        return self.path_of(element) + below, line_of(element)

    def __iter__(self) -> Iterator[str]:
        return iter(self._noted)

    def __len__(self) -> int:
        return len(self._noted)

    def __contains__(self, field: object) -> bool:
        return field in self._noted
