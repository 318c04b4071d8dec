"""Deliveries and parcels as the worker hands them to a channel."""

from __future__ import annotations

from datetime import UTC, datetime

from bus.model import Agency, AgencyState, Delivery, DeliveryState, Kind, Rendering
from bus.ports import Parcel

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CONTENT = "<edXML><Subject>Về việc kiểm tra đường ống</Subject></edXML>".encode()


def delivery(number: int = 1, recipient: str = "H13", **changes: object) -> Delivery:
    """One pending delivery; `changes` replace its facts."""
    facts: dict[str, object] = {
        "delivery_id": number,
        "message_id": f"m-{number}",
        "recipient": recipient,
        "state": DeliveryState.PENDING,
        "kind": Kind.DOCUMENT,
        "topic": "edoc.new.cong-van",
        "sender": "G22",
        "priority": 0,
        "dialect": "qcvn102_java",
        "document_id": f"G22,2026/11/22,{number}/BC",
        "subject": "Về việc kiểm tra đường ống",
        "attempts": 1,
        "due_at": NOW,
        "created_at": NOW,
    }
    return Delivery(**(facts | changes))  # type: ignore[arg-type]  # facts by name


def parcel(address: str, content: bytes = CONTENT, number: int = 1, **options: str) -> Parcel:
    """A parcel for a receiver at a WSDL address, with channel options (`__` stands for a dot)."""
    named = {name.replace("__", "."): value for name, value in options.items()}
    agency = Agency(
        code="H13",
        name="Tỉnh thử nghiệm",
        state=AgencyState.LIVE,
        dialect="qcvn102_java",
        channel="soap",
        address=address,
        channel_options=named,
    )
    rendering = Rendering(dialect="qcvn102_java", content=content)
    return Parcel(delivery=delivery(number), recipient=agency, rendering=rendering)


class PlainSigner:
    """Marks envelopes instead of signing them: the channel must send what the signer returns."""

    def __init__(self) -> None:
        self.calls = 0

    def sign_envelope(self, envelope: bytes) -> bytes:
        """Append a comment that a test can look for."""
        self.calls += 1
        return envelope + b"<!-- signed -->"

    def security_header(self, body: bytes, body_id: str, soap: str) -> bytes:
        """A comment that a test can look for, after a look at what is to be signed."""
        self.calls += 1
        assert body_id.encode() in body
        assert soap.encode() in body
        return b"<!-- signed -->"
