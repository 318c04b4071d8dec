"""The exchange service in process, with a stand-in behind it that records what it was asked."""

from __future__ import annotations

import hashlib
import io
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from bus.config import LimitSettings
from bus.endpoints import ExchangeApplication, exchange_application
from bus.envelope.receipt import receipt_xml
from bus.errors import BusError
from bus.exchange import AgencyPage, Call, CheckReport, Fetched, PendingPage, Pong
from bus.model import (
    AcceptResult,
    Agency,
    AgencyState,
    AuditEvent,
    Caller,
    CallerMethod,
    CodeSystem,
    Delivery,
    DeliveryState,
    Kind,
    Problem,
    Receipt,
    RecipientState,
    Rendering,
    Severity,
    StoredMessage,
    StoredStatus,
    Trace,
)
from bus.ports import RouteDecision

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
TNS = "urn:lienthong:exchange:1"
QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
NOW = datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC)
TEXT_XML = "text/xml; charset=utf-8"
SOAP_XML = "application/soap+xml; charset=utf-8"
PING = f'<Ping xmlns="{TNS}"><recipient>G22</recipient></Ping>'


def make_receipt() -> Receipt:
    unsigned = Receipt(
        message_id="m-1",
        digest="ab" * 32,
        topic="edoc.new.cong-van",
        routes_version=7,
        accepted_at=NOW,
        recipients=(RecipientState(recipient="G22", state=DeliveryState.PENDING),),
        warnings=("E01",),
    )
    # A spelling that no serialiser of ours would choose: it must survive as it is.
    xml = receipt_xml(unsigned).replace(b"<topic>", b"<topic  >").replace(b"m-1", b"&#109;-1")
    return replace(unsigned, xml=xml)


def make_delivery(**changes: Any) -> Delivery:
    delivery = Delivery(
        delivery_id=1,
        message_id="m-1",
        recipient="G22",
        state=DeliveryState.AVAILABLE,
        kind=Kind.DOCUMENT,
        topic="edoc.new.cong-van",
        sender="H53",
        priority=3,
        dialect="qcvn102_java",
        document_id="H53,2026/11/22,1/UBND",
        subject="Về việc kiểm tra",
        attempts=1,
        due_at=NOW,
        created_at=NOW,
        body_sha256="cd" * 32,
        body_size=17,
        updated_at=NOW,
    )
    return replace(delivery, **changes)


def make_trace() -> Trace:
    message = StoredMessage(
        message_id="m-1",
        kind=Kind.DOCUMENT,
        sender="H53",
        dialect="qcvn102_java",
        topic="edoc.new.cong-van",
        priority=0,
        document_id="d",
        action=0,
        subject="s",
        body_sha256="cd" * 32,
        body_size=17,
        routes_version=7,
        received_at=NOW,
        correlation_id="c",
        receipt_xml=b"",
    )
    status = StoredStatus(
        reporter="G22",
        issuer="H53",
        document_id="d",
        code="03",
        at=NOW,
        description=None,
        message_id="m-2",
    )
    event = AuditEvent(at=NOW, event="accepted", agency="H53")
    return Trace(
        message=message, deliveries=(make_delivery(),), statuses=(status,), events=(event,)
    )


class StandIn:
    """Answers every operation with something complete, or raises `error`."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.error: Exception | None = None
        self.refusals: list[tuple[Any, ...]] = []
        self.repeatable: list[bool] = []
        self.receipt = make_receipt()
        self.content = b"\x00\xff" * 10

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        if self.error is not None:
            raise self.error

    def once(self, call: Call, *, repeatable: bool) -> AbstractContextManager[None]:
        """Note whether the call may come again; whether it does is not this stand-in's to know."""
        self.repeatable.append(repeatable)
        return nullcontext()

    def refused(
        self, error: BusError, request: bytes, *, caller: Caller, correlation_id: str
    ) -> None:
        """Record; what is refused at the door is no call."""
        self.refusals.append((error.code, request, caller, correlation_id))

    def send_document(self, call: Call, xml: bytes) -> AcceptResult:
        """Record and answer."""
        self._note("send_document", call, xml)
        return AcceptResult(receipt=self.receipt)

    def send_package(self, call: Call, content: bytes, dialect: str | None) -> AcceptResult:
        """Record and answer."""
        self._note("send_package", call, content, dialect)
        return AcceptResult(receipt=self.receipt, duplicate=True)

    def send_status(self, call: Call, xml: bytes) -> AcceptResult:
        """Record and answer."""
        self._note("send_status", call, xml)
        return AcceptResult(receipt=self.receipt)

    def check_document(self, call: Call, content: bytes) -> CheckReport:
        """Record and answer."""
        self._note("check_document", call, content)
        problem = Problem(rule="E05", severity=Severity.REJECT, path="/edXML", line=3, value="x")
        return CheckReport(acceptable=False, dialect=None, problems=(problem,))

    def list_pending(
        self, call: Call, agency: str | None, kind: Kind | None, offset: int, limit: int
    ) -> PendingPage:
        """Record and answer."""
        self._note("list_pending", call, agency, kind, offset, limit)
        return PendingPage(items=(make_delivery(), make_delivery(message_id="m-2")), more=True)

    def get_message(
        self, call: Call, agency: str | None, message_id: str, *, canonical: bool
    ) -> Fetched:
        """Record and answer."""
        self._note("get_message", call, agency, message_id, canonical)
        return Fetched(
            delivery=make_delivery(),
            rendering=Rendering(dialect="qcvn102_java", content=self.content),
            original_sha256="cd" * 32,
            sha256=hashlib.sha256(self.content).hexdigest(),
        )

    def acknowledge(
        self, call: Call, agency: str | None, message_id: str, *, done: bool, reason: str
    ) -> Delivery:
        """Record and answer."""
        self._note("acknowledge", call, agency, message_id, done, reason)
        return make_delivery(state=DeliveryState.DONE if done else DeliveryState.DEAD)

    def get_trace(
        self, call: Call, message_id: str | None, sender: str | None, document_id: str | None
    ) -> Trace:
        """Record and answer."""
        self._note("get_trace", call, message_id, sender, document_id)
        return make_trace()

    def find_agencies(
        self, call: Call, text: str | None, since_version: int | None, offset: int, limit: int
    ) -> AgencyPage:
        """Record and answer."""
        self._note("find_agencies", call, text, since_version, offset, limit)
        agency = Agency(
            code="G22",
            name="Bộ Thông tin",
            codes=((CodeSystem.QD20, "G22"), (CodeSystem.QCVN102, "000.00.00.G22")),
            state=AgencyState.LIVE,
            dialect="qcvn102_java",
        )
        return AgencyPage(items=(agency,), version=9, more=False)

    def ping(self, call: Call, recipient: str | None) -> Pong:
        """Record and answer."""
        self._note("ping", call, recipient)
        decision = RouteDecision(action="deliver", row=2) if recipient else None
        return Pong(
            caller=call.caller, recipient=recipient, decision=decision, routes_version=7, at=NOW
        )


