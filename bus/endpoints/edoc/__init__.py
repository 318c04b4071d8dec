"""The eDoc 1.0 service: SOAP 1.1 with Attachments, answered with reports."""

from __future__ import annotations

from bus.config import LimitSettings
from bus.edoc import EdocHub
from bus.endpoints.edge import Authenticate
from bus.endpoints.edoc.service import EdocApplication
from bus.exchange import Exchange
from bus.ports import Clock

__all__ = ["EdocApplication", "edoc_application"]


def edoc_application(
    hub: EdocHub,
    exchange: Exchange,
    *,
    authenticate: Authenticate,
    limits: LimitSettings,
    clock: Clock,
    public_url: str | None,
) -> EdocApplication:
    """The eDoc service as a WSGI callable, safe for any number of threads.

    `exchange` is told of refusals; `public_url` is scheme and host as clients see them.
    """
    return EdocApplication(
        hub,
        exchange,
        authenticate=authenticate,
        limits=limits,
        clock=clock,
        public_url=public_url,
    )
