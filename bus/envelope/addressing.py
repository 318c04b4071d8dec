"""WS-Addressing headers: read from a request, judged, and answered in kind.

W3C WS-Addressing 1.0, Core and SOAP Binding (2006-05-09), and the Member Submission of
2004-08-10 that stacks of the years before speak (WSE, WCF by default of its first release).
Addresses are read and never connected to: every reply goes back on the connection of its
request, and who asks for another place is told that there is none.
"""

from __future__ import annotations

import enum
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lxml import etree

from bus.envelope import soap
from bus.envelope.soap import SoapVersion
from bus.errors import ProtocolRejected

#: Message addressing properties that travel as header blocks of their own.
_ONCE = ("To", "From", "ReplyTo", "FaultTo", "Action", "MessageID")
_HEADERS = frozenset({*_ONCE, "RelatesTo"})
#: Most blocks in one request; a message can relate to several others.
_MOST_BLOCKS = 100
#: Longest address or identifier that is read, characters.
_LONGEST_IRI = 2048
#: Most that a client can have its replies carry back to it, bytes.
_MOST_PARAMETER_BYTES = 16_384
#: RFC 3987: a scheme, and nothing that cannot stand in any IRI.
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]+")

#: What each refusal is called in SOAP Binding section 6.4, widest name first.
FAULTS: dict[str, tuple[str, ...]] = {
    "WSA-001": ("InvalidAddressingHeader", "InvalidCardinality"),
    "WSA-002": ("InvalidAddressingHeader", "MissingAddressInEPR"),
    "WSA-003": ("InvalidAddressingHeader", "InvalidAddress"),
    "WSA-004": ("InvalidAddressingHeader", "InvalidEPR"),
    "WSA-005": ("MessageAddressingHeaderRequired",),
    "WSA-006": ("InvalidAddressingHeader", "ActionMismatch"),
    "WSA-007": ("ActionNotSupported",),
    "WSA-008": ("InvalidAddressingHeader", "OnlyAnonymousAddressSupported"),
    "WSA-009": ("DestinationUnreachable",),
}
#: The names of the Submission where they differ; it knows no second level.
_SUBMITTED = {
    "InvalidAddressingHeader": "InvalidMessageInformationHeader",
    "MessageAddressingHeaderRequired": "MessageInformationHeaderRequired",
}


class Edition(enum.Enum):
    """The two editions in use, by their namespaces."""

    W3C = "http://www.w3.org/2005/08/addressing"
    SUBMISSION = "http://schemas.xmlsoap.org/ws/2004/08/addressing"

    def name_of(self, local: str) -> str:
        """A name of the edition's namespace, in Clark notation."""
        return f"{{{self.value}}}{local}"

    @property
    def anonymous(self) -> str:
        """The address that means: back on this connection."""
        return self.value + ("/anonymous" if self is Edition.W3C else "/role/anonymous")

    @property
    def none(self) -> str:
        """The address that means: nowhere; the Submission has none, and nobody writes this one."""
        return self.value + "/none"

    @property
    def unspecified(self) -> str:
        """What a reply relates to when the request named itself not at all."""
        return self.value + ("/unspecified" if self is Edition.W3C else "/id/unspecified")

    @property
    def own_fault(self) -> str:
        """Action of a fault about these headers."""
        return self.value + "/fault"

    @property
    def soap_fault(self) -> str:
        """Action of a fault that SOAP itself defines."""
        return self.value + ("/soap/fault" if self is Edition.W3C else "/fault")


