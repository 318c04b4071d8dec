"""What every answer of a SOAP service must keep, whatever a test sent: a table, and a watch.

Numbers R… are those of the WS-I Basic Profile 1.1 and, for R1012 and R1018, of the Simple SOAP
Binding Profile 1.0; S12 is SOAP 1.2 part 1 or 2, WSA is WS-Addressing 1.0, L are promises of ours.
"""

from __future__ import annotations

import base64
import email
import email.policy
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from lxml import etree

from tests.support.wsi_description import (
    SOAP11_BINDING,
    SOAP12_BINDING,
    compiled_types,
    parsed,
)

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = (
    "http://www.w3.org/2005/08/addressing",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing",
)
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_BINDING = {SOAP11: SOAP11_BINDING, SOAP12: SOAP12_BINDING}
MEDIA = {SOAP11: "text/xml", SOAP12: "application/soap+xml"}
#: HTTP's own refusals, which keep their status (R1114, R1115) although a fault explains them.
OF_HTTP = {404, 405, 415}
#: Above this the schema is not asked: libxml2 is slow on base64.
_SCHEMA_BYTES = 512 * 1024
Complaints = Iterator[str]


@dataclass
class Sent:
    """One answer: what was asked for, what came; an answer that is no XML has the root `nothing`."""

    method: str
    media_asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    #: The WSDL of the service.
    wsdl: bytes
    #: Names in Clark notation of what a Body may hold besides, for clients older than the WSDL.
    also: frozenset[str] = frozenset()
    root: etree._Element = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {name.lower(): value for name, value in self.headers.items()}
        if self.headers.get("content-type", "").lower().startswith("multipart/related"):
            self.headers, self.body = unpacked(self.headers, self.body)
        try:
            self.root = parsed(self.body)
        except etree.XMLSyntaxError:
            self.root = etree.Element("nothing")

    @property
    def version(self) -> str:
        """The namespace of the envelope."""
        return etree.QName(self.root).namespace or ""

    def soap(self, name: str) -> list[etree._Element]:
        """Children of the envelope by name."""
        return self.root.findall(f"{{{self.version}}}{name}")

    @property
    def payload(self) -> list[etree._Element]:
        """What the Body holds."""
        return [one for body in self.soap("Body") for one in body.iterchildren(etree.Element)]

    @property
    def fault(self) -> etree._Element | None:
        """The fault, when it is one."""
        return next((p for p in self.payload if p.tag == f"{{{self.version}}}Fault"), None)

    @property
    def detail(self) -> list[etree._Element]:
        """What the detail of the fault holds."""
        if self.fault is None:
            return []
        name = "detail" if self.version == SOAP11 else f"{{{SOAP12}}}Detail"
        return [one for detail in self.fault.findall(name) for one in detail]

    @property
    def code(self) -> etree._Element | None:
        """The element with the fault code."""
        if self.fault is None:
            return None
        path = "faultcode" if self.version == SOAP11 else f"{{{SOAP12}}}Code/{{{SOAP12}}}Value"
        return self.fault.find(path)


def unpacked(headers: Mapping[str, str], body: bytes) -> tuple[Mapping[str, str], bytes]:
    """An answer in parts (MTOM, or SOAP with Attachments) as one inline: references replaced."""
    front = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(front + body, policy=email.policy.HTTP).get_payload()
    assert isinstance(parts, list), "no parts"
    by_id = {str(part["Content-ID"]).strip("<>"): part.get_payload(decode=True) for part in parts}
    root = parsed(by_id[next(iter(by_id))])
    for include in list(root.iter("{http://www.w3.org/2004/08/xop/include}Include")):
        parent = include.getparent()
        parent.remove(include)
        content = by_id[unquote(include.get("href", "").removeprefix("cid:"))]
        parent.text = base64.b64encode(content).decode()
    told = parts[0]["Content-Type"]
    kind = told.content_type
    media = told.params.get("type") if kind == "application/xop+xml" else kind
    media = f"{media}; charset={told.params.get('charset')}"
    inline: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8")
    return {**headers, "content-type": media}, inline


@dataclass(frozen=True)
class MessageRule:
    """One rule; `check` yields what breaks it."""

    number: str
    demands: str
    check: Callable[[Sent], Complaints]


