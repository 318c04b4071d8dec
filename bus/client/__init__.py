"""The exchange service as an agency's own program sees it: plain calls, typed answers, no WSDL."""

from bus.client.records import (
    Acknowledgement,
    AgencyEntry,
    AgencyListing,
    CheckResult,
    DeliveryFacts,
    FetchedMessage,
    MessageFacts,
    PendingItem,
    PendingListing,
    Pong,
    SendResult,
    Timeline,
)
from bus.client.service import ExchangeClient

__all__ = [
    "Acknowledgement",
    "AgencyEntry",
    "AgencyListing",
    "CheckResult",
    "DeliveryFacts",
    "ExchangeClient",
    "FetchedMessage",
    "MessageFacts",
    "PendingItem",
    "PendingListing",
    "Pong",
    "SendResult",
    "Timeline",
]
