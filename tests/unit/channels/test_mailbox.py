"""The mailbox channel."""

from __future__ import annotations

from bus.channels.mailbox import open_channel
from bus.config import DeliverySettings
from bus.model import OutcomeKind
from tests.support.parcels import PlainSigner, parcel


def test_a_parcel_waits_for_its_recipient() -> None:
    """Delivering to a mailbox makes the message available and signs or sends nothing."""
    signer = PlainSigner()
    outcome = open_channel(DeliverySettings(), signer).deliver(parcel(""))
    assert outcome.kind is OutcomeKind.AVAILABLE
    assert signer.calls == 0
