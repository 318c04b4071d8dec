"""What was agreed with one receiver."""

from __future__ import annotations

import base64
import hashlib

import pytest

from bus import errors
from bus.channels import agreement
from bus.model import OutcomeKind
from tests.support.parcels import CONTENT, parcel


def test_the_default_is_our_receiver_contract() -> None:
    """Without options the call is Receive with every argument of receiver-1."""
    agreed = agreement.read({})
    filled = agreed.fill(agreed.values(parcel("http://127.0.0.1/x?wsdl")))
    assert (agreed.operation, agreed.signed) == ("Receive", True)
    assert filled == {
        "messageId": "m-1",
        "kind": "edoc",
        "topic": "edoc.new.cong-van",
        "sender": "G22",
        "documentId": "G22,2026/11/22,1/BC",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "contentType": "application/xml",
        "content": CONTENT,
    }


def test_arguments_nest_and_take_literals() -> None:
    """Dotted names build structures; `text:` gives a fixed word."""
    agreed = agreement.read(
        {
            "operation": "GuiVanBan",
            "arg.header.from": "sender",
            "arg.header.to": "recipient",
            "arg.system": "text:truc",
            "arg.file": "content_base64",
            "arg.xml": "content_text",
        }
    )
    assert agreed.fill(agreed.values(parcel("http://127.0.0.1/x?wsdl"))) == {
        "header": {"from": "G22", "to": "H13"},
        "system": "truc",
        "file": base64.b64encode(CONTENT).decode(),
        "xml": CONTENT.decode(),
    }


def test_every_source_gives_a_value() -> None:
    """Each documented source can be asked for."""
    sent = parcel("http://127.0.0.1/x?wsdl")
    for name, source in agreement.SOURCES.items():
        assert source(sent) not in (None, ""), name


@pytest.mark.parametrize(
    "options",
    [
        {"arg.a": "messageId", "arg.a.b": "messageId"},
        {"arg.": "messageId"},
        {"arg.a..b": "messageId"},
        {"arg.a": "secret"},
        {"ok": ":true"},
        {"ok": "accepted:"},
        {"unknown": "x"},
        {"security": "SIGNATURE"},
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, str]) -> None:
    """A wrong option is an error that names it, never ignored."""
    with pytest.raises(errors.Misconfigured) as caught:
        agreement.read(options)
    assert caught.value.code == "CFG-002"


def test_bytes_that_are_no_text_cannot_be_sent_as_text() -> None:
    """`content_text` of bytes that are not UTF-8 refuses the delivery instead of sending junk."""
    agreed = agreement.read({"arg.x": "content_text"})
    with pytest.raises(errors.DeliveryRefused):
        agreed.values(parcel("http://127.0.0.1/x?wsdl", content=b"\xff\xfe"))


@pytest.mark.parametrize(
    ("options", "reply", "reason"),
    [
        ({}, {"accepted": True, "reference": "12/CV"}, "12/CV"),
        ({"ok": "code:0|00"}, {"code": "00"}, ""),
        ({"ok": "result.status:OK"}, {"result": [{"status": "ok"}]}, ""),
        ({"ok": "return:true", "operation": "Gui"}, True, "true"),
        ({"operation": "Gui"}, None, ""),
    ],
)
def test_what_counts_as_taken(options: dict[str, str], reply: object, reason: str) -> None:
    """The agreed field with an agreed value is success; the receiver's reference is kept."""
    outcome = agreement.read(options).judge(reply)
    assert (outcome.kind, outcome.reason) == (OutcomeKind.DONE, reason)


def test_any_other_value_is_a_refusal_with_its_reason() -> None:
    """accepted=false refuses for good and quotes the receiver."""
    with pytest.raises(errors.DeliveryRefused, match="sai nơi nhận"):
        agreement.read({}).judge({"accepted": False, "reason": "sai nơi nhận"})


def test_a_reply_without_the_agreed_field_is_no_success() -> None:
    """An "OK" with nothing in it is tried again, not taken for delivered."""
    with pytest.raises(errors.PeerUnavailable) as caught:
        agreement.read({"ok": "code:0"}).judge({"message": "OK"})
    assert caught.value.code == "DLV-003"
