"""Spyne in process: it finds the operation, decodes its arguments and describes the service.

Reading the request, checking it, faults and replies are ours (`edge`), because
spyne's own HTTP and SOAP layers leave many misuses as uncaught exceptions.
"""

from __future__ import annotations

import functools
from typing import Any

from bus import errors
from bus.endpoints import exchange
from bus.endpoints.answers import Answer
from bus.endpoints.operation import PUBLISHED, Invocation
from bus.endpoints.spyne_shim import (
    Application,
    MethodContext,
    ServerBase,
    ServiceBase,
    XmlDocument,
)
from bus.envelope.vocabulary import TNS

__all__ = ["Dispatcher", "dispatcher", "exchange", "operations"]


class _Payload(XmlDocument):  # type: ignore[misc]  # spyne has no type hints
    """The payload element as spyne's whole document, already parsed and checked."""

    #: Makes the WSDL writer use the SOAP 1.1 extension elements.
    type = frozenset({"xml", "soap", "soap11"})

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """Nothing is left to parse."""


class _Exchange(Application):  # type: ignore[misc]  # spyne has no type hints
    """An application that lets the errors of operations through as they are."""

    def process_request(self, ctx: Any) -> None:
        """Call the operation; spyne's own version turns every error into a bare fault."""
        ctx.out_object = [self.call_wrapper(ctx)]


class Dispatcher(ServerBase):  # type: ignore[misc]  # spyne has no type hints
    """Runs operations; holds no request state, so all threads share one."""

    #: The transport URI of both bindings: Mono finds nothing under any other.
    transport = "http://schemas.xmlsoap.org/soap/http"

    def answer(self, asked: Invocation) -> Answer:
        """Run the operation that the payload names; Raises what the operation raises."""
        context = MethodContext(self, MethodContext.SERVER)
        context.udc = asked
        context.in_document = asked.payload
        context = self.generate_contexts(context)[0]
        if context.in_error is None:
            self.get_in_object(context)
        if context.in_error is not None:
            raise errors.ProtocolRejected(context.in_error.faultstring, code="SVC-006")
        self.get_out_object(context)
        answer: Answer = context.out_object[0]
        return answer


def operations() -> frozenset[str]:
    """Names of all operations."""
    return frozenset(PUBLISHED)


@functools.cache
def dispatcher() -> Dispatcher:
    """The dispatcher of this process."""
    service = type("Exchange", (ServiceBase,), dict(PUBLISHED))
    return Dispatcher(
        _Exchange(
            [service],
            tns=TNS,
            name="Exchange",
            in_protocol=_Payload(parse_xsi_type=False),
            out_protocol=_Payload(),
        )
    )
