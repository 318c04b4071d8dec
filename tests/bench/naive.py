"""The stack one would write in a week from the same libraries, doing the same checks.

What it does for each document, with each library used as its own manual shows:
- spyne's Soap11 and AnyXml receive the call;
- signxml verifies the WS-Security signature over Body and Timestamp, and then the document's own,
  each from bytes, with explicit location and number of references, by the certificate whose
  fingerprint is registered; the sender named in the document must be the one registered;
- xmlschema validates and decodes the whole document by the strict schema that the WSDL publishes,
  in which attachments are xs:base64Binary; the rules E03 to E16 and the table of lengths are plain
  Python over what it decoded (`naive_checks.py`), attachments are decoded, unzipped and digested;
- SQLAlchemy's ORM looks up sender, recipients, earlier messages under the same identifier and the
  routing rows, then writes message, request, copies and audit row in one commit per message
  (SQLite, WAL, FULL);
- signxml signs the receipt, which is stored, and the reply (P-256);
- pushes go through zeep, one commit each, signed by signxml.

Keys, schema and the zeep clients are loaded once: loading them per call would be a caricature.

What the bus does and this does not: byte limits before parsing, the strict form of signatures,
any order of elements, problems with places in the sender's words and two languages, the same first
receipt for repeats, refusals on record, typed faults.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import corpus
import naive_checks
import signxml
import xmlschema
import zeep
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from floor import ROOT
from lxml import etree
from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from bus.endpoints import spyne_shim  # noqa: F401 - makes spyne importable on every Python

DS = "http://www.w3.org/2000/09/xmldsig#"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = f"{_OASIS}wssecurity-secext-1.0.xsd"
WSU = f"{_OASIS}wssecurity-utility-1.0.xsd"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
#: The schema that the WSDL publishes, attachments typed as they are: what an integrator has.
SCHEMA = ROOT / "schemas" / "qcvn102" / "2016" / "outbound-document.xsd"
C14N = signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0


class Base(DeclarativeBase):
    """The naive tables."""


class Agency(Base):
    """Who may send, with the certificate."""

    __tablename__ = "agency"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default="live")
    fingerprint: Mapped[str] = mapped_column(index=True)
    certificate: Mapped[bytes]


class Message(Base):
    """One accepted message with the request as it came."""

    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("sender", "document_id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    sender: Mapped[str]
    document_id: Mapped[str]
    subject: Mapped[str]
    digest: Mapped[str]
    content_digest: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    evidence: Mapped[bytes] = mapped_column(LargeBinary)
    receipt: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    deliveries: Mapped[list[Delivery]] = relationship(back_populates="message")


class Route(Base):
    """One row of the routing table."""

    __tablename__ = "route"
    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str]
    sender: Mapped[str]
    recipient: Mapped[str]
    action: Mapped[str]


class Delivery(Base):
    """One recipient's copy."""

    __tablename__ = "delivery"
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("message.id"))
    recipient: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    message: Mapped[Message] = relationship(back_populates="deliveries")


