"""What an eDoc request asks: its operation, its arguments and its credentials, in any known spelling.

Old clients put the arguments in no namespace, the manifest or the status directly into the body,
and the token into one of three places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree

from bus import errors
from bus.edxml.paths import line_of, local_name
from bus.edxml.rules import problem
from bus.envelope import edoc, soap

OPERATIONS = (
    "SendDocument",
    "GetPendingDocumentIds",
    "GetDocument",
    "ConfirmReceived",
    "UpdateTraces",
    "GetTraces",
    "ConfirmTraces",
    "CheckPermission",
    "GetOrganizations",
)
#: Bodies that name their operation by what they carry.
_BY_CONTENT = {
    "Manifest": "SendDocument",
    "AllDocument": "SendDocument",
    "document": "SendDocument",
    "Status": "UpdateTraces",
}
#: Operations whose caller is named in the header, by Signature/KeyInfo.
BY_KEY_INFO = frozenset({"SendDocument", "UpdateTraces"})
#: Header blocks whose meaning the service honours.
UNDERSTOOD = frozenset(
    {edoc.tag(name) for name in (*edoc.BLOCKS, "Status", "Signature", "Token")}
    | {f"{{{edoc.TOKEN_NAMESPACE}}}Token"}
)
_LARGEST_NUMBER = 2**63 - 1
_NUMBER = re.compile(r"0{0,100}[0-9]{1,19}")
#: Most numbers that one request names: no answer lists more than 500 statuses and 500 notices.
_MOST_NUMBERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for one operation."""

    operation: str
    envelope: etree._Element = field(repr=False)
    payload: etree._Element = field(repr=False)
    #: (agency code, secret); None when no token was shown.
    token: tuple[str, str] | None = field(repr=False)
    #: The mailbox that is meant; None for the caller's own.
    agency: str | None
    #: Whether the client writes arguments in no namespace, and expects the answers of the old hub.
    old: bool


def operation_named(action: str) -> str:
    """The operation that a SOAPAction names, bare or as a URI; "" for none of ours."""
    name = action.strip().strip("\"'").strip().rpartition("/")[2]
    return name if name in OPERATIONS else ""


def gather(root: etree._Element, operation: str) -> None:
    """Give a body of several elements, or of none, the wrapper that some clients leave out."""
    body = root.find(edoc.soap_tag("Body"))
    if body is None or len(body) == 1:
        return
    told = any(local_name(one) in _BY_CONTENT for one in body) if len(body) else bool(operation)
    if not told:
        return
    wrapper = etree.Element(edoc.tag(operation or edoc.DOCUMENT_WRAPPER))
    wrapper.extend(list(body))
    body.append(wrapper)


def read(envelope: soap.Envelope, action: str) -> Asked:
    """Read a request; Raises ProtocolRejected SVC-004 (unknown operation), SVC-012 (two named)."""
    operation = _operation(envelope.payload, action)
    token, code = _credentials(envelope)
    named = _text(envelope.payload, "OrganId")
    return Asked(
        operation=operation,
        envelope=envelope.root,
        payload=envelope.payload,
        token=(code or named or _sender(envelope) or "", token) if token else None,
        agency=named,
        old=not str(envelope.payload.tag).startswith("{"),
    )


def demand_message(asked: Asked) -> None:
    """Raise SchemaRejected unless the request carries the message that its operation is about."""
    header = asked.envelope.find(edoc.soap_tag("Header"))
    homes: tuple[etree._Element | None, ...]
    if asked.operation == edoc.DOCUMENT_WRAPPER:
        homes, path = (header,), "/Envelope/Header/MessageHeader"
    else:
        homes = (header, asked.payload, asked.payload.getparent())
        path = "/Envelope/Body/UpdateTraces/Status"
    name = path.rpartition("/")[2]
    if all(edoc.child(home, name) is None for home in homes):
        line = line_of(asked.envelope)
        found = problem("XSD", path=path, line=line, expected=f"<{name}>")
        raise errors.SchemaRejected(f"{name}?", path=path, line=line, problems=(found,))