#: Names of every header block that is read here, in Clark notation.
UNDERSTOOD = frozenset(edition.name_of(local) for edition in Edition for local in _HEADERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """The addressing blocks of one request that are meant for this node, not judged yet."""

    edition: Edition
    blocks: tuple[etree._Element, ...] = field(repr=False)

    def all_of(self, name: str) -> list[etree._Element]:
        """Every block of a name."""
        return [block for block in self.blocks if block.tag == self.edition.name_of(name)]

    def text(self, name: str) -> str:
        """What the first block of a name says; "" when there is none."""
        found = self.all_of(name)
        return (found[0].text or "").strip() if found else ""

    def endpoint(self, *, fault: bool) -> etree._Element | None:
        """Where a reply or a fault is to go; None: back on this connection (Core, section 3.4)."""
        wanted = (self.all_of("FaultTo") if fault else []) or self.all_of("ReplyTo")
        return wanted[0] if wanted else None

    def address(self, endpoint: etree._Element) -> str:
        """The address in an endpoint reference; "" when it has none."""
        return (endpoint.findtext(self.edition.name_of("Address")) or "").strip()

    def discards(self, *, fault: bool) -> bool:
        """Whether the client wants no reply, or no fault, at all."""
        endpoint = self.endpoint(fault=fault)
        return endpoint is not None and self.address(endpoint) == self.edition.none


def read(root: etree._Element, version: SoapVersion) -> Addressing | None:
    """The addressing blocks of an envelope; None when it has none for this node."""
    blocks = root.findall(f"{version.name_of('Header')}/*")
    ours = tuple(b for b in blocks if b.tag in UNDERSTOOD and soap.for_us(b, version))
    spoken = {etree.QName(block).namespace for block in ours}
    edition = next((one for one in Edition if one.value in spoken), None)
    return Addressing(edition=edition, blocks=ours) if edition else None


def check(asked: Addressing, *, actions: frozenset[str], http_action: str, path: str) -> None:
    """Refuse headers that contradict themselves, the request, or what this service can do.

    `actions` are the names of the operation in the Body, `http_action` is the SOAPAction (""
    when it says nothing), `path` is where the request came in. Raises ProtocolRejected: WSA-001
    a block too many, WSA-002 to WSA-004 an endpoint reference or address, WSA-005 a block that
    is missing, WSA-006 and WSA-007 the action, WSA-008 a reply to elsewhere, WSA-009 the To.
    """
    _check_number(asked)
    for name in ("ReplyTo", "FaultTo"):
        for endpoint in asked.all_of(name):
            _check_endpoint(asked, name, endpoint)
    _check_action(asked, actions, http_action)
    _check_identifier(asked)
    _check_destination(asked, path)


def _check_number(asked: Addressing) -> None:
    if len(asked.blocks) > _MOST_BLOCKS:
        raise _refusal(asked, "WSA-001", "RelatesTo", f"{len(asked.blocks)} > {_MOST_BLOCKS}")
    for name in _ONCE:
        if len(asked.all_of(name)) > 1:
            raise _refusal(asked, "WSA-001", name, str(len(asked.all_of(name))))
    for block in asked.blocks:
        # Which of two editions would be meant is for nobody to guess.
        kind = etree.QName(block)
        if kind.namespace != asked.edition.value:
            raise _refusal(asked, "WSA-001", kind.localname, str(kind.namespace))


def _check_endpoint(asked: Addressing, name: str, endpoint: etree._Element) -> None:
    address = asked.address(endpoint)
    if not address:
        raise _refusal(asked, "WSA-002", name)
    _check_iri(asked, name, address)
    if address not in {asked.edition.anonymous, asked.edition.none}:
        raise _refusal(asked, "WSA-008", name, address)
    if not _can_be_returned(asked, endpoint):
        raise _refusal(asked, "WSA-004", name, "ReferenceParameters")


def _check_iri(asked: Addressing, name: str, address: str) -> None:
    if len(address) > _LONGEST_IRI or not _IRI.fullmatch(address):
        raise _refusal(asked, "WSA-003", name, address)


def _check_action(asked: Addressing, actions: frozenset[str], http_action: str) -> None:
    action = asked.text("Action")
    if not action:
        raise _refusal(asked, "WSA-005", "Action")
    if action not in actions:
        raise _refusal(asked, "WSA-007", "Action", action)
    if http_action and http_action not in actions:
        raise _refusal(asked, "WSA-006", "Action", f"SOAPAction {http_action[:100]} ≠ {action}")


def _check_identifier(asked: Addressing) -> None:
    # Core, section 3.4: a reply must be able to say what it replies to. What an identifier looks
    # like is its maker's business: many stacks send a bare UUID.
    identifier = asked.text("MessageID")
    if not identifier and not asked.discards(fault=False):
        raise _refusal(asked, "WSA-005", "MessageID")
    if len(identifier) > _LONGEST_IRI:
        raise _refusal(asked, "WSA-003", "MessageID", identifier)


def _check_destination(asked: Addressing, path: str) -> None:
    """Refuse a To that means another service of this bus, or nobody.

    Host, port, scheme and any path of a proxy's own say nothing here: a client knows the
    bus by the address in front of the proxy.
    """
    to = asked.text("To")
    if to in {"", asked.edition.anonymous}:
        return
    _check_iri(asked, "To", to)
    try:
        meant = urlsplit(to).path.rstrip("/")
    except ValueError as error:
        raise _refusal(asked, "WSA-003", "To", to) from error
    sibling = meant.startswith(path.rpartition("/")[0] + "/") and path.count("/") > 1
    if to == asked.edition.none or (sibling and meant != path.rstrip("/")):
        raise _refusal(asked, "WSA-009", "To", to)


def _refusal(asked: Addressing, code: str, name: str, detail: str = "") -> ProtocolRejected:
    found = asked.all_of(name)
    line: int | None = getattr(found[-1], "sourceline", None) if found else None
    said = f"{name}: {detail[:200]}" if detail else f"{name}."
    return ProtocolRejected(said, code=code, path=f"/Envelope/Header/{name}", line=line or 0)


def relate(envelope: etree._Element, asked: Addressing, action: str, *, fault: bool) -> None:
    """Put the headers of a reply into its envelope, in the edition of the request.

    They are for correlation only: like those of requests, nothing is decided by them.
    """
    edition = asked.edition
    header = soap.header_of(envelope)
    identifier = asked.text("MessageID")
    known = identifier if identifier and len(identifier) <= _LONGEST_IRI else edition.unspecified
    for name, text in (
        ("Action", action),
        ("MessageID", f"urn:uuid:{uuid.uuid4()}"),
        ("RelatesTo", known),
        ("To", edition.anonymous),
    ):
        _block(header, edition, name).text = text
    endpoint = asked.endpoint(fault=fault)
    if endpoint is not None and _can_be_returned(asked, endpoint):
        header.extend(_returned(asked, one) for one in _parameters(asked, endpoint))


def subcodes(asked: Addressing, code: str) -> tuple[str, ...]:
    """The names of a refusal in the edition of the request, widest first, in Clark notation."""
    names = FAULTS[code]
    if asked.edition is Edition.SUBMISSION:
        names = (_SUBMITTED.get(names[0], names[0]),)
    return tuple(asked.edition.name_of(name) for name in names)


def explain(envelope: etree._Element, asked: Addressing, code: str, path: str) -> None:
    """Name the block that a fault is about (SOAP Binding, sections 6.1, 6.2 and 6.3).

    `path` is that of the refusal. In SOAP 1.1 it goes into a header block, for the detail of
    a fault may not tell about headers there; in SOAP 1.2 it follows the typed detail.
    """
    if asked.edition is Edition.SUBMISSION:
        return
    detail = envelope.find(f"{{*}}Body/{{*}}Fault/{SoapVersion.V12.name_of('Detail')}")
    if detail is None:
        detail = _block(soap.header_of(envelope), asked.edition, "FaultDetail")
    name = path.split("/")[3]
    if code == "WSA-007":
        problem = _block(detail, asked.edition, "ProblemAction")
        _block(problem, asked.edition, "Action").text = asked.text("Action")[:_LONGEST_IRI]
    elif code == "WSA-009":
        _block(detail, asked.edition, "ProblemIRI").text = asked.text("To")[:_LONGEST_IRI]
    else:
        _block(detail, asked.edition, "ProblemHeaderQName").text = f"wsa:{name}"


def _block(parent: etree._Element, edition: Edition, name: str) -> etree._Element:
    return etree.SubElement(parent, edition.name_of(name), nsmap={"wsa": edition.value})


def _parameters(asked: Addressing, endpoint: etree._Element) -> list[etree._Element]:
    """What the client wants to find in the header of its replies."""
    kinds = ("ReferenceProperties", "ReferenceParameters")
    return [one for kind in kinds for one in endpoint.iterfind(f"{asked.edition.name_of(kind)}/*")]


def _can_be_returned(asked: Addressing, endpoint: etree._Element) -> bool:
    """Whether the parameters are small, and none poses as a header that somebody acts upon."""
    found = _parameters(asked, endpoint)
    spoken = {etree.QName(one).namespace or "" for one in found}
    if any(_acted_upon(namespace) for namespace in spoken):
        return False
    return sum(len(etree.tostring(one)) for one in found) <= _MOST_PARAMETER_BYTES


def _acted_upon(namespace: str) -> bool:
    known = {version.namespace for version in SoapVersion} | {one.value for one in Edition}
    return not namespace or namespace in known or "/wss/" in namespace or "xmldsig" in namespace


def _returned(asked: Addressing, parameter: etree._Element) -> etree._Element:
    """One parameter as a header block, with every namespace that was in scope where it stood."""
    block = etree.Element(parameter.tag, nsmap=parameter.nsmap)  # type: ignore[arg-type]  # the stubs forget the default namespace
    soaps = {version.namespace for version in SoapVersion}
    for name, value in parameter.items():
        if etree.QName(name).namespace not in soaps:
            block.set(name, value)
    block.text = parameter.text
    block.extend(list(parameter))
    if asked.edition is Edition.W3C:
        block.set(asked.edition.name_of("IsReferenceParameter"), "true")
    return block
