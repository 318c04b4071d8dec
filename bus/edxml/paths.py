"""How the bus names a place in a sender's XML: `/edXML/edXMLEnvelope/…/To[2]/OrganId`.

Steps are local names, since senders choose their own prefixes; `[n]` counts siblings of one
local name from 1 and stands only where there is more than one.
"""

from __future__ import annotations

from collections import Counter

from lxml import etree

_LINE_UNKNOWN = 65535


def element_path(element: etree._Element) -> str:
    """The path of one element from the root of its document.

    Costs the number of siblings on the way up; use `element_paths` for many elements.
    """
    steps = [_step(element)]
    steps.extend(_step(ancestor) for ancestor in element.iterancestors())
    return "/" + "/".join(reversed(steps))


def element_paths(root: etree._Element) -> dict[etree._Element, str]:
    """The paths of all elements at and under `root`, in document order, in one pass."""
    totals = Counter((e.getparent(), local_name(e)) for e in root.iter(etree.Element))
    seen: Counter[tuple[etree._Element | None, str]] = Counter()
    paths = {root: element_path(root)}
    for element in root.iterdescendants(etree.Element):
        parent, name = element.getparent(), local_name(element)
        seen[parent, name] += 1
        index = f"[{seen[parent, name]}]" if totals[parent, name] > 1 else ""
        paths[element] = f"{paths[parent]}/{name}{index}" if parent is not None else f"/{name}"
    return paths


def node_paths(root: etree._Element) -> dict[str, etree._Element]:
    """The elements at and under `root` by the path libxml2 gives them in its error log.

    libxml2 writes `prefix:name` for a prefixed element, `*` for one in a default namespace
    and `name` for one in none, and counts among equals of that spelling.
    """
    elements = list(root.iter(etree.Element))
    totals = Counter((e.getparent(), _spelling(e)) for e in elements if e is not root)
    children = Counter(e.getparent() for e in elements if e is not root)
    seen: Counter[tuple[etree._Element | None, str]] = Counter()
    order: Counter[etree._Element | None] = Counter()
    paths = {root: f"/{_spelling(root)}"}
    for element in elements[1:]:
        parent, spelling = element.getparent(), _spelling(element)
        order[parent] += 1
        seen[parent, spelling] += 1
        generic = spelling == "*"
        total = children[parent] if generic else totals[parent, spelling]
        index = order[parent] if generic else seen[parent, spelling]
        above = paths[parent] if parent is not None else ""
        paths[element] = f"{above}/{spelling}" + (f"[{index}]" if total > 1 else "")
    return {path: element for element, path in paths.items()}


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def line_of(element: etree._Element) -> int:
    """The line of an element in the sender's document, from 1; 0 when it was never parsed.

    libxml2 keeps lines above 65534 with the text in an element; for one without any the line
    of the nearest element around it stands in.
    """
    line: int | None = getattr(element, "sourceline", None)
    if line == _LINE_UNKNOWN:
        above = element.getparent()
        return line_of(above) if above is not None else line
    return line or 0


def _step(element: etree._Element) -> str:
    name = local_name(element)
    before = sum(1 for e in element.itersiblings(f"{{*}}{name}", preceding=True))
    after = before or next(element.itersiblings(f"{{*}}{name}"), None) is not None
    return f"{name}[{before + 1}]" if after else name


def _spelling(element: etree._Element) -> str:
    if element.prefix:
        return f"{element.prefix}:{local_name(element)}"
    return "*" if str(element.tag).startswith("{") else local_name(element)