@dataclass
class Reply:
    """One answer of the service."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def root(self) -> etree._Element:
        """The parsed body."""
        return etree.fromstring(self.body)

    @property
    def version(self) -> str:
        """Namespace of the envelope."""
        return etree.QName(self.root).namespace or ""

    @property
    def payload(self) -> etree._Element:
        """What the Body holds."""
        return self.root.find("{*}Body")[0]

    @property
    def fault(self) -> dict[str, str]:
        """The typed fault as a dictionary of its simple members."""
        detail = self.root.find(f".//{{{TNS}}}ExchangeFault")
        assert detail is not None, self.body
        return {etree.QName(child).localname: child.text or "" for child in detail}

    @property
    def fault_code(self) -> str:
        """The SOAP fault code, as written."""
        return self.root.findtext(".//faultcode") or self.root.findtext(".//{*}Code/{*}Value") or ""


class FixedClock:
    """Always the same instant."""

    def now(self) -> datetime:
        """The instant of every test."""
        return NOW


class Service:
    """The service as a client meets it."""

    def __init__(
        self,
        *,
        limits: LimitSettings | None = None,
        public_url: str | None = None,
        seal: Any = None,
    ) -> None:
        self.exchange = StandIn()
        self.authenticated: list[dict[str, Any]] = []
        self.application: ExchangeApplication = exchange_application(
            self.exchange,  # type: ignore[arg-type]  # the stand-in has its methods, not its class
            authenticate=self._authenticate,
            seal=seal,
            limits=limits or LimitSettings(),
            clock=FixedClock(),
            public_url=public_url,
        )

    def _authenticate(self, envelope: etree._Element, **proof: Any) -> Caller:
        self.authenticated.append({"envelope": envelope, **proof})
        return Caller(agency="H53", method=CallerMethod.TOKEN, remote=proof["remote"])

    def request(self, method: str, body: bytes = b"", **environ: Any) -> Reply:
        """Send any HTTP request."""
        told: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            told.update(status=int(status[:3]), headers=dict(headers))

        full = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "/services/exchange",
            "PATH_INFO": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8080",
            "REMOTE_ADDR": "127.0.0.9",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        chunks = self.application(full, start_response)  # type: ignore[arg-type]  # PEP 3333's write() is not needed
        return Reply(told["status"], told["headers"], b"".join(chunks))

    def post(self, body: bytes, content_type: str = TEXT_XML, **environ: Any) -> Reply:
        """Send a body."""
        return self.request("POST", body, CONTENT_TYPE=content_type, **environ)

    def call(self, payload: str, *, soap: str = SOAP11, header: str = "", **environ: Any) -> Reply:
        """Send a payload in an envelope of one version."""
        content_type = TEXT_XML if soap == SOAP11 else SOAP_XML
        return self.post(envelope(payload, soap=soap, header=header), content_type, **environ)

    def get(self, query: str, **environ: Any) -> Reply:
        """Ask with a query string."""
        return self.request("GET", QUERY_STRING=query, **environ)


def envelope(payload: str, *, soap: str = SOAP11, header: str = "") -> bytes:
    """A request envelope; line 1 holds all of it."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{soap}">{head}<s:Body>{payload}</s:Body></s:Envelope>'.encode()