def complaints(sent: Sent) -> list[str]:
    """Everything wrong with an answer, as `number: what`."""
    if sent.method in {"GET", "HEAD"} and (sent.status == 200 or not sent.body):
        return []
    rules = RULES if sent.body else EMPTY_RULES
    return [f"{rule.number}: {found}" for rule in rules for found in rule.check(sent)]


# The envelope


def _structure(sent: Sent) -> Complaints:
    if sent.root.tag not in {f"{{{SOAP11}}}Envelope", f"{{{SOAP12}}}Envelope"}:
        yield f"the root is {sent.root.tag}"
        return
    names = [etree.QName(one).localname for one in sent.root.iterchildren(etree.Element)]
    if names not in (["Body"], ["Header", "Body"]):
        yield f"children {names}"
    if any(
        (one.text or "").strip() for one in [sent.root, *sent.soap("Header"), *sent.soap("Body")]
    ):
        yield "text between the elements"


def _one_child(sent: Sent) -> Complaints:
    if len(sent.payload) != 1:
        yield f"{len(sent.payload)} children of Body"


def _qualified_child(sent: Sent) -> Complaints:
    yield from (str(one.tag) for one in sent.payload if not etree.QName(one).namespace)


def _no_doctype(sent: Sent) -> Complaints:
    if b"<!DOCTYPE" in sent.body:
        yield "DOCTYPE"


def _no_instructions(sent: Sent) -> Complaints:
    around = [*sent.root.itersiblings(), *sent.root.itersiblings(preceding=True)]
    inside = sent.root.iter(etree.ProcessingInstruction)
    yield from (str(one) for one in [*around, *inside] if one.tag is etree.ProcessingInstruction)


def _no_xml_prefix(sent: Sent) -> Complaints:
    if re.search(rb"xmlns:xml\s*=", sent.body):
        yield "declares the prefix xml"


def _nothing_behind(sent: Sent) -> Complaints:
    body = sent.soap("Body")
    if body and body[0].getnext() is not None:
        yield str(body[0].getnext().tag)


def _no_encoding_style(sent: Sent) -> Complaints:
    for one in sent.root.iter(etree.Element):
        if one.get(f"{{{sent.version}}}encodingStyle") is not None:
            yield str(one.tag)


def _no_array_type(sent: Sent) -> Complaints:
    for one in sent.root.iter(etree.Element):
        if one.get("{http://schemas.xmlsoap.org/soap/encoding/}arrayType") is not None:
            yield str(one.tag)


def _must_understand(sent: Sent) -> Complaints:
    possible = {"0", "1"} if sent.version == SOAP11 else {"0", "1", "true", "false"}
    for one in sent.root.iter(etree.Element):
        said = one.get(f"{{{sent.version}}}mustUnderstand")
        if said is not None and said not in possible:
            yield said


def _bare_frame(sent: Sent) -> Complaints:
    for one in [sent.root, *sent.soap("Header"), *sent.soap("Body")]:
        for name in map(str, one.attrib):
            if name.startswith(f"{{{sent.version}}}"):
                yield name


def _qualified_headers(sent: Sent) -> Complaints:
    for header in sent.soap("Header"):
        for one in header.iterchildren(etree.Element):
            if not etree.QName(one).namespace:
                yield str(one.tag)


def _encoding(sent: Sent) -> Complaints:
    encoding = (sent.root.getroottree().docinfo.encoding or "").lower()
    if encoding != "utf-8" or not re.match(
        rb"<\?xml[^>]*encoding=['\"]utf-8['\"]", sent.body, re.IGNORECASE
    ):
        yield f"declared encoding {encoding!r}"


def _media_type(sent: Sent) -> Complaints:
    said = sent.headers.get("content-type", "")
    if said.partition(";")[0].strip() != MEDIA.get(sent.version):
        yield f"{said} around {sent.version}"
    if "charset=utf-8" not in said.lower().replace('"', ""):
        yield f"{said} without charset"


def _version_asked(sent: Sent) -> Complaints:
    asked = sent.media_asked.partition(";")[0].strip().lower()
    # what came as something else is answered in the version it was written in
    spoken = {MEDIA[soap] for soap, space in _BINDING.items() if space.encode() in sent.wsdl}
    if asked in spoken and MEDIA.get(sent.version) != asked:
        yield f"{sent.media_asked!r} was answered by {sent.version}"


