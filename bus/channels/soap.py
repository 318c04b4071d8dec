"""Push over SOAP, by the receiver's own WSDL; the only module that knows zeep."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lxml import etree

from bus import errors
from bus.channels import agreement, outcomes, stencil
from bus.channels.line import Headers, Line, origin
from bus.channels.sealed import SealedRequests
from bus.config import DeliverySettings
from bus.model import Agency, Outcome, OutcomeKind
from bus.ports import EnvelopeSigner, Parcel

if TYPE_CHECKING:
    import zeep

#: Receivers whose WSDL is kept ready; each costs about a megabyte.
KEPT_RECEIVERS = 256
#: How long a loaded WSDL is trusted before it is read again, seconds.
WSDL_AGE_S = 3600.0
#: How many answers of one receiver are remembered, and up to which size, bytes.
_WORDS = 64
_WORDS_BYTES = 4096
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
    #: HTTP headers of every call.
    headers: Headers
    requests: _Requests = field(repr=False)
    #: (status, content) of answers that were read, with what they meant.
    understood: dict[tuple[int, bytes], Outcome] = field(default_factory=dict, repr=False)


class _Requests:
    """Makes the requests of one operation: zeep the first, a stencil cut from it all others."""

    def __init__(self, operation: Any, agreed: agreement.Agreement) -> None:
        self._operation = operation
        self._agreed = agreed
        self._lock = threading.Lock()
        self._is_cut = False
        self._stencil: stencil.Stencil | None = None

    def stencil(self, parcel: Parcel) -> stencil.Stencil | None:
        """What later requests are made by; None where only zeep can make them."""
        with self._lock:
            if not self._is_cut:
                self._stencil = stencil.cut(self.build, self._agreed.values(parcel))
                self._is_cut = True
            return self._stencil

    def build(self, values: Sequence[object]) -> Any:
        """The envelope as zeep makes it; Raises Misconfigured when the arguments do not fit."""
        return _create(self._operation, self._agreed, values).content


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
        self._sealed = SealedRequests()

    def deliver(self, parcel: Parcel) -> Outcome:
        """Push one parcel and judge the answer.

        Raises PeerUnavailable or PeerBusy (retry), DeliveryRefused (for good), Misconfigured
        CFG-002 when registration and WSDL do not fit each other.
        """
        receiver = self._receiver(parcel.recipient)
        request = self._request(receiver, parcel)
        answer = receiver.line.post(receiver.address, request, receiver.headers)
        return _outcome(receiver, answer)

    def _request(self, receiver: _Receiver, parcel: Parcel) -> bytes:
        """The signed request, shared by receivers that are told the same in the same words."""
        cut = receiver.requests.stencil(parcel)
        if cut is None:
            return self._built(receiver, parcel)
        agreed, content = receiver.agreement, parcel.rendering.content
        key = (cut, agreed.arguments, agreed.signed, agreed.facts(parcel))
        # A repeated push is signed anew: a receiver may have seen the signature already.
        is_first = parcel.delivery.attempts <= 1
        request = self._sealed.take(key, content, receiver.address) if is_first else None
        if request is None:
            try:
                body = cut.body(agreed.values(parcel))
            except stencil.NotPlain:
                return self._built(receiver, parcel)
            security = (
                self._signer.security_header(body, cut.body_id, cut.soap) if agreed.signed else b""
            )
            request = cut.envelope(body, security)
            if is_first:
                self._sealed.keep(key, content, request, receiver.address)
        return request

    def _built(self, receiver: _Receiver, parcel: Parcel) -> bytes:
        """The same by zeep alone, for values and contracts that no stencil can hold."""
        built = receiver.requests.build(receiver.agreement.values(parcel))
        envelope: bytes = etree.tostring(built, xml_declaration=True, encoding="utf-8")
        return self._signer.sign_envelope(envelope) if receiver.agreement.signed else envelope

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
            headers=_headers(binding, operation),
            requests=_Requests(operation, agreed),
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


def _create(operation: Any, agreed: agreement.Agreement, values: Sequence[object]) -> Any:
    import zeep  # noqa: PLC0415 - loaded with the receiver's WSDL

    try:
        return operation.create(**agreed.fill(values))
    except (zeep.exceptions.Error, *_ODD) as error:
        told = outcomes.bounded(f"{agreed.operation}: {error}")
        raise errors.Misconfigured(told, code="CFG-002", stage="deliver") from error


def _headers(binding: Any, operation: Any) -> Headers:
    """HTTP headers of a call, in the SOAP version of the port."""
    action = f'"{operation.soapaction or ""}"'
    if binding.nsmap["soap-env"] == outcomes.SOAP_12:
        return {"Content-Type": f"application/soap+xml; charset=utf-8; action={action}"}
    return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action}


def _outcome(receiver: _Receiver, answer: outcomes.Answer) -> Outcome:
    """What an answer means; a receiver that says yes in the same words again was understood."""
    words = (answer.status, answer.content)
    known = receiver.understood.get(words)
    if known is not None:
        return known
    try:
        replied = outcomes.judge(answer, datetime.now(UTC))
    except errors.DeliveryRefused as refusal:
        if receiver.agreement.has_it(refusal):
            return Outcome(kind=OutcomeKind.DONE, reason=refusal.detail)
        raise
    settled = _settle(receiver, answer, replied=replied)
    if len(answer.content) <= _WORDS_BYTES:
        if len(receiver.understood) >= _WORDS:
            receiver.understood.clear()
        receiver.understood[words] = settled
    return settled


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

    try:
        reply = receiver.operation.process_reply(outcomes.envelope_of(answer))
        plain: object = zeep.helpers.serialize_object(reply, dict)  # type: ignore[no-untyped-call]  # zeep has no annotations
    except (zeep.exceptions.Error, *_ODD) as error:
        told = outcomes.bounded(f"the answer is not as the WSDL says: {error}")
        raise errors.PeerUnavailable(told, code="DLV-003") from error
    return plain
