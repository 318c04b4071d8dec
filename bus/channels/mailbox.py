"""The mailbox: the message waits on the bus until its recipient asks for it."""

from __future__ import annotations

from bus.config import DeliverySettings
from bus.model import Outcome, OutcomeKind
from bus.ports import EnvelopeSigner, Parcel


class MailboxChannel:
    """Makes a rendered message available to ListPending and GetMessage; nothing is sent."""

    name = "mailbox"

    def deliver(self, parcel: Parcel) -> Outcome:
        """Leave the parcel in its recipient's mailbox; cannot fail."""
        return Outcome(kind=OutcomeKind.AVAILABLE, reason=parcel.rendering.dialect)


def open_channel(settings: DeliverySettings, signer: EnvelopeSigner) -> MailboxChannel:  # noqa: ARG001 - one signature for every channel
    """The mailbox needs no settings and signs nothing."""
    return MailboxChannel()
