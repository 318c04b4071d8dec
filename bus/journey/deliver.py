"""Deliver: hand the rendered message to the recipient's channel."""

from __future__ import annotations

from bus.journey.states import Delivered, Rendered
from bus.ports import Channels, Parcel


def deliver(rendered: Rendered, channels: Channels) -> Delivered:
    """Try once; Raises PeerUnavailable, PeerBusy, DeliveryRefused, Misconfigured."""
    name = rendered.delivery.via or rendered.recipient.channel or ""
    outcome = channels.get(name).deliver(
        Parcel(
            delivery=rendered.delivery,
            recipient=rendered.recipient,
            rendering=rendered.rendering,
        )
    )
    return Delivered(delivery=rendered.delivery, outcome=outcome)
