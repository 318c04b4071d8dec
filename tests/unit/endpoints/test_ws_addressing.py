"""WS-Addressing at the exchange service: what is answered to which headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from support.soap_edge import PING, SOAP11, SOAP12, TNS, Reply, Service

from bus import errors
from bus.endpoints import actions
from bus.endpoints.dispatch import operations
from bus.endpoints.wsdl import wsdl
from bus.envelope.addressing import Edition
from bus.trust import names

ROOT = Path(__file__).resolve().parents[3]
W3C, SUBMISSION = Edition.W3C.value, Edition.SUBMISSION.value
ANONYMOUS = f"{W3C}/anonymous"
NONE = f"{W3C}/none"
VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
EDITIONS = pytest.mark.parametrize("edition", list(Edition), ids=lambda one: one.name)


def head(edition: str = W3C, **blocks: str | list[str]) -> str:
    """Header blocks by content, several contents making several blocks; of a good Ping unless given."""
    usual: dict[str, Any] = {"Action": f"{TNS}/Ping", "MessageID": "urn:uuid:1"}
    return "".join(
        f'<a:{name} xmlns:a="{edition}">{one}</a:{name}>'
        for name, content in (usual | blocks).items()
        for one in ([content] if isinstance(content, str) else content)
    )


def endpoint(address: str, more: str = "", edition: str = W3C) -> str:
    """The content of an endpoint reference."""
    return f'<a:Address xmlns:a="{edition}">{address}</a:Address>{more}'


def headers_of(reply: Reply, edition: str = W3C) -> dict[str, str]:
    """The addressing blocks of an answer; fails when one stands there twice."""
    found = reply.root.findall(f"{{*}}Header/{{{edition}}}*")
    told = {etree.QName(one).localname: one.text or "" for one in found}
    assert len(told) == len(found)
    return told


def fault_names(reply: Reply) -> list[str]:
    """What the fault is called, widest first, every prefix resolved."""
    values = reply.root.findall(".//{*}faultcode") or reply.root.findall(".//{*}Code//{*}Value")
    return [
        f"{{{one.nsmap[(one.text or '').partition(':')[0]]}}}{(one.text or '').partition(':')[2]}"
        for one in values
    ]


@VERSIONS
@EDITIONS
def test_an_answer_names_the_request_it_answers(soap: str, edition: Edition) -> None:
    """RelatesTo repeats the MessageID; the answer has an identifier and an action of its own."""
    space = edition.value
    service = Service()
    first, second = (
        headers_of(service.call(PING, soap=soap, header=head(space, MessageID=" urn:x:1 ")), space)
        for _ in range(2)
    )
    assert first["RelatesTo"] == "urn:x:1"
    assert first["Action"] == f"{TNS}:Exchange:PingResponse"
    assert first["To"] == edition.anonymous
    assert first["MessageID"].startswith("urn:uuid:")
    assert first["MessageID"] != second["MessageID"]


@VERSIONS
def test_who_sends_no_headers_gets_none(soap: str) -> None:
    """Without addressing in the request there is none in the reply, nor in a fault."""
    service = Service()
    assert service.call(PING, soap=soap).root.find("{*}Header") is None
    assert headers_of(service.call("<nothing/>", soap=soap)) == {}


@VERSIONS
@pytest.mark.parametrize("edition", [W3C, SUBMISSION])
def test_headers_that_must_be_understood_are(soap: str, edition: str) -> None:
    """Every block of both editions may carry mustUnderstand."""
    anonymous = Edition(edition).anonymous
    blocks = head(
        edition,
        To="http://bus.example/services/exchange",
        From=endpoint("urn:client", edition=edition),
        ReplyTo=endpoint(anonymous, edition=edition),
        FaultTo=endpoint(anonymous, edition=edition),
        RelatesTo=["urn:a", "urn:b"],
    ).replace(" xmlns:a=", ' s:mustUnderstand="1" xmlns:a=')
    assert service_says(blocks, soap).status == 200


@VERSIONS
def test_blocks_that_are_none_of_the_specification_are_not_understood(soap: str) -> None:
    """A block that no edition defines stops the call that demands it; that fault is related too."""
    blocks = head() + f'<a:Later xmlns:a="{W3C}" s:mustUnderstand="1"/>'
    reply = service_says(blocks, soap)
    assert reply.fault_code == "soap:MustUnderstand"
    told = headers_of(reply)
    assert (told["Action"], told["RelatesTo"]) == (f"{W3C}/soap/fault", "urn:uuid:1")


@VERSIONS
def test_blocks_for_others_are_not_read(soap: str) -> None:
    """Headers addressed to another node do not count, not even wrong ones."""
    role = "actor" if soap == SOAP11 else "role"
    blocks = head(Action=["urn:x", "urn:y"]).replace(" xmlns:a=", f' s:{role}="urn:o" xmlns:a=')
    reply = service_says(blocks, soap)
    assert reply.status == 200
    assert headers_of(reply) == {}


def service_says(blocks: str, soap: str, **environ: Any) -> Reply:
    """The answer to a Ping with these header blocks."""
    return Service().call(PING, soap=soap, header=blocks, **environ)


#: What is wrong: (blocks, code, name, second name, block that is named).
WRONG: dict[str, tuple[str, str, str, str, str]] = {
    "two-actions": (
        head(Action=[f"{TNS}/Ping", f"{TNS}/Ping"]),
        "WSA-001", "InvalidAddressingHeader", "InvalidCardinality", "Action",
    ),
    "two-tos": (
        head(To=[ANONYMOUS, ANONYMOUS]),
        "WSA-001", "InvalidAddressingHeader", "InvalidCardinality", "To",
    ),
    "two-identifiers": (
        head(MessageID=["urn:a", "urn:b"]),
        "WSA-001", "InvalidAddressingHeader", "InvalidCardinality", "MessageID",
    ),
    "two-reply-tos": (
        head(ReplyTo=[endpoint(ANONYMOUS), endpoint(ANONYMOUS)]),
        "WSA-001", "InvalidAddressingHeader", "InvalidCardinality", "ReplyTo",
    ),
    "two-editions": (
        head() + head(SUBMISSION, Action=f"{TNS}/SendPackage"),
        "WSA-001", "InvalidAddressingHeader", "InvalidCardinality", "Action",
    ),
    "too-many": (
        head(RelatesTo=["urn:a"] * 101),
        "WSA-001", "InvalidAddressingHeader", "InvalidCardinality", "RelatesTo",
    ),
    "no-address": (
        head(ReplyTo="<x/>"),
        "WSA-002", "InvalidAddressingHeader", "MissingAddressInEPR", "ReplyTo",
    ),
    "no-iri": (
        head(FaultTo=endpoint("not an address")),
        "WSA-003", "InvalidAddressingHeader", "InvalidAddress", "FaultTo",
    ),
    "relative-to": (
        head(To="/services/exchange"),
        "WSA-003", "InvalidAddressingHeader", "InvalidAddress", "To",
    ),
    "broken-to": (
        head(To="http://[::1/services/exchange"),
        "WSA-003", "InvalidAddressingHeader", "InvalidAddress", "To",
    ),
    "long-identifier": (
        head(MessageID="urn:" + "x" * 3000),
        "WSA-003", "InvalidAddressingHeader", "InvalidAddress", "MessageID",
    ),
    "no-action": (
        head(Action=[], To=ANONYMOUS), "WSA-005", "MessageAddressingHeaderRequired", "", "Action",
    ),
    "empty-action": (
        head(Action=" "), "WSA-005", "MessageAddressingHeaderRequired", "", "Action",
    ),
    "no-identifier": (
        head(MessageID=[]), "WSA-005", "MessageAddressingHeaderRequired", "", "MessageID",
    ),
    "reply-elsewhere": (
        head(ReplyTo=endpoint("http://127.0.0.1:9/inbox")),
        "WSA-008", "InvalidAddressingHeader", "OnlyAnonymousAddressSupported", "ReplyTo",
    ),
    "faults-elsewhere": (
        head(FaultTo=endpoint("mailto:a@b.example")),
        "WSA-008", "InvalidAddressingHeader", "OnlyAnonymousAddressSupported", "FaultTo",
    ),
}  # fmt: skip


@VERSIONS
@pytest.mark.parametrize(("blocks", "code", "name", "second", "block"), WRONG.values(), ids=WRONG)
def test_wrong_headers_get_the_fault_of_the_specification(
    soap: str, blocks: str, code: str, name: str, second: str, block: str
) -> None:
    """Each misuse has its name, the block at fault, and our typed detail; nothing is run."""
    service = Service()
    reply = service.call(PING, soap=soap, header=blocks)
    assert (reply.fault["code"], reply.fault["stage"]) == (code, "service")
    assert reply.fault["path"] == f"/Envelope/Header/{block}"
    assert headers_of(reply)["Action"] == f"{W3C}/fault"
    wanted = [f"{{{W3C}}}{one}" for one in (name, second) if one]
    if soap == SOAP11:
        assert fault_names(reply) == wanted[-1:]
        assert reply.status == 500
        place = f"{{*}}Header/{{{W3C}}}FaultDetail"
    else:
        assert fault_names(reply) == [f"{{{SOAP12}}}Sender", *wanted]
        assert reply.status == 400
        place = "{*}Body/{*}Fault/{*}Detail"
    problem = reply.root.find(f"{place}/{{{W3C}}}ProblemHeaderQName")
    assert problem is not None
    assert problem.text == f"wsa:{block}"
    assert problem.nsmap["wsa"] == W3C
    assert not service.exchange.asked
    assert not service.authenticated


@VERSIONS
def test_an_action_of_another_operation_is_not_supported(soap: str) -> None:
    """The action must be that of the Body; the fault repeats it."""
    reply = service_says(head(Action=f"{TNS}/SendPackage"), soap)
    assert reply.fault["code"] == "WSA-007"
    assert fault_names(reply)[-1] == f"{{{W3C}}}ActionNotSupported"
    assert reply.root.findtext(f".//{{{W3C}}}ProblemAction/{{{W3C}}}Action") == f"{TNS}/SendPackage"


def test_the_soap_action_must_agree() -> None:
    """A SOAPAction of another operation than wsa:Action is an ActionMismatch."""
    reply = service_says(head(), SOAP11, HTTP_SOAPACTION=f'"{TNS}/SendPackage"')
    assert reply.fault["code"] == "WSA-006"
    assert fault_names(reply) == [f"{{{W3C}}}ActionMismatch"]


@pytest.mark.parametrize("said", ["", '""', f'"{TNS}/Ping"', "Ping", f'"{TNS}:Exchange:Ping"'])
@pytest.mark.parametrize("action", [f"{TNS}/Ping", f"{TNS}:Exchange:Ping"])
def test_every_usual_spelling_of_an_action_is_taken(said: str, action: str) -> None:
    """The SOAPAction of the WSDL and the default pattern name the same operation."""
    assert service_says(head(Action=action), SOAP11, HTTP_SOAPACTION=said).status == 200


@VERSIONS
@pytest.mark.parametrize(
    "to",
    [
        ANONYMOUS,
        "http://127.0.0.1:8080/services/exchange",
        "https://truc.example.vn/services/exchange/",
        "https://gateway.example.vn/lien-thong/van-ban",
        "https://gateway.example.vn",
        "urn:lienthong:exchange:1",
    ],
)
def test_a_client_behind_a_proxy_may_call_us_what_it_likes(soap: str, to: str) -> None:
    """Host, port, scheme and the path of a proxy are not held against a client."""
    assert service_says(head(To=to), soap).status == 200


@VERSIONS
@pytest.mark.parametrize("to", [NONE, "http://bus/services/eDoc", "https://bus/services/other/x"])
def test_a_request_for_another_service_is_not_taken(soap: str, to: str) -> None:
    """A To that names another service of a bus, or nobody, is unreachable here."""
    reply = service_says(head(To=to), soap)
    assert reply.fault["code"] == "WSA-009"
    assert fault_names(reply)[-1] == f"{{{W3C}}}DestinationUnreachable"
    assert reply.root.findtext(f".//{{{W3C}}}ProblemIRI") == to


@VERSIONS
def test_the_older_edition_has_its_own_names(soap: str) -> None:
    """A fault about headers of the Submission is called as the Submission calls it."""
    twice = service_says(head(SUBMISSION, Action=["urn:a", "urn:b"]), soap)
    assert fault_names(twice)[-1] == f"{{{SUBMISSION}}}InvalidMessageInformationHeader"
    missing = service_says(head(SUBMISSION, MessageID=[]), soap)
    assert fault_names(missing)[-1] == f"{{{SUBMISSION}}}MessageInformationHeaderRequired"
    assert headers_of(missing, SUBMISSION)["Action"] == f"{SUBMISSION}/fault"
    assert headers_of(missing, SUBMISSION)["RelatesTo"] == f"{SUBMISSION}/id/unspecified"


@VERSIONS
def test_who_wants_no_reply_gets_none(soap: str) -> None:
    """ReplyTo none: the operation runs, and 202 without a body says so."""
    service = Service()
    blocks = head(ReplyTo=endpoint(NONE), MessageID=[])
    reply = service.call(PING, soap=soap, header=blocks)
    assert (reply.status, reply.body) == (202, b"")
    assert "Content-Type" not in reply.headers
    assert len(service.exchange.asked) == 1


@VERSIONS
@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo"])
def test_who_wants_no_fault_gets_its_status_alone(soap: str, name: str) -> None:
    """A fault for nowhere is not written; the HTTP status still is not that of a success."""
    service = Service()
    service.exchange.error = errors.NotFound("x")
    reply = service.call(PING, soap=soap, header=head(**{name: endpoint(NONE)}))
    assert (reply.status, reply.body) == (500 if soap == SOAP11 else 400, b"")
    assert reply.headers["X-Correlation-Id"]
    assert service.exchange.refusals


@VERSIONS
def test_faults_go_where_faults_are_wanted(soap: str) -> None:
    """FaultTo outweighs ReplyTo, for faults only."""
    blocks = head(ReplyTo=endpoint(NONE), FaultTo=endpoint(ANONYMOUS))
    service = Service()
    assert service.call(PING, soap=soap, header=blocks).status == 202
    service.exchange.error = errors.NotFound("x")
    assert service.call(PING, soap=soap, header=blocks).fault["code"] == "STO-003"


@VERSIONS
def test_faults_of_operations_have_their_declared_action(soap: str) -> None:
    """A declared fault carries the action of the WSDL's pattern and relates to its request."""
    service = Service()
    service.exchange.error = errors.StoreUnavailable()
    told = headers_of(service.call(PING, soap=soap, header=head()))
    assert told["Action"] == f"{TNS}:Exchange:Ping:Fault:ExchangeFault"
    assert told["RelatesTo"] == "urn:uuid:1"


