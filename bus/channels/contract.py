"""How large a receiver's WSDL becomes when it is read; asked before zeep reads it.

Groups and base types are copied to wherever they are named: thirty that each name the next one
twice would be a thousand million elements.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from lxml import etree

from bus import errors

#: Largest WSDL with all its schemas, bytes.
MOST_BYTES = 8 * 1024 * 1024
#: Most elements in all its documents together.
MOST_ELEMENTS = 50_000
#: Most elements that its definitions are together when every name in them is filled in.
MOST_COPIES = 50_000

_XSD = "{http://www.w3.org/2001/XMLSchema}"
_KINDS = {
    _XSD + "group": "group",
    _XSD + "attributeGroup": "attributeGroup",
    _XSD + "complexType": "type",
    _XSD + "simpleType": "type",
}
_DERIVED = frozenset({_XSD + "extension", _XSD + "restriction"})

#: Kind, namespace and name of a definition.
_Key = tuple[str, str | None, str]


@dataclass(slots=True)
class _Definition:
    """One definition: its own elements, and what it names, with how often."""

    size: int = 0
    names: Counter[_Key] = field(default_factory=Counter)


class Contract:
    """The documents of one WSDL, weighed one by one as they are loaded."""

    def __init__(self) -> None:
        self._bytes = 0
        self._elements = 0
        self._definitions: dict[_Key, _Definition] = defaultdict(_Definition)
        #: Kind and name → definitions in any namespace.
        self._namesakes: dict[tuple[str, str], set[_Key]] = defaultdict(set)

    def add(self, content: bytes) -> None:
        """Weigh one more document; Raises PeerUnavailable DLV-003 when all are too much."""
        self._bytes += len(content)
        _bound(self._bytes, MOST_BYTES, "bytes")
        try:
            root = etree.fromstring(content, _parser())
        except etree.XMLSyntaxError as error:
            raise errors.PeerUnavailable(f"WSDL is no XML: {error.msg}", code="DLV-003") from error
        self._elements += sum(1 for _ in root.iter(etree.Element))
        _bound(self._elements, MOST_ELEMENTS, "elements")
        for schema in root.iter(_XSD + "schema"):
            for definition in schema.iter(*_KINDS):
                if definition.get("name"):
                    self._define(definition, schema.get("targetNamespace"))
        _bound(self._copies(), MOST_COPIES, "elements when its groups and types are filled in")

    def _define(self, element: etree._Element, namespace: str | None) -> None:
        kind, name = _KINDS[str(element.tag)], str(element.get("name"))
        key = (kind, namespace, name)
        self._namesakes[kind, name].add(key)
        # Of two with one name any may be taken: both are counted.
        definition = self._definitions[key]
        for each in element.iter(etree.Element):
            definition.size += 1
            if each is not element and (named := _named(each)):
                definition.names[named] += 1

    def _copies(self) -> int:
        """The size of everything filled in; a definition comes after all that it names."""
        uses = {key: self._found(one) for key, one in self._definitions.items()}
        users: dict[_Key, list[_Key]] = defaultdict(list)
        for key, names in uses.items():
            for named in names:
                users[named].append(key)
        waits = {key: len(names) for key, names in uses.items()}
        ready = [key for key, number in waits.items() if not number]
        sizes: dict[_Key, int] = {}
        while ready:
            key = ready.pop()
            inner = sum(sizes[named] * times for named, times in uses[key].items())
            sizes[key] = self._definitions[key].size + inner
            for user in users[key]:
                waits[user] -= 1
                if not waits[user]:
                    ready.append(user)
        if len(sizes) < len(uses):
            raise errors.PeerUnavailable("WSDL defines a name by itself", code="DLV-003")
        return sum(sizes.values())

    def _found(self, definition: _Definition) -> Counter[_Key]:
        """The definitions that are named; a schema without a namespace takes that of its includer."""
        found: Counter[_Key] = Counter()
        for (kind, namespace, name), times in definition.names.items():
            namesakes = self._namesakes.get((kind, name), set())
            fitting = {(kind, namespace, name), (kind, None, name)} & namesakes
            for key in fitting if namespace is not None else namesakes:
                found[key] += times
        return found


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )


def _named(element: etree._Element) -> _Key | None:
    tag = str(element.tag)
    kind = "type" if tag in _DERIVED else _KINDS.get(tag)
    text = (element.get("base") if tag in _DERIVED else element.get("ref")) or ""
    prefix, _, name = text.strip().rpartition(":")
    if kind is None or not name:
        return None
    return kind, element.nsmap.get(prefix or None), name


def _bound(number: int, most: int, of: str) -> None:
    if number > most:
        raise errors.PeerUnavailable(f"WSDL of more than {most} {of}", code="DLV-003")
