"""The action of every message of the exchange service (WS-Addressing 1.0 Metadata, section 4.4).

A request's action is its SOAPAction. Replies and faults have those of the default pattern,
which every stack works out from the WSDL by itself; its delimiter is a colon, for the target
namespace is a URN.
"""

from __future__ import annotations

from bus import errors
from bus.endpoints.faults import treatment_of
from bus.endpoints.wsdl import FAULT_ELEMENT, PORT_TYPE, soap_action
from bus.envelope import addressing
from bus.envelope.addressing import Addressing, Edition
from bus.envelope.soap import FaultCode
from bus.envelope.vocabulary import TNS

_OF_SOAP = frozenset({FaultCode.VERSION_MISMATCH, FaultCode.MUST_UNDERSTAND})


def check(http_action: str, operation: str, asked: Addressing | None, *, path: str) -> None:
    """Refuse a request whose SOAPAction or WS-Addressing headers mean another operation or place.

    Old stacks leave the SOAPAction out or send the bare name of the operation in the Body.
    Raises ProtocolRejected SVC-012, or WSA-… for what `addressing.check` finds.
    """
    action = "" if http_action == operation else http_action
    known = of_request(operation)
    if asked:
        addressing.check(asked, actions=known, http_action=action, path=path)
    if action and action not in known:
        raise errors.ProtocolRejected(f"{action[:100]!r} ≠ {operation}", code="SVC-012")


def of_request(operation: str) -> frozenset[str]:
    """The actions that a request for an operation may name: the SOAPAction, the default pattern."""
    return frozenset({soap_action(operation), f"{TNS}:{PORT_TYPE}:{operation}"})


def of_reply(operation: str) -> str:
    """The action of an operation's reply."""
    return f"{TNS}:{PORT_TYPE}:{operation}Response"


def of_fault(operation: str) -> str:
    """The action of an operation's declared fault."""
    return f"{TNS}:{PORT_TYPE}:{operation}:Fault:{FAULT_ELEMENT}"


def of_refusal(error: errors.BusError, operation: str, edition: Edition) -> str:
    """The action of whatever fault an error becomes: of these headers, of SOAP, or the declared.

    `operation` is "" while it is not known which one the fault belongs to.
    """
    if error.code in addressing.FAULTS:
        return edition.own_fault
    of_soap = not operation or treatment_of(error).code in _OF_SOAP
    return edition.soap_fault if of_soap else of_fault(operation)
