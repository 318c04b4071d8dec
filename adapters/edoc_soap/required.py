"""What must stand in a message before its values are looked at: every tag of the hub's list."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from adapters.edoc_soap.mapping import PUBLIC, REQUIRED
from adapters.edoc_soap.message import Message
from bus.edxml.paths import line_of
from bus.edxml.rules import problem
from bus.envelope import edoc
from bus.model import Problem, Severity


def missing_tags(message: Message) -> tuple[Problem, ...]:
    """One problem for each absent tag, at the path where it belongs; nothing for the 2013 draft."""
    if message.header is None or message.is_draft:
        return ()
    home = "/Envelope/Header"
    blocks = (("TraceHeaderList", message.trace), ("ErrorList", message.errors))
    found = [_missing(f"{home}/{name}", 0) for name, block in blocks if block is None]
    return (*_below(message, message.header), *found)


def secrecy(message: Message) -> tuple[Problem, ...]:
    """Refuse what the draft's `Secret` calls secret: such a document does not travel on a network."""
    other = edoc.child(message.header, "OtherInfo")
    secret = edoc.child(other, "Secret")
    if secret is None or is_public(secret):
        return ()
    path, line, value = message.paths[secret], line_of(secret), secret.text or ""
    return (
        problem(
            "E20", path=path, line=line, value=value[:100], expected="0", severity=Severity.REJECT
        ),
    )


def is_public(element: etree._Element) -> bool:
    """Whether an element is the draft's `Secret` with a word that means "none"."""
    return element.tag == edoc.tag("Secret") and (element.text or "").strip().casefold() in PUBLIC


def _below(message: Message, element: etree._Element) -> Iterator[Problem]:
    name = str(element.tag).rpartition("}")[2]
    for wanted in REQUIRED.get(name, ()):
        found = list(element.iterchildren(edoc.tag(wanted)))
        if not found:
            yield _missing(f"{message.paths[element]}/{wanted}", line_of(element))
        for child in found:
            yield from _below(message, child)


def _missing(path: str, line: int) -> Problem:
    return problem("XSD", path=path, line=line, expected=f"<{path.rpartition('/')[2]}>")