# Faults


def _four_children(sent: Sent) -> Complaints:
    if sent.version == SOAP11 and sent.fault is not None:
        names = [etree.QName(one).localname for one in sent.fault]
        known = ["faultcode", "faultstring", "faultactor", "detail"]
        if [name for name in known if name in names] != names or names[:2] != known[:2]:
            yield str(names)


def _unqualified_children(sent: Sent) -> Complaints:
    if sent.version == SOAP11 and sent.fault is not None:
        yield from (str(one.tag) for one in sent.fault if etree.QName(one).namespace)


def _twelve_structure(sent: Sent) -> Complaints:
    if sent.version != SOAP12 or sent.fault is None:
        return
    names = [str(one.tag).replace(f"{{{SOAP12}}}", "") for one in sent.fault]
    known = ["Code", "Reason", "Node", "Role", "Detail"]
    if [name for name in known if name in names] != names or names[:2] != known[:2]:
        yield str(names)
    texts = sent.fault.findall(f"{{{SOAP12}}}Reason/{{{SOAP12}}}Text")
    if not texts or any(not one.get(XML_LANG) or not one.text for one in texts):
        yield "a Reason needs texts with their language"


def _known_code(sent: Sent) -> Complaints:
    code = sent.code
    if sent.fault is None:
        return
    prefix, _, local = ("" if code is None else code.text or "").partition(":")
    namespace = None if code is None else code.nsmap.get(prefix)
    ours = {
        SOAP11: {"VersionMismatch", "MustUnderstand", "Client", "Server"},
        SOAP12: {"VersionMismatch", "MustUnderstand", "DataEncodingUnknown", "Sender", "Receiver"},
    }
    foreign = namespace != sent.version
    if not namespace or (foreign and sent.version == SOAP12):
        yield f"{prefix}:{local} in {namespace}"
    elif not foreign and local not in ours[sent.version]:
        yield f"{prefix}:{local}"


def _no_dots(sent: Sent) -> Complaints:
    if sent.code is not None and "." in (sent.code.text or ""):
        yield str(sent.code.text)


def _subcodes(sent: Sent) -> Complaints:
    if sent.version == SOAP12 and sent.fault is not None:
        for one in sent.fault.iter(f"{{{SOAP12}}}Value"):
            if (one.text or "").partition(":")[0] not in one.nsmap:
                yield f"{one.text} is no name in scope"


def _status(sent: Sent) -> Complaints:
    if sent.fault is None:
        if sent.status != 200:
            yield f"{sent.status} without a fault"
        return
    if sent.status in OF_HTTP:
        return
    local = ("" if sent.code is None else sent.code.text or "").rpartition(":")[2]
    wanted = 400 if sent.version == SOAP12 and local == "Sender" else 500
    if sent.status != wanted:
        yield f"{sent.status} for {local}"


def _detail_qualified(sent: Sent) -> Complaints:
    yield from (str(one.tag) for one in sent.detail if not etree.QName(one).namespace)


def _detail_declared(sent: Sent) -> Complaints:
    if sent.fault is not None:
        yield from _invalid(sent, sent.detail[:1], "the detail of a fault")


def _payload_declared(sent: Sent) -> Complaints:
    if sent.fault is None:
        yield from _invalid(sent, sent.payload, "the Body")


@functools.cache
def _types(wsdl: bytes) -> tuple[etree.XMLSchema, frozenset[str]]:
    root = parsed(wsdl)
    declared = {
        f"{{{one.nsmap[element.partition(':')[0]]}}}{element.partition(':')[2]}"
        for one in root.iter("{http://schemas.xmlsoap.org/wsdl/}part")
        if (element := one.get("element"))
    }
    return compiled_types(root), frozenset(declared)


