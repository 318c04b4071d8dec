"""Push over SOAP, by the receiver's own WSDL; the only module that knows zeep."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from lxml import etree

from bus import errors
from bus.channels import agreement, outcomes
from bus.channels.line import Headers, Line, origin
from bus.config import DeliverySettings
from bus.model import Agency, Outcome, OutcomeKind
from bus.ports import EnvelopeSigner, Parcel

if TYPE_CHECKING:
    import zeep

#: Receivers whose WSDL is kept ready; each costs about a megabyte.
KEPT_RECEIVERS = 256
#: How long a loaded WSDL is trusted before it is read again, seconds.
WSDL_AGE_S = 3600.0
#: What zeep raises when a WSDL or an answer is not what it expects, besides its own errors.
_ODD = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, etree.LxmlError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Receiver:
    """One receiver's WSDL, loaded, and the one operation we call."""

    client: Any = field(repr=False)
    binding: Any = field(repr=False)
    operation: Any = field(repr=False)
    address: str
    line: Line
    agreement: agreement.Agreement
    loaded_at: float


class SoapChannel:
    """Hands a message to the receiver's own service; at least once.

    A lost answer means a second push with the same messageId, by which the receiver recognises it.
    """

    name = "soap"

    def __init__(self, settings: DeliverySettings, signer: EnvelopeSigner) -> None:
        self._settings = settings
        self._signer = signer
        self._receivers: OrderedDict[object, _Receiver] = OrderedDict()
        self._loading: dict[object, threading.Lock] = {}
        self._lock = threading.Lock()

    def deliver(self, parcel: Parcel) -> Outcome:
        """Push one parcel and judge the answer.

        Raises PeerUnavailable or PeerBusy (retry), DeliveryRefused (for good), Misconfigured
        CFG-002 when registration and WSDL do not fit each other.
        """
        receiver = self._receiver(parcel.recipient)
        envelope, headers = _compose(receiver, parcel)
        if receiver.agreement.signed:
            envelope = self._signer.sign_envelope(envelope)
        answer = receiver.line.post(receiver.address, envelope, headers)
        try:
            replied = outcomes.judge(answer, datetime.now(UTC))
        except errors.DeliveryRefused as refusal:
            if receiver.agreement.has_it(refusal):
                return Outcome(kind=OutcomeKind.DONE, reason=refusal.detail)
            raise
        return _settle(receiver, answer, replied=replied)

    def _receiver(self, agency: Agency) -> _Receiver:
        # One lock per receiver: a dead host that is being loaded keeps no other waiting.
        key = (agency.address, tuple(sorted(agency.channel_options.items())))
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            kept = self._kept(key)
            return kept or self._keep(key, self._load(agency))

    def _kept(self, key: object) -> _Receiver | None:
        with self._lock:
            kept = self._receivers.get(key)
            if kept is None or time.monotonic() - kept.loaded_at > WSDL_AGE_S:
                return None
            self._receivers.move_to_end(key)
            return kept

    def _keep(self, key: object, receiver: _Receiver) -> _Receiver:
        with self._lock:
            self._receivers[key] = receiver
            self._receivers.move_to_end(key)
            while len(self._receivers) > KEPT_RECEIVERS:
                oldest, _ = self._receivers.popitem(last=False)
                self._loading.pop(oldest, None)
        return receiver

    def _load(self, agency: Agency) -> _Receiver:
        agreed = agreement.read(agency.channel_options)
        url = agency.address or ""
        line = Line(url, self._settings.timeout_s)
        client = _open_client(url, line)
        binding, address = _port(client, agreed)
        operation = binding.all().get(agreed.operation)
        if operation is None:
            known = ", ".join(sorted(binding.all()))
            raise errors.Misconfigured(f"operation {agreed.operation}; {known}", code="CFG-002")
        return _Receiver(
            client=client,
            binding=binding,
            operation=operation,
            address=agreed.endpoint or _own_address(url, address),
            line=line,
            agreement=agreed,
            loaded_at=time.monotonic(),
        )


def open_channel(settings: DeliverySettings, signer: EnvelopeSigner) -> SoapChannel:
    """A push channel; WSDLs are loaded when the first message for a receiver leaves."""
    return SoapChannel(settings, signer)


