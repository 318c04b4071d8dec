"""A signed call presented again: what reveals something is refused, what sends is a safe retry."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import utils
from lxml import etree
from support.outside import Answer, kept, package, post, request, until
from support.running_bus import RunningBus
from support.soap_edge import SOAP11, SOAP12, TNS

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12])
#: The order of the group of P-256: (r, n - s) is as good a signature as (r, s).
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _body(answer: Answer) -> bytes:
    """What stands in the Body: the header around it is fresh for every reply."""
    assert answer.status == 200, answer.body[:2000]
    body = next(answer.root.iter("{*}Body"))
    return etree.tostring(body[0], method="c14n", exclusive=True)


def _receipt(answer: Answer) -> bytes:
    start = answer.body.index(b"<Receipt")
    return answer.body[start : answer.body.index(b"</Receipt>")]


READS = {
    "ListPending": "<limit>5</limit>",
    "FindAgencies": "<text>G09</text>",
    "Ping": "<recipient>H57</recipient>",
}


@VERSIONS
@pytest.mark.parametrize("name", READS)
def test_what_reveals_something_is_answered_once(bus: RunningBus, soap: str, name: str) -> None:
    """The same signed bytes again are refused with SIG-012, kept as evidence, and change nothing."""
    payload = f'<{name} xmlns="{TNS}">{READS[name]}</{name}>'
    signed = request(payload, own=bus.own["G09"], soap=soap, at=_now())
    assert post(bus, signed, soap).status == 200
    with kept(bus) as left:
        refused = post(bus, signed, soap)
    assert refused.status == (500 if soap == SOAP11 else 400)
    assert (refused.fault["code"], refused.fault["retryable"]) == ("SIG-012", "false")
    assert left.only_refusal("SIG-012").agency == "G09"
    assert post(bus, request(payload, own=bus.own["G09"], soap=soap), soap).status == 200


@VERSIONS
def test_a_message_is_fetched_once_by_the_same_bytes(bus: RunningBus, soap: str) -> None:
    """Who captured a signed GetMessage or GetTrace cannot fetch with it."""
    message_id = _sent(bus, 1 if soap == SOAP11 else 2)
    for name in ("GetMessage", "GetTrace"):
        payload = f'<{name} xmlns="{TNS}"><messageId>{message_id}</messageId></{name}>'
        signed = request(payload, own=bus.own["H57"], soap=soap, at=_now())
        assert post(bus, signed, soap).status == 200
        assert post(bus, signed, soap).fault["code"] == "SIG-012"


@VERSIONS
def test_the_same_send_again_is_a_safe_retry(bus: RunningBus, soap: str) -> None:
    """Who got no answer sends the very same bytes again and gets the first receipt, byte for byte."""
    letter = bus.letter("G09", "H57", number=11 if soap == SOAP11 else 12)
    xml = bus.signed(letter)
    inline = etree.tostring(etree.fromstring(xml)).decode()
    for payload in (package(xml), f'<SendDocument xmlns="{TNS}">{inline}</SendDocument>'):
        signed = request(payload, own=bus.own["G09"], soap=soap, at=_now())
        first, again = post(bus, signed, soap), post(bus, signed, soap)
        assert (first.status, again.status) == (200, 200)
        assert _receipt(again) == _receipt(first)
        assert b"<duplicate>true</duplicate>" in again.body


@VERSIONS
def test_the_same_acknowledgement_again_is_a_safe_retry(bus: RunningBus, soap: str) -> None:
    """An acknowledgement whose answer was lost is sent again as it was and gets the same answer."""
    message_id = _sent(bus, 21 if soap == SOAP11 else 22)
    payload = (
        f'<Acknowledge xmlns="{TNS}"><messageId>{message_id}</messageId>'
        "<outcome>done</outcome></Acknowledge>"
    )
    signed = request(payload, own=bus.own["H57"], soap=soap, at=_now())
    first, again = post(bus, signed, soap), post(bus, signed, soap)
    assert _body(again) == _body(first)


def test_a_check_may_be_repeated_for_anybody_may_ask_it(bus: RunningBus) -> None:
    """The report on a brought document is given again; callers without any proof get one as well."""
    payload = f'<CheckDocument xmlns="{TNS}"><content>PGEvPg==</content></CheckDocument>'
    signed = request(payload, own=bus.own["G09"], at=_now())
    first, again = post(bus, signed), post(bus, signed)
    assert _body(again) == _body(first)
    assert post(bus, request(payload)).status == 200


def test_dressing_a_captured_call_differently_does_not_help(bus: RunningBus) -> None:
    """The twin of an ECDSA value, other white space, and another header do not make a new call."""
    signed = request(f'<ListPending xmlns="{TNS}"/>', own=bus.own["G09"], at=_now())
    assert post(bus, signed).status == 200
    for dress in (_twin, _spaced, _named_otherwise):
        root = etree.fromstring(signed)
        dress(root)
        refused = post(bus, etree.tostring(root))
        assert refused.fault["code"] == "SIG-012", dress.__name__


def test_unsigned_calls_are_no_matter_of_replay(bus: RunningBus) -> None:
    """A caller by token may send the same bytes as often as it likes."""
    plain = request(f'<ListPending xmlns="{TNS}"/>')
    for _ in range(3):
        assert post(bus, plain, Authorization="Bearer G22:key").status == 200


def test_strangers_leave_nothing_in_the_memory(bus: RunningBus) -> None:
    """Calls that are refused for their signature are not remembered."""
    before = _remembered(bus)
    signed = request(f'<ListPending xmlns="{TNS}"/>', own=bus.own["G09"], at=_now())
    changed = signed.replace(b"ListPending xmlns", b"ListPending  id='x' xmlns")
    for _ in range(3):
        assert post(bus, changed).fault["code"] == "SIG-002"
    assert _remembered(bus) <= before
    assert post(bus, signed).status == 200


def _now() -> datetime:
    """An instant with a fraction, as careful stacks write it."""
    return datetime.now(UTC).replace(microsecond=123_000)


def _sent(bus: RunningBus, number: int) -> str:
    """A message that waits for H57."""
    letter = bus.letter("G09", "H57", number=number)
    message_id = bus.client("G09").send_document(bus.signed(letter)).receipt.message_id
    mailbox = bus.client("H57")
    until(lambda: message_id in [i.message_id for i in mailbox.list_pending(limit=500).items])
    return message_id


def _remembered(bus: RunningBus) -> float:
    lines = bus.app.metrics.render().decode().splitlines()
    return float(
        next(each for each in lines if each.startswith("bus_signed_calls_remembered")).split()[1]
    )


def _twin(root: etree._Element) -> None:
    value = next(root.iter("{*}SignatureValue"))
    raw = base64.b64decode(value.text or "")
    twin = P256_ORDER - int.from_bytes(raw[32:], "big")
    assert utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), twin)
    value.text = base64.b64encode(raw[:32] + twin.to_bytes(32, "big")).decode()


def _spaced(root: etree._Element) -> None:
    value = next(root.iter("{*}SignatureValue"))
    value.text = "\n ".join(value.text or "")


def _named_otherwise(root: etree._Element) -> None:
    next(root.iter("{*}Security")).set(f"{{{SOAP11}}}actor", "")