def _invalid(sent: Sent, elements: list[etree._Element], where: str) -> Complaints:
    schema, declared = _types(sent.wsdl)
    if not elements:
        yield f"{where} is empty"
    for one in elements:
        if str(one.tag) in sent.also:
            continue
        if str(one.tag) not in declared:
            yield f"{where} holds {one.tag}, which no message of the WSDL does"
        elif len(sent.body) <= _SCHEMA_BYTES:
            # libxml2 resolves prefixes by the whole document, so a document it must be
            alone = parsed(etree.tostring(one))
            if not schema.validate(alone):
                yield f"{where}: {schema.error_log.last_error}"


def _blocks_named(sent: Sent) -> Complaints:
    local = ("" if sent.code is None else sent.code.text or "").rpartition(":")[2]
    wanted = {"MustUnderstand": "NotUnderstood", "VersionMismatch": "Upgrade"}.get(local)
    named = sent.root.findall(f"{{{SOAP12}}}Header/{{{SOAP12}}}{wanted}")
    if sent.version == SOAP12 and wanted and not named:
        yield f"{local} without {wanted}"


# Beside the envelope


def _correlated(sent: Sent) -> Complaints:
    if not sent.headers.get("x-correlation-id"):
        yield "no X-Correlation-Id"


def _no_cookie(sent: Sent) -> Complaints:
    if "set-cookie" in sent.headers:
        yield "a cookie"


def _when_to_retry(sent: Sent) -> Complaints:
    # other services of ours say it by the fault code alone
    told = [text for one in sent.detail if (text := one.findtext("{*}retryable")) is not None]
    if told and ("true" in told) != ("retry-after" in sent.headers):
        yield f"retryable is {told}"


def _addressing_whole(sent: Sent) -> Complaints:
    for space in ADDRESSING:
        blocks = sent.root.findall(f"{{{sent.version}}}Header/{{{space}}}*")
        found = Counter(etree.QName(one).localname for one in blocks)
        needed = {"Action", "MessageID", "RelatesTo"} if found else set()
        for name in sorted(needed | set(found)):
            if found[name] != 1:
                yield f"{found[name]} × {name}"


def _silent(sent: Sent) -> Complaints:
    if "content-type" in sent.headers:
        yield "a media type of nothing"
    if sent.status not in {202, 400, 500, *OF_HTTP}:
        yield f"{sent.status} without a body"


_ALWAYS = (
    MessageRule("L1", "Every answer names its correlation id.", _correlated),
    MessageRule("R1121", "No client needs cookies.", _no_cookie),
)
#: For answers without a body: who wants none (WS-Addressing `none`).
EMPTY_RULES = (
    MessageRule("R1112", "Success without an envelope is 202, and says no media type.", _silent),
    *_ALWAYS,
)
RULES: tuple[MessageRule, ...] = (
    MessageRule("R9980", "The answer is an Envelope of Header and Body.", _structure),
    MessageRule("R9981", "The Body has one child.", _one_child),
    MessageRule("R1014", "Children of the Body are qualified.", _qualified_child),
    MessageRule("R1008", "No document type declaration.", _no_doctype),
    MessageRule("R1009", "No processing instructions.", _no_instructions),
    MessageRule("R1033", "The prefix xml is not declared.", _no_xml_prefix),
    MessageRule("R1011", "Nothing follows the Body.", _nothing_behind),
    MessageRule("R1005", "No encodingStyle anywhere (R1006 too).", _no_encoding_style),
    MessageRule("R2113", "No arrayType of the SOAP encoding.", _no_array_type),
    MessageRule("R1013", "The values of mustUnderstand are 0 and 1.", _must_understand),
    MessageRule("R1032", "Envelope, Header and Body carry no SOAP attributes.", _bare_frame),
    MessageRule("R1012", "The envelope is in UTF-8 and says so.", _encoding),
    MessageRule("R1018", "Media type and charset agree with the envelope.", _media_type),
    MessageRule("R1000", "A 1.1 fault has its four children only, in order.", _four_children),
    MessageRule("R1001", "Children of a 1.1 fault are unqualified.", _unqualified_children),
    MessageRule("R1004", "Fault codes are SOAP's, or a name of another namespace.", _known_code),
    MessageRule("R1031", "No fault code is refined by a dot.", _no_dots),
    MessageRule("R1126", "1.1 faults are 500; 1.2 faults 400 or 500; all else is 200.", _status),
    MessageRule("R2712", "The Body holds an element of the WSDL, valid.", _payload_declared),
    MessageRule("R2742", "The detail of a fault is the declared one, valid.", _detail_declared),
    MessageRule("S12-5.4", "A 1.2 fault has its children in order, reasons in a language.",
                _twelve_structure),
    MessageRule("S12-5.4.1", "1.2 codes and subcodes are names in scope.", _subcodes),
    MessageRule("S12-5.4.5", "Details are qualified.", _detail_qualified),
    MessageRule("S12-5.4.7", "Faults about headers or versions name them.", _blocks_named),
    MessageRule("S12-5.2", "Header blocks are qualified, in 1.1 too.", _qualified_headers),
    MessageRule("WSA-3.4", "Headers of WS-Addressing come whole or not at all.", _addressing_whole),
    MessageRule("L2", "Who asks in the media type of a version is answered in it.", _version_asked),
    MessageRule("L3", "Retry-After is said of what can be retried, only.", _when_to_retry),
    *_ALWAYS,
)  # fmt: skip


