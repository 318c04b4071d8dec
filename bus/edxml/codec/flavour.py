"""How one producer of QCVN 102 writes the same message: order, prefixes, packing, labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bus.edxml.codec.mapping import DOCUMENT, STATUS, Field, Leaf, Wrapper

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """The writing habits of one SDK; reading needs none of this."""

    #: The tables in the order the elements are written.
    document: Wrapper = DOCUMENT
    status: Wrapper = STATUS
    #: Further namespaces declared on the root, by prefix.
    root_namespaces: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    #: Attributes of TraceHeaderList; `id` is added where there are any.
    trace_attributes: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    #: Whether Reference repeats the content id as an xlink.
    links: bool = False
    #: What Attachment/ContentId begins with; Reference/ContentId always has `cid:`.
    attachment_cid: str = "cid:"
    #: Whether ContentTransferEncoded declares the prefix `edXML` again.
    prefixed_payload: bool = True
    #: Whether a file that came in a transport ZIP leaves in one.
    keeps_zip: bool = True


#: The order and the habits of the Java SDK, which the strict schema demands.
JAVA = Flavour()


def reordered(shape: Wrapper, orders: Mapping[str, tuple[str, ...]]) -> Wrapper:
    """A table with the children of the elements named in `orders` in that order.

    Children an order does not name keep their place behind those it names.
    """
    return replace(shape, fields=_reorder(shape.element, shape.fields, orders))


def _reorder(
    element: str, fields: tuple[Field, ...], orders: Mapping[str, tuple[str, ...]]
) -> tuple[Field, ...]:
    rank = {name: index for index, name in enumerate(orders.get(element, ()))}
    inner = (
        item
        if isinstance(item, Leaf)
        else replace(item, fields=_reorder(item.element, item.fields, orders))
        for item in fields
    )
    return tuple(sorted(inner, key=lambda item: rank.get(item.element, len(rank))))