def _open_client(url: str, line: Line) -> zeep.Client:
    import zeep  # noqa: PLC0415 - a third of a second that processes without pushes save

    settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True)
    try:
        return zeep.Client(url, transport=line, settings=settings)  # type: ignore[no-untyped-call]  # zeep has no annotations
    except (zeep.exceptions.Error, *_ODD) as error:
        raise errors.PeerUnavailable(
            outcomes.bounded(f"WSDL {url}: {error}"), code="DLV-003"
        ) from error


def _port(client: zeep.Client, agreed: agreement.Agreement) -> tuple[Any, str]:
    """Binding and address of the agreed port, else of the first one."""
    service = _named("service", client.wsdl.services, agreed.service)
    port = _named("port", service.ports, agreed.port)
    if not hasattr(port.binding, "nsmap"):
        raise errors.Misconfigured(f"port {port.name} is not SOAP", code="CFG-002")
    return port.binding, str((port.binding_options or {}).get("address") or "")


def _named(kind: str, found: dict[str, Any], name: str | None) -> Any:
    chosen = found.get(name) if name else next(iter(found.values()), None)
    if chosen is None:
        raise errors.Misconfigured(f"{kind} {name or '?'}; {', '.join(found)}", code="CFG-002")
    return chosen


def _own_address(wsdl_url: str, address: str) -> str:
    # A WSDL may not send our documents elsewhere; an operator may, by the option `endpoint`.
    if not address or origin(address)[1] != origin(wsdl_url)[1]:
        raise errors.Misconfigured(
            f"the WSDL sends to {urlsplit(address).hostname}; set channel option endpoint",
            code="CFG-002",
        )
    return address


def _compose(receiver: _Receiver, parcel: Parcel) -> tuple[bytes, Headers]:
    """Envelope and HTTP headers of one call; Raises Misconfigured when the arguments do not fit."""
    import zeep  # noqa: PLC0415 - loaded with the receiver's WSDL

    arguments = receiver.agreement.fill(parcel)
    try:
        message = receiver.operation.create(**arguments)
    except (zeep.exceptions.Error, *_ODD) as error:
        told = outcomes.bounded(f"{receiver.agreement.operation}: {error}")
        raise errors.Misconfigured(told, code="CFG-002", stage="deliver") from error
    envelope = etree.tostring(message.content, xml_declaration=True, encoding="utf-8")
    version_2 = etree.QName(message.content).namespace == outcomes.SOAP_12
    headers = dict(message.headers)
    headers["Content-Type"] = "text/xml; charset=utf-8"
    if version_2:
        action = headers.pop("SOAPAction", '""')
        headers["Content-Type"] = f"application/soap+xml; charset=utf-8; action={action}"
    return envelope, headers


def _settle(receiver: _Receiver, answer: outcomes.Answer, *, replied: bool) -> Outcome:
    """What an answer without a fault amounts to; an empty one only pleases a one-way operation."""
    if receiver.operation.output is None:
        return Outcome(kind=OutcomeKind.DONE)
    if not replied:
        raise errors.PeerUnavailable(f"HTTP {answer.status}: empty answer", code="DLV-003")
    return receiver.agreement.judge(_read_reply(receiver, answer))


def _read_reply(receiver: _Receiver, answer: outcomes.Answer) -> object:
    import zeep  # noqa: PLC0415 - loaded with the receiver's WSDL
    import zeep.helpers  # noqa: PLC0415

    response = requests.Response()
    response.status_code = requests.codes.ok
    response.headers["Content-Type"] = answer.content_type
    response._content = answer.content  # noqa: SLF001 - requests has no public way to build one
    try:
        reply = receiver.binding.process_reply(receiver.client, receiver.operation, response)
        plain: object = zeep.helpers.serialize_object(reply, dict)  # type: ignore[no-untyped-call]  # zeep has no annotations
    except (zeep.exceptions.Error, *_ODD) as error:
        told = outcomes.bounded(f"the answer is not as the WSDL says: {error}")
        raise errors.PeerUnavailable(told, code="DLV-003") from error
    return plain
