"""SOAP services, the only place that imports spyne."""

from __future__ import annotations

from bus.config import LimitSettings
from bus.endpoints.edge import (
    Authenticate,
    ExchangeApplication,
    Seal,
)
from bus.exchange import Exchange
from bus.ports import Clock

__all__ = ["ExchangeApplication", "exchange_application"]


def exchange_application(
    exchange: Exchange,
    *,
    authenticate: Authenticate,
    seal: Seal | None,
    limits: LimitSettings,
    clock: Clock,
    public_url: str | None,
) -> ExchangeApplication:
    """The exchange service as a WSGI callable, safe for any number of threads.

    `seal` makes the WS-Security header of a reply; None leaves replies unsigned.
    `public_url` is scheme and host as clients see them (the mount point is appended); None
    takes them from each request.
    """
    return ExchangeApplication(
        exchange,
        authenticate=authenticate,
        seal=seal,
        limits=limits,
        clock=clock,
        public_url=public_url,
    )