def number(asked: Asked) -> int:
    """The document number; Raises ProtocolRejected SVC-006 at its place when there is none."""
    return _number(edoc.child(asked.payload, "DocumentId"), asked.payload, "DocumentId")


def trace_numbers(asked: Asked) -> tuple[int, ...]:
    """The numbers of statuses, directly or in a list; Raises ProtocolRejected SVC-006."""
    tags = (edoc.tag("TraceId"), "TraceId")
    found = list(asked.payload.iter(*tags))
    if not found:
        raise _missing(asked.payload, "TraceId")
    if len(found) > _MOST_NUMBERS:
        # each costs a question to the store
        path = f"/Envelope/Body/{local_name(asked.payload)}/TraceId"
        detail, line = f"{len(found)} > {_MOST_NUMBERS}", line_of(found[_MOST_NUMBERS])
        raise errors.ProtocolRejected(detail, code="SVC-006", path=path, line=line)
    return tuple(_number(one, asked.payload, "TraceId") for one in found)


def _number(element: etree._Element | None, payload: etree._Element, name: str) -> int:
    text = "" if element is None else (element.text or "").strip()
    if element is None or not text:
        raise _missing(payload, name)
    # A longer text is not cut: what is left would be the number of another document.
    if not _NUMBER.fullmatch(text) or not 0 < int(text) <= _LARGEST_NUMBER:
        path = f"/Envelope/Body/{local_name(payload)}/{name}"
        raise errors.ProtocolRejected(
            f"{text[:40]!r}", code="SVC-006", path=path, line=line_of(element)
        )
    return int(text)


def _missing(payload: etree._Element, name: str) -> errors.ProtocolRejected:
    path = f"/Envelope/Body/{local_name(payload)}/{name}"
    return errors.ProtocolRejected(f"{name}?", code="SVC-006", path=path, line=line_of(payload))


def _operation(payload: etree._Element, action: str) -> str:
    name = local_name(payload)
    known = payload.tag in {name, edoc.tag(name)}
    inside = _BY_CONTENT.get(name, name if name in OPERATIONS else "") if known else ""
    named = operation_named(action)
    if named and inside and named != inside:
        raise errors.ProtocolRejected(f"{named} ≠ {name}", code="SVC-012")
    if not (named or inside) or not inside:
        where = f"/Envelope/Body/{name}"
        raise errors.ProtocolRejected(
            str(payload.tag)[:200], code="SVC-004", path=where, line=line_of(payload)
        )
    return inside


def _credentials(envelope: soap.Envelope) -> tuple[str | None, str | None]:
    """The token and the code beside it, wherever the client writes them."""
    code = token = None
    for block in envelope.headers:
        if local_name(block) == "Signature":
            key = next((one for one in block if local_name(one) == "KeyInfo"), None)
            if key is not None:
                code, token = _said(key, "OrganId"), _said(key, "Token")
    for block in envelope.headers:
        if local_name(block) == "Token":
            token = token or (block.text or "").strip() or None
    return token or _text(envelope.payload, "Token"), code


def _sender(envelope: soap.Envelope) -> str | None:
    """Whom a document says it is from: who shows a bare token speaks for nobody else."""
    places = (*envelope.headers, envelope.payload, *envelope.payload)
    for block in places:
        if edoc.is_ours(block, "MessageHeader") or edoc.is_ours(block, "Status"):
            return _text(edoc.child(block, "From"), "OrganId")
    return None


def _said(parent: etree._Element, name: str) -> str | None:
    found = next((one for one in parent if local_name(one) == name), None)
    return ((found.text or "").strip() or None) if found is not None else None


def _text(parent: etree._Element | None, name: str) -> str | None:
    found = edoc.child(parent, name)
    return ((found.text or "").strip() or None) if found is not None else None
