"""SOAP envelopes of both versions: reading requests, writing replies and faults.

SOAP 1.1 is the W3C Note of 2000-05-08 as narrowed by WS-I Basic Profile 1.1; SOAP 1.2 is
the W3C Recommendation, part 1 (envelope) and part 2 (HTTP binding).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

from bus.envelope.vocabulary import TNS, XML_LANG, written
from bus.errors import ProtocolRejected

_ROLE_12 = "http://www.w3.org/2003/05/soap-envelope/role/"
#: Roles this node acts in; a block without a role is for the ultimate receiver, which it is too.
_OUR_ROLES = frozenset(
    {
        "",
        "http://schemas.xmlsoap.org/soap/actor/next",
        _ROLE_12 + "next",
        _ROLE_12 + "ultimateReceiver",
    }
)

#: Prefix of fault names that belong to another specification, one namespace in each fault.
_FOREIGN = "wsa"
#: Longest name of a header block that a fault repeats, characters.
_LONGEST_STRANGE_NAME = 1000
#: Most header blocks that one fault names.
_MOST_STRANGE_BLOCKS = 20


class SoapVersion(enum.Enum):
    """The two versions of SOAP in use."""

    V11 = "1.1"
    V12 = "1.2"

    @property
    def namespace(self) -> str:
        """Namespace of the envelope."""
        if self is SoapVersion.V11:
            return "http://schemas.xmlsoap.org/soap/envelope/"
        return "http://www.w3.org/2003/05/soap-envelope"

    @property
    def media_type(self) -> str:
        """Media type of messages, without parameters."""
        return "text/xml" if self is SoapVersion.V11 else "application/soap+xml"

    def name_of(self, local: str) -> str:
        """A name of the envelope's namespace, in Clark notation."""
        return f"{{{self.namespace}}}{local}"


