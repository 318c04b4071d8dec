"""How the bus names a place in a sender's XML: `/edXML/edXMLEnvelope/…/To[2]/OrganId`.

Steps are local names, since senders choose their own prefixes; `[n]` counts siblings of one
local name from 1 and stands only where there is more than one. Paths of more than 1,000
characters are told without their middle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from lxml import etree

_LINE_UNKNOWN = 65535
#: Longest path that is told, characters; problems keep one each.
_LONGEST = 1000


def element_path(element: etree._Element) -> str:
    """The path of one element from the root of its document.

    Costs the number of siblings on the way up; use `element_paths` for many elements.
    """
    steps = [_step(element)]
    steps.extend(_step(ancestor) for ancestor in element.iterancestors())
    return _short("/" + "/".join(reversed(steps)))


class ElementPaths(Mapping[etree._Element, str]):  # noqa: SLF001 - lxml's public class
    """The paths of all elements at and under a root, in document order, made when asked for.

    Only steps are kept: paths repeat the names above an element, so that a message of
    kilobytes can have gigabytes of them.
    """

    def __init__(self, root: etree._Element) -> None:
        totals = Counter((e.getparent(), local_name(e)) for e in root.iter(etree.Element))
        seen: Counter[tuple[etree._Element | None, str]] = Counter()
        # with the element above as it was: readers of a message take it apart
        self._steps: dict[etree._Element, tuple[etree._Element | None, str]] = {
            root: (None, element_path(root))
        }
        for element in root.iterdescendants(etree.Element):
            key = above, name = element.getparent(), local_name(element)
            seen[key] += 1
            index = f"[{seen[key]}]" if totals[key] > 1 else ""
            self._steps[element] = above, f"/{name}{index}"

    def __getitem__(self, element: etree._Element) -> str:
        above, step = self._steps[element]
        steps = [step]
        while above is not None:
            above, step = self._steps[above]
            steps.append(step)
        return _short("".join(reversed(steps)))

    def __iter__(self) -> Iterator[etree._Element]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)


def element_paths(root: etree._Element) -> ElementPaths:
    """The paths of all elements at and under `root`, worked out in one pass over them."""
    return ElementPaths(root)


class NodePaths:
    """The elements at and under a root by the path libxml2 gives them in its error log.

    libxml2 writes `prefix:name` for a prefixed element, `*` for one in a default namespace
    and `name` for one in none, and counts among equals of that spelling. As in `ElementPaths`,
    only steps are kept.
    """

    def __init__(self, root: etree._Element) -> None:
        elements = list(root.iter(etree.Element))
        totals = Counter((e.getparent(), _spelling(e)) for e in elements if e is not root)
        children = Counter(e.getparent() for e in elements if e is not root)
        seen: Counter[tuple[etree._Element | None, str]] = Counter()
        order: Counter[etree._Element | None] = Counter()
        self._below: dict[tuple[etree._Element | None, str], etree._Element] = {
            (None, _spelling(root)): root
        }
        for element in elements[1:]:
            parent, spelling = element.getparent(), _spelling(element)
            order[parent] += 1
            seen[parent, spelling] += 1
            generic = spelling == "*"
            total = children[parent] if generic else totals[parent, spelling]
            index = order[parent] if generic else seen[parent, spelling]
            step = f"{spelling}[{index}]" if total > 1 else spelling
            self._below[parent, step] = element

    def get(self, path: str, otherwise: etree._Element) -> etree._Element:
        """The element of a path, `otherwise` for a path of none."""
        found: etree._Element | None = None
        for step in path.split("/")[1:]:
            found = self._below.get((found, step))
            if found is None:
                return otherwise
        return otherwise if found is None else found


def node_paths(root: etree._Element) -> NodePaths:
    """The elements at and under `root` by libxml2's path, worked out in one pass over them."""
    return NodePaths(root)


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


def _short(path: str) -> str:
    """A path with its middle left out where it is longer than anybody reads."""
    if len(path) <= _LONGEST:
        return path
    half = _LONGEST // 2
    return f"{path[:half]}…{path[-half:]}"


def _step(element: etree._Element) -> str:
    name = local_name(element)
    before = sum(1 for e in element.itersiblings(f"{{*}}{name}", preceding=True))
    after = before or next(element.itersiblings(f"{{*}}{name}"), None) is not None
    return f"{name}[{before + 1}]" if after else name


def _spelling(element: etree._Element) -> str:
    if element.prefix:
        return f"{element.prefix}:{local_name(element)}"
    return "*" if str(element.tag).startswith("{") else local_name(element)
