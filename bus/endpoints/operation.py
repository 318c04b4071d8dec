"""How a function becomes an operation of the exchange service."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lxml import etree

from bus.endpoints.answers import Answer
from bus.endpoints.spyne_shim import Fault, rpc
from bus.envelope.vocabulary import TNS
from bus.exchange import Call, Exchange

_Operation = TypeVar("_Operation", bound=Callable[..., Answer])

#: Every operation by name, as spyne wants it; filled by importing `exchange`.
PUBLISHED: dict[str, Any] = {}


#: What stores or settles may be presented again as it was signed: no answer means "send it again",
#: and the repeat changes nothing. CheckDocument reports on what the caller brings and asks nobody
#: who they are. What reveals something is answered once.
REPEATABLE = frozenset(
    {"SendDocument", "SendPackage", "SendStatus", "Acknowledge", "CheckDocument"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One request for one operation; `payload` is the operation's element, valid by the schema."""

    exchange: Exchange
    call: Call
    payload: etree._Element = field(repr=False)


class ExchangeFault(Fault):  # type: ignore[misc]  # spyne has no type hints
    """Names the declared fault in the WSDL; faults themselves are written by `faults`."""

    __namespace__ = TNS


def operation(name: str, **arguments: Any) -> Callable[[_Operation], _Operation]:
    """Publish a function as an operation; `arguments` are spyne types by their wire names."""

    def publish(function: _Operation) -> _Operation:
        @functools.wraps(function)
        def called(context: Any, *values: Any) -> Answer:
            return function(context.udc, *values)

        describe = rpc(
            *arguments.values(),
            _args=list(arguments),
            _operation_name=name,
            _throws=[ExchangeFault],
        )
        PUBLISHED[name] = describe(called)
        return function

    return publish