@VERSIONS
@EDITIONS
def test_reference_parameters_come_back(soap: str, edition: Edition) -> None:
    """What a client puts into its ReplyTo stands in the header of the reply, namespaces and all."""
    space = edition.value
    more = (
        f'<a:ReferenceParameters xmlns:a="{space}" xmlns:q="urn:q">'
        '<k:Key xmlns:k="urn:k" s:mustUnderstand="1" n="1">q:x<k:In/></k:Key></a:ReferenceParameters>'
    )
    blocks = head(space, ReplyTo=endpoint(edition.anonymous, more, space))
    reply = service_says(blocks, soap)
    (key,) = reply.root.findall("{*}Header/{urn:k}Key")
    assert (key.text, key.get("n"), key.nsmap["q"]) == ("q:x", "1", "urn:q")
    assert key.find("{urn:k}In") is not None
    assert key.get(f"{{{soap}}}mustUnderstand") is None
    marked = key.get(f"{{{W3C}}}IsReferenceParameter")
    assert marked == ("true" if edition is Edition.W3C else None)


@VERSIONS
@pytest.mark.parametrize(
    "parameter",
    [
        f'<w:Security xmlns:w="{names.WSSE}"/>',
        f'<w:Action xmlns:w="{W3C}">urn:forged</w:Action>',
        f'<w:Upgrade xmlns:w="{SOAP12}"/>',
        f'<w:Signature xmlns:w="{names.DS}"/>',
        '<bare xmlns=""/>',
        f'<k:Key xmlns:k="urn:k">{"x" * 20_000}</k:Key>',
    ],
    ids=["security", "addressing", "soap", "signature", "unqualified", "large"],
)
def test_parameters_cannot_forge_headers_of_ours(soap: str, parameter: str) -> None:
    """What would pose as a header that somebody acts upon is refused and not returned."""
    more = f'<a:ReferenceParameters xmlns:a="{W3C}">{parameter}</a:ReferenceParameters>'
    sealed = []

    def seal(body: etree._Element, _soap: str) -> bytes:
        sealed.append(body)
        return b'<z:Security xmlns:z="%b"/>' % names.WSSE.encode()

    service = Service(seal=seal)
    reply = service.call(PING, soap=soap, header=head(ReplyTo=endpoint(ANONYMOUS, more)))
    assert reply.fault["code"] == "WSA-004"
    assert fault_names(reply)[-1] == f"{{{W3C}}}InvalidEPR"
    assert parameter.encode() not in reply.body
    assert len(sealed) == 1
    assert len(reply.root.findall(f"{{*}}Header/{{{names.WSSE}}}Security")) == 1