class FaultCode(enum.Enum):
    """Fault codes of SOAP 1.2; SOAP 1.1 calls the first two Client and Server."""

    SENDER = "Sender"
    RECEIVER = "Receiver"
    VERSION_MISMATCH = "VersionMismatch"
    MUST_UNDERSTAND = "MustUnderstand"

    def in_version(self, version: SoapVersion) -> str:
        """The local name, never in dot notation (Basic Profile 1.1, section on fault codes)."""
        if version is SoapVersion.V12:
            return self.value
        return {"Sender": "Client", "Receiver": "Server"}.get(self.value, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One request: `payload` is the only child of `body`."""

    version: SoapVersion
    root: etree._Element = field(repr=False)
    headers: tuple[etree._Element, ...] = field(default=(), repr=False)
    body: etree._Element = field(repr=False)
    payload: etree._Element = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a SOAP fault says; `subcode` is a local name of the service's namespace (1.2 only)."""

    code: FaultCode
    subcode: str
    reason: str
    detail: etree._Element = field(repr=False)
    #: Names in Clark notation that another specification gives this fault, widest first; SOAP
    #: 1.2 nests them in place of the subcode, SOAP 1.1 has the narrowest as its fault code.
    names: tuple[str, ...] = ()
    #: Names in Clark notation of header blocks that were not understood.
    not_understood: tuple[str, ...] = ()


def version_of(root: etree._Element) -> SoapVersion | None:
    """The version by the namespace of the root element; None when it is no SOAP envelope."""
    for version in SoapVersion:
        if root.tag == version.name_of("Envelope"):
            return version
    return None


def read(root: etree._Element) -> Envelope:
    """Read an envelope from a tree without comments and processing instructions.

    Raises ProtocolRejected: SVC-001 no envelope or one with foreign children, SVC-002 an
    envelope of an unknown version, SVC-005 not exactly one element in the Body.
    """
    version = version_of(root)
    if version is None:
        name = etree.QName(root)
        code = "SVC-002" if name.localname == "Envelope" else "SVC-001"
        raise ProtocolRejected(f"{{{name.namespace or ''}}}{name.localname}", code=code)
    header, body = _parts(root, version)
    payload = list(body)
    if len(payload) != 1:
        raise ProtocolRejected(
            f"{len(payload)} ≠ 1", code="SVC-005", path="/Envelope/Body", line=_line(body)
        )
    headers = tuple(header) if header is not None else ()
    return Envelope(version=version, root=root, headers=headers, body=body, payload=payload[0])


def not_understood(envelope: Envelope, understood: frozenset[str]) -> tuple[str, ...]:
    """Names of header blocks for this node that must be understood and are not among `understood`."""
    return tuple(
        str(block.tag)
        for block in envelope.headers
        if _must_understand(block, envelope.version)
        and for_us(block, envelope.version)
        and block.tag not in understood
    )


def for_us(block: etree._Element, version: SoapVersion) -> bool:
    """Whether a header block is addressed to this node (SOAP 1.1 §4.2.2, SOAP 1.2 §2.2)."""
    attribute = "actor" if version is SoapVersion.V11 else "role"
    return block.get(version.name_of(attribute), "").strip() in _OUR_ROLES


def reply(version: SoapVersion, payload: etree._Element) -> etree._Element:
    """An envelope around one payload."""
    root, body = _skeleton(version)
    body.append(payload)
    return root


def body_of(envelope: etree._Element) -> etree._Element:
    """The Body of an envelope of our own making, its last child."""
    return envelope[-1]


def header_of(envelope: etree._Element) -> etree._Element:
    """The Header of an envelope of our own making, which gets one when it has none."""
    name = str(envelope.tag).replace("}Envelope", "}Header")
    header = envelope.find(name)
    if header is None:
        header = etree.Element(name)
        envelope.insert(0, header)
    return header


def add_block(envelope: etree._Element) -> etree._Element:
    """An empty element in the Header of an envelope, for the block that is to stand there."""
    return etree.SubElement(header_of(envelope), "block")


def fault(version: SoapVersion, about: Fault) -> etree._Element:
    """An envelope around one fault, with the header blocks that SOAP 1.2 adds to some faults."""
    root, body = _skeleton(version)
    if version is SoapVersion.V11:
        _write_fault_11(body, about)
    else:
        _write_fault_12(body, about)
        _explain_in_header(root, about)
    return root


def _parts(
    root: etree._Element, version: SoapVersion
) -> tuple[etree._Element | None, etree._Element]:
    children = list(root)
    header = None
    if children and children[0].tag == version.name_of("Header"):
        header = children.pop(0)
    if len(children) != 1 or children[0].tag != version.name_of("Body"):
        names = ", ".join(etree.QName(child).localname for child in children[:5])
        raise ProtocolRejected(f"Header?, Body ≠ {names}", path="/Envelope", line=_line(root))
    return header, children[0]


def _must_understand(block: etree._Element, version: SoapVersion) -> bool:
    yes = {"1"} if version is SoapVersion.V11 else {"1", "true"}
    return block.get(version.name_of("mustUnderstand"), "").strip() in yes


def _skeleton(version: SoapVersion) -> tuple[etree._Element, etree._Element]:
    root = etree.Element(version.name_of("Envelope"), nsmap={"soap": version.namespace})
    return root, etree.SubElement(root, version.name_of("Body"))


def _write_fault_11(body: etree._Element, about: Fault) -> None:
    # SOAP 1.1 section 4.4: the members of Fault belong to no namespace.
    element = etree.SubElement(body, SoapVersion.V11.name_of("Fault"))
    code = etree.SubElement(element, "faultcode", nsmap=_prefixes(about))
    code.text = f"soap:{about.code.in_version(SoapVersion.V11)}"
    if about.names:
        code.text = _named(about.names[-1])
    etree.SubElement(element, "faultstring").text = written(about.reason)
    etree.SubElement(element, "detail").append(about.detail)


def _write_fault_12(body: etree._Element, about: Fault) -> None:
    v12 = SoapVersion.V12
    element = etree.SubElement(body, v12.name_of("Fault"), nsmap={"ex": TNS} | _prefixes(about))
    code = etree.SubElement(element, v12.name_of("Code"))
    etree.SubElement(code, v12.name_of("Value")).text = f"soap:{about.code.in_version(v12)}"
    for name in [_named(one) for one in about.names] or [f"ex:{about.subcode}"]:
        code = etree.SubElement(code, v12.name_of("Subcode"))
        etree.SubElement(code, v12.name_of("Value")).text = name
    text = etree.SubElement(
        etree.SubElement(element, v12.name_of("Reason")), v12.name_of("Text"), {XML_LANG: "en"}
    )
    text.text = written(about.reason)
    etree.SubElement(element, v12.name_of("Detail")).append(about.detail)


def _prefixes(about: Fault) -> dict[str, str]:
    return {_FOREIGN: etree.QName(about.names[0]).namespace or ""} if about.names else {}


def _named(name: str) -> str:
    return f"{_FOREIGN}:{etree.QName(name).localname}"


def _explain_in_header(root: etree._Element, about: Fault) -> None:
    blocks: Sequence[etree._Element] = ()
    if about.code is FaultCode.VERSION_MISMATCH:
        blocks = [_upgrade()]
    elif about.code is FaultCode.MUST_UNDERSTAND:
        short = [name for name in about.not_understood if len(name) <= _LONGEST_STRANGE_NAME]
        blocks = [_strange_block(name) for name in short[:_MOST_STRANGE_BLOCKS]]
    if blocks:
        header_of(root).extend(blocks)


def _upgrade() -> etree._Element:
    """Which envelopes we take, best first (SOAP 1.2 part 1, section 5.4.7)."""
    v12 = SoapVersion.V12
    upgrade = etree.Element(v12.name_of("Upgrade"))
    for version in (SoapVersion.V12, SoapVersion.V11):
        etree.SubElement(
            upgrade,
            v12.name_of("SupportedEnvelope"),
            {"qname": f"{_prefix(version.namespace)}:Envelope"},
            nsmap={_prefix(version.namespace): version.namespace},
        )
    return upgrade


def _strange_block(name: str) -> etree._Element:
    """One block we did not understand (SOAP 1.2 part 1, section 5.4.8)."""
    qname = etree.QName(name)
    strange = SoapVersion.V12.name_of("NotUnderstood")
    if not qname.namespace:
        return etree.Element(strange, {"qname": qname.localname})
    prefix = _prefix(qname.namespace)
    return etree.Element(
        strange, {"qname": f"{prefix}:{qname.localname}"}, nsmap={prefix: qname.namespace}
    )


def _prefix(namespace: str) -> str:
    # lxml drops a second prefix for a namespace that the envelope declares already.
    return "soap" if namespace == SoapVersion.V12.namespace else "other"


def _line(element: etree._Element) -> int:
    line: int | None = getattr(element, "sourceline", None)
    return line or 0
