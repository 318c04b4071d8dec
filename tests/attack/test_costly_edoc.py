"""EDoc requests built to cost minutes, from agencies that hold a token."""

from __future__ import annotations

import time

import pytest
from support.edoc_client import envelope

from bus.config import LimitSettings
from bus.edxml import limits, parser
from bus.endpoints.edoc import packing, requests
from bus.envelope import soap
from bus.errors import ProtocolRejected


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (("<x/>" + " " * 200) * 15_000, "<edXML:Manifest/>"),
        ("", f"<edXML:Manifest>{('<Token/>' + ' ' * 200) * 15_000}</edXML:Manifest>"),
        ("", f"<Manifest>{'<Token>' * 90}{'a' * 30_000_000}{'</Token>' * 90}</Manifest>"),
    ],
    ids=["blocks", "tokens", "tokens in tokens"],
)
def test_what_is_left_at_the_door_is_left_in_one_pass(header: str, body: str) -> None:
    """Joining the text around each block again took 20 seconds for 3 MB, hours for 64."""
    xml = envelope(header, body).encode()
    limits.check(xml, LimitSettings())
    root = parser.parse(xml)
    started = time.perf_counter()
    packed = packing.pack(root, None)
    assert time.perf_counter() - started < 4
    assert b"<x" not in packed
    assert b"Token" not in packed
    assert b"<?taken" not in packed


def test_lines_stay_where_the_sender_sees_them() -> None:
    """What is taken out, in whatever nesting, leaves its line breaks and the text behind it."""
    tokens = "a<Token>\n<Token>\n</Token>\n</Token>b<Token/>c<Token/>d"
    xml = envelope("<x>\n\n</x>\n<y/>", f"<Manifest>{tokens}</Manifest>")
    packed = packing.pack(parser.parse(xml.encode()), None).decode()
    assert packed.count("\n") == xml.count("\n")
    assert "<Manifest>a\n\n\nbc" in packed
    assert "d</Manifest>" in packed


def test_one_request_confirms_no_more_than_was_ever_listed() -> None:
    """A hundred thousand numbers in one request are as many questions to the store."""

    def asked(numbers: int) -> requests.Asked:
        listed = "".join(f"<TraceId>{n}</TraceId>" for n in range(1, numbers + 1))
        root = parser.parse(envelope("", f"<ConfirmTraces>{listed}</ConfirmTraces>").encode())
        return requests.read(soap.read(root), "ConfirmTraces")

    assert len(requests.trace_numbers(asked(1000))) == 1000
    with pytest.raises(ProtocolRejected) as refusal:
        requests.trace_numbers(asked(1001))
    assert refusal.value.code == "SVC-006"
    assert refusal.value.path == "/Envelope/Body/ConfirmTraces/TraceId"