class Event(Base):
    """One audit row."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str]
    what: Mapped[str]
    at: Mapped[datetime]


class Naive:
    """The naive bus."""

    name = "naive"

    def __init__(self, folder: Path, keys: Path) -> None:
        self._own = corpus.load_key(keys, "bus")
        self._certificate_pem = _pem(self._own.certificate_der)
        self._schema = xmlschema.XMLSchema(str(SCHEMA))
        # left to the first documents that carry one, several threads would load it at once
        self._schema.load_namespace(DS)
        self._engine = _engine(folder / "naive.sqlite3")
        # one writer at a time, or SQLite's sleep and retry would be all that is measured
        self._writing = threading.Lock()
        self._clients: dict[str, zeep.Client] = {}
        Base.metadata.create_all(self._engine)
        self._register(keys)
        self.wsgi = _spyne_application(self)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def accept(self, envelope: Any, document: Any) -> Any:
        """Verify, validate, store and promise; the signed receipt element."""
        raw = etree.tostring(envelope, encoding="UTF-8")
        token = envelope.findtext(f".//{{{WSSE}}}BinarySecurityToken")
        der = base64.b64decode(token)
        with Session(self._engine) as session:
            known = session.scalars(
                select(Agency).where(Agency.fingerprint == hashlib.sha256(der).hexdigest())
            ).one()
            certificate = _pem(known.certificate)
        _verify(raw, certificate, f"./{{{SOAP}}}Header/{{{WSSE}}}Security/", references=2)
        body = etree.tostring(document, method="c14n", exclusive=True, with_tail=False)
        _verify(body, certificate, ".//", references=1)
        times = [envelope.findtext(f".//{{{WSU}}}{name}") for name in ("Created", "Expires")]
        if not naive_checks.fresh(*times):
            raise ValueError("too old")
        decoded, errors = self._schema.to_dict(document, validation="lax", process_namespaces=False)
        facts = naive_checks.plain(decoded)
        if errors or naive_checks.problems(facts):
            raise ValueError([str(error) for error in errors] or naive_checks.problems(facts))
        message = facts["edXMLEnvelope"]["edXMLHeader"]["MessageHeader"]
        if message["From"]["OrganId"] != known.code or known.state != "live":
            raise ValueError("somebody else's document")
        return self._store(raw, body, facts, known.code)

    def sign_reply(self, envelope: Any) -> None:
        """WS-Security over Body and Timestamp, in place."""
        _sign_envelope(envelope, self._own, self._certificate_pem)

    def deliver(self, address: tuple[str, int]) -> int:
        """Push everything pending, one commit each; the number pushed."""
        with Session(self._engine) as session:
            waiting = session.scalars(select(Delivery.id).where(Delivery.state == "pending")).all()
        for number in waiting:
            with Session(self._engine) as session:
                delivery = session.get_one(Delivery, number)
                message = delivery.message
                answer = self._client(address, delivery.recipient).service.Receive(
                    messageId=message.id,
                    kind="edoc",
                    topic="edoc.new.cong-van",
                    sender=message.sender,
                    documentId=message.document_id,
                    sha256=message.digest,
                    contentType="application/xml",
                    content=message.body,
                )
                if not answer.accepted:
                    raise ValueError("refused")
                delivery.state = "done"
                session.add(Event(message_id=message.id, what="delivered", at=datetime.now(UTC)))
                session.commit()
        return len(waiting)

    def _client(self, address: tuple[str, int], recipient: str) -> zeep.Client:
        if recipient not in self._clients:
            wsdl = f"http://{address[0]}:{address[1]}/{recipient}?wsdl"
            self._clients[recipient] = zeep.Client(wsdl, plugins=[_Signing(self)])
        return self._clients[recipient]

    def _store(self, raw: bytes, body: bytes, facts: dict[str, Any], sender: str) -> Any:
        now = datetime.now(UTC)
        digest = hashlib.sha256(body).hexdigest()
        number = uuid.uuid4().hex
        message = facts["edXMLEnvelope"]["edXMLHeader"]["MessageHeader"]
        recipients = [to["OrganId"] for to in message["To"]]
        content_digest = naive_checks.content_digest(facts)
        receipt = self._receipt(number, digest, recipients, now)
        with self._writing, Session(self._engine) as session:
            earlier = select(Message).where(
                Message.sender == sender, Message.document_id == message["DocumentId"]
            )
            if session.scalars(earlier).first() is not None:
                raise ValueError("sent before")
            rows = list(session.scalars(select(Route).order_by(Route.id)))
            for code in recipients:
                if session.get_one(Agency, code).state != "live":
                    raise ValueError(code)
                naive_checks.route(rows, "edoc.new.cong-van", sender, code)
            session.add(
                Message(
                    id=number,
                    sender=sender,
                    document_id=message["DocumentId"],
                    subject=message["Subject"],
                    digest=digest,
                    content_digest=content_digest,
                    body=body,
                    evidence=raw,
                    receipt=etree.tostring(receipt),
                    at=now,
                    deliveries=[Delivery(recipient=code, state="pending") for code in recipients],
                )
            )
            session.add(Event(message_id=number, what="accepted", at=now))
            session.commit()
        return receipt

    def _receipt(self, number: str, digest: str, recipients: list[Any], now: datetime) -> Any:
        receipt: Any = etree.Element(f"{{{corpus.EXCHANGE}}}Receipt")
        facts = [("messageId", number), ("digest", digest), ("acceptedAt", now.isoformat())]
        for name, value in (*facts, *(("recipient", code) for code in recipients)):
            etree.SubElement(receipt, f"{{{corpus.EXCHANGE}}}{name}").text = value
        return _signer(signxml.SignatureConstructionMethod.enveloped).sign(
            receipt, key=self._own.key, cert=self._certificate_pem
        )

    def _register(self, keys: Path) -> None:
        with Session(self._engine) as session:
            for code, name in corpus.NAMES.items():
                der = corpus.load_key(keys, code).certificate_der
                mark = hashlib.sha256(der).hexdigest()
                session.merge(Agency(code=code, name=name, fingerprint=mark, certificate=der))
            session.merge(Route(id=1, topic="*", sender="*", recipient="*", action="deliver"))
            session.commit()


class _Signing(zeep.Plugin):  # type: ignore[misc]  # zeep has no annotations
    """Signs what zeep sends."""

    def __init__(self, naive: Naive) -> None:
        self._naive = naive

    def egress(self, envelope: Any, headers: Any, _operation: Any, _options: Any) -> Any:
        """Before the envelope is serialised."""
        self._naive.sign_reply(envelope)
        return envelope, headers


def _spyne_application(naive: Naive) -> Any:
    from spyne import AnyXml, Application, ServiceBase, rpc
    from spyne.protocol.soap import Soap11
    from spyne.server.wsgi import WsgiApplication

    class ExchangeService(ServiceBase):  # type: ignore[misc]  # spyne has no annotations
        """The one operation that is measured."""

        @rpc(AnyXml, _returns=AnyXml, _body_style="bare")
        def SendDocument(ctx, document):  # noqa: N802, N805 - spyne's way to write it
            """Accept one document."""
            return naive.accept(ctx.in_document, document)

    def sign(ctx: Any) -> None:
        naive.sign_reply(ctx.out_document)

    application = Application(
        [ExchangeService],
        tns=corpus.EXCHANGE,
        in_protocol=Soap11(huge_tree=True),
        out_protocol=Soap11(),
    )
    application.event_manager.add_listener("method_return_document", sign)
    return WsgiApplication(application, max_content_length=64 * 1024 * 1024)


def _verify(xml: bytes, certificate: str, location: str, *, references: int) -> None:
    signxml.XMLVerifier().verify(
        xml,
        x509_cert=certificate,
        id_attribute="Id",
        parser=etree.XMLParser(huge_tree=True, resolve_entities=False),
        expect_config=signxml.SignatureConfiguration(
            location=location, expect_references=references
        ),
    )


def _signer(method: signxml.SignatureConstructionMethod) -> signxml.XMLSigner:
    return signxml.XMLSigner(
        method=method,
        signature_algorithm=signxml.SignatureMethod.ECDSA_SHA256,
        digest_algorithm=signxml.DigestAlgorithm.SHA256,
        c14n_algorithm=C14N,
    )


def _sign_envelope(envelope: Any, own: Any, certificate: str) -> None:
    now = datetime.now(UTC)
    body = envelope.find(f"{{{SOAP}}}Body")
    header = envelope.find(f"{{{SOAP}}}Header")
    if header is None:
        header = etree.Element(f"{{{SOAP}}}Header")
        envelope.insert(0, header)
    security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
    token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken")
    token.text = base64.b64encode(own.certificate_der).decode()
    timestamp = etree.SubElement(security, f"{{{WSU}}}Timestamp")
    for name, instant in (("Created", now), ("Expires", now + timedelta(minutes=5))):
        etree.SubElement(timestamp, f"{{{WSU}}}{name}").text = instant.isoformat()
    for part, mark in ((body, "body"), (timestamp, "time")):
        part.set(f"{{{WSU}}}Id", mark)
    signature = _signer(signxml.SignatureConstructionMethod.detached).sign(
        envelope,
        key=own.key,
        cert=certificate,
        reference_uri=["#body", "#time"],
        id_attribute="Id",
    )
    security.append(signature)


def _pem(der: bytes) -> str:
    return (
        x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode("ascii")
    )


def _engine(file: Path) -> Any:
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(raw: Any, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            raw.execute(f"PRAGMA {pragma}")

    return engine


@contextmanager
def opened(folder: Path, keys: Path) -> Iterator[Naive]:
    """The naive bus with its data below `folder`."""
    stack = Naive(folder, keys)
    try:
        yield stack
    finally:
        stack.close()
