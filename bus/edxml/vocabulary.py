"""Which element names an inbound schema knows in which place, read from the schema itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

_XS = "{http://www.w3.org/2001/XMLSchema}"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Known children by type: `types[type][child] = type of the child`; leaves are no key."""

    namespace: str
    roots: Mapping[str, str]
    types: Mapping[str, Mapping[str, str]]

    def strangers(self, root: etree._Element) -> tuple[etree._Element, ...]:
        """The outermost elements of the namespace that have no place where they stand."""
        found: list[etree._Element] = []
        open_: list[tuple[etree._Element, str]] = [
            (root, self.roots.get(self._local(root) or "", ""))
        ]
        while open_:
            element, kind = open_.pop()
            known = self.types.get(kind)
            if known is None:
                continue
            for child in element.iterchildren(etree.Element):
                name = self._local(child)
                if name and name in known:
                    open_.append((child, known[name]))
                elif name:
                    found.append(child)
        return tuple(found)

    def _local(self, element: etree._Element) -> str | None:
        name = etree.QName(element)
        return name.localname if name.namespace == self.namespace else None


def read_vocabulary(schema: etree._Element) -> Vocabulary:
    """The vocabulary of a schema made of named complex types with element content."""
    types = {
        kind.get("name", ""): {e.get("name", ""): _type(e) for e in kind.iter(f"{_XS}element")}
        for kind in schema.iterchildren(f"{_XS}complexType")
        if kind.get("mixed") != "true" and kind.find(f"{_XS}simpleContent") is None
    }
    roots = {e.get("name", ""): _type(e) for e in schema.iterchildren(f"{_XS}element")}
    return Vocabulary(schema.get("targetNamespace", ""), roots, types)


def _type(element: etree._Element) -> str:
    return element.get("type", "").rpartition(":")[2]