@pytest.mark.parametrize("operation", sorted(operations()))
def test_actions_are_those_of_the_wsdl(operation: str) -> None:
    """Soap actions and the default pattern agree with what the WSDL says of every operation."""
    root = etree.fromstring(wsdl("http://bus/services/exchange"))
    space, tns = "{http://schemas.xmlsoap.org/wsdl/}", root.get("targetNamespace")
    (port_type,) = root.findall(f"{space}portType")
    port = port_type.find(f"{space}operation[@name='{operation}']")
    pattern = f"{tns}:{port_type.get('name')}"
    bound = root.findall(f"{space}binding/{space}operation[@name='{operation}']")
    told = {one[0].get("soapAction") for one in bound}
    told.add(f"{pattern}:{port.find(f'{space}input').get('name')}")
    assert actions.of_request(operation) == told
    assert actions.of_reply(operation) == f"{pattern}:{port.find(f'{space}output').get('name')}"
    fault = port.find(f"{space}fault").get("name")
    assert actions.of_fault(operation) == f"{pattern}:{operation}:Fault:{fault}"


def test_nothing_here_can_connect() -> None:
    """The module that reads addresses imports nothing that could follow one."""
    source = (ROOT / "bus/envelope/addressing.py").read_text(encoding="utf-8")
    imported = {
        line.split()[1] for line in source.splitlines() if line.startswith(("from", "import"))
    }
    assert imported <= {
        "__future__", "enum", "re", "uuid", "dataclasses", "urllib.parse", "lxml",
        "bus.envelope", "bus.envelope.soap", "bus.errors",
    }  # fmt: skip
