"""The schemas of the bus, compiled once per thread, and what a message breaks in them.

The files lie in `schemas/` (`bus/resources/schemas`); their README tells what each is for
and what it rests on. Nothing is ever fetched: no schema here imports another.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Mapping
from importlib.resources import files

from lxml import etree

from bus.edxml import schema_types
from bus.edxml.paths import element_path, element_paths, line_of, local_name, node_paths
from bus.edxml.rule_table import problem
from bus.edxml.violations import as_problem, explain
from bus.edxml.vocabulary import Vocabulary, read_vocabulary
from bus.model import Problem

__all__ = [
    "SchemaName",
    "crowded",
    "element_path",
    "element_paths",
    "source",
    "unknown_elements",
    "validate",
    "violations",
]


#: libxml2 spells out the place of each error by counting siblings, which would let one crafted
#: message of a few megabytes burn minutes.
MOST_CHILDREN = 5_000


class SchemaName(enum.StrEnum):
    """Every schema of a message format, by its place under `schemas/`."""

    QCVN102_INBOUND = "qcvn102/2016/inbound"
    QCVN102_OUTBOUND_DOCUMENT = "qcvn102/2016/outbound-document"
    QCVN102_OUTBOUND_STATUS = "qcvn102/2016/outbound-status"
    QCVN102_SPECIFICATION = "qcvn102/2016/specification"
    EDOC_INBOUND = "edoc/1.0/inbound"
    EDOC_OUTBOUND = "edoc/1.0/outbound"
    EDOC_SPECIFICATION = "edoc/1.0/specification"

    @property
    def is_inbound(self) -> bool:
        """Whether elements the schema does not know are left to rule E20 instead of refused."""
        return self.value.endswith("/inbound")

    @property
    def is_specification(self) -> bool:
        """Whether it is XSD 1.1, which libxml2 cannot read."""
        return self.value.endswith("/specification")


class _Compiled(threading.local):
    """Schemas of this thread: lxml writes its errors into the schema object, so none is shared."""

    def __init__(self) -> None:
        self.schemas: dict[SchemaName, etree.XMLSchema] = {}
        self.vocabularies: dict[SchemaName, Vocabulary] = {}


_compiled = _Compiled()


def source(name: SchemaName) -> bytes:
    """The text of one schema as shipped, UTF-8."""
    return files("bus.resources").joinpath("schemas", f"{name.value}.xsd").read_bytes()


def validate(tree: etree._Element, name: SchemaName) -> tuple[Problem, ...]:
    """Every way in which `tree` breaks the schema, in document order; empty when it is valid.

    Paths and lines are the sender's. Give it the skeleton (attachment text taken out): the
    base64 check of libxml2 and the memory of the XSD 1.1 engine grow badly with long text.
    The inbound schemas pass over elements they do not know, which rule E20 tells of. An
    element with more than MOST_CHILDREN children is refused without looking further.
    """
    return crowded(tree) or violations(tree, name)


def violations(tree: etree._Element, name: SchemaName) -> tuple[Problem, ...]:
    """The same for a tree that is known not to be `crowded`."""
    if name.is_specification:
        return _by_specification(tree, name)
    schema = _schema(name)
    if schema.validate(tree):
        return ()
    originals = {e: e for e in tree.iter(etree.Element)}
    if name.is_inbound and unknown_elements(tree, name):
        originals = _without_unknown(tree, name)
        if schema.validate(next(iter(originals))):
            return ()
    return _problems(originals, schema)


def unknown_elements(tree: etree._Element, name: SchemaName) -> tuple[etree._Element, ...]:
    """The outermost elements of the format's own namespace that have no place where they stand.

    For the inbound schemas; elements of other namespaces are not listed.
    """
    vocabularies = _compiled.vocabularies
    if name not in vocabularies:
        vocabularies[name] = read_vocabulary(_parsed(name))
    return vocabularies[name].strangers(tree)


def crowded(tree: etree._Element) -> tuple[Problem, ...]:
    """One problem for each element with more than MOST_CHILDREN children."""
    return tuple(
        problem(
            "XSD",
            path=element_path(element),
            line=line_of(element),
            value=str(len(element)),
            expected=f"at most {MOST_CHILDREN} children",
        )
        for element in tree.iter(etree.Element)
        if len(element) > MOST_CHILDREN
    )


def _without_unknown(
    tree: etree._Element, name: SchemaName
) -> dict[etree._Element, etree._Element]:
    """A copy in which a comment stands for each unknown element; its elements with their originals.

    The root comes first. Known elements are written anew, one by one: libxml2 copies and cuts
    trees in time that grows with their elements times the namespaces in scope.
    """
    unknown = frozenset(unknown_elements(tree, name))
    root = etree.Element(tree.tag, _attributes(tree), nsmap=tree.nsmap)  # type: ignore[arg-type]  # the stubs forget the default namespace
    root.text = tree.text
    originals, open_ = {root: tree}, [(tree, root)]
    while open_:
        original, parent = open_.pop()
        for child in original:
            copied: etree._Element
            if child in unknown:
                copied = etree.Comment("")
                parent.append(copied)
            else:
                copied = etree.SubElement(parent, child.tag, _attributes(child))
                copied.text = child.text
                originals[copied] = child
                open_.append((child, copied))
            copied.tail = child.tail
    return originals


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.items()}


def _problems(
    originals: Mapping[etree._Element, etree._Element], schema: etree.XMLSchema
) -> tuple[Problem, ...]:
    """The errors of the validation just done, each place and message told once."""
    validated = next(iter(originals))
    nodes, names = node_paths(validated), element_paths(originals[validated])
    found: dict[tuple[str, str], Problem] = {}
    for entry in schema.error_log:  # type: ignore[attr-defined]  # the stubs omit __iter__
        element = originals[nodes.get(entry.path or "", validated)]
        value = (element.text or "").strip()
        told = explain(entry.type_name, entry.message, local_name(element), value)
        breach = as_problem(told, path=names[element], line=line_of(element) or entry.line)
        found.setdefault((breach.path, breach.message), breach)
    return tuple(found.values())


def _by_specification(tree: etree._Element, name: SchemaName) -> tuple[Problem, ...]:
    # The XSD 1.1 engine is heavy; only who asks for a specification pays for loading it.
    from bus.edxml import specification  # noqa: PLC0415

    names = element_paths(tree)
    return tuple(
        as_problem(told, path=names.get(element, names[tree]), line=line_of(element))
        for element, told in specification.violations(tree, name.value, source(name))
    )


def _schema(name: SchemaName) -> etree.XMLSchema:
    schemas = _compiled.schemas
    if name not in schemas:
        schemas[name] = schema_types.compiled(_parsed(name))
    return schemas[name]


def _parsed(name: SchemaName) -> etree._Element:
    parser = etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False)
    return etree.fromstring(source(name), parser)