def _action(sent: Sent) -> Complaints:
    wanted = {
        f'"{one.get("soapAction")}"'
        for one in parsed(sent.wsdl).iter("{*}operation")
        if one.get("soapAction")
    }
    said = sent.headers.get("soapaction")
    if sent.version == SOAP12:
        found = re.search(r'action=("[^"]*")', sent.headers.get("content-type", ""))
        said = found[1] if found else None
    if said not in wanted:
        yield f"{said} is none of {sorted(wanted)}"


#: Rules for replies that bind requests as well.
_BOTH_WAYS = frozenset(
    [
        "R9980",
        "R9981",
        "R1014",
        "R1008",
        "R1009",
        "R1033",
        "R1011",
        "R1005",
        "R2113",
        "R1013",
        "R1032",
        "R1012",
        "R1018",
        "R2712",
        "S12-5.2",
    ]
)
REQUEST_RULES: tuple[MessageRule, ...] = (
    *(rule for rule in RULES if rule.number in _BOTH_WAYS),
    MessageRule("R2744", "The action is that of the WSDL, in quotes (R1109).", _action),
)


def request_complaints(headers: Mapping[str, str], body: bytes, wsdl: bytes) -> list[str]:
    """Everything wrong with a request that was posted to a service with this WSDL."""
    sent = Sent(method="POST", media_asked="", status=200, headers=headers, body=body, wsdl=wsdl)
    return [f"{rule.number}: {found}" for rule in REQUEST_RULES for found in rule.check(sent)]


class Watch:
    """Looks at every answer of WSGI classes of ours from `begin` on; threads may share it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def begin(self, kind: Any, wsdl: bytes, also: frozenset[str] = frozenset()) -> None:
        """Watch the answers of a class that serves a WSDL, those it makes for the door included.

        `also` names what a Body may hold besides, for clients older than the WSDL.
        """
        sent = functools.partial(Sent, wsdl=wsdl, also=also)
        call, refuse = kind.__call__, kind.refuse

        @functools.wraps(call)
        def watched(service: Any, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            told: list[Any] = []

            def starting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                told[:] = [status, headers]
                return start(status, headers, *rest)

            answer = list(call(service, environ, starting))
            self.look(environ, told[0], told[1], b"".join(answer), sent)
            return answer

        @functools.wraps(refuse)
        def refusing(service: Any, environ: dict[str, Any], error: Any) -> Any:
            status, headers, body = refuse(service, environ, error)
            self.look(environ, status, headers, body, sent)
            return status, headers, body

        kind.__call__, kind.refuse = watched, refusing

    def look(
        self,
        environ: dict[str, Any],
        status: str,
        headers: list[tuple[str, str]],
        body: bytes,
        make: Callable[..., Sent],
    ) -> None:
        """Judge one answer, and remember what is wrong with it."""
        sent = make(
            method=str(environ.get("REQUEST_METHOD")),
            media_asked=str(environ.get("CONTENT_TYPE") or ""),
            status=int(status[:3]),
            headers=dict(headers),
            body=body,
        )
        self.found += [f"{one}\n{body[:1500]!r}" for one in complaints(sent)]

    def taken(self) -> list[str]:
        """What was found since the last time."""
        found, self.found = self.found, []
        return found
