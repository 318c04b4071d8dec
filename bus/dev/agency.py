"""One sample agency as a process of its own: sends, fetches, checks, answers with statuses.

Events are written to standard output as one JSON object a line; commands are read
from standard input in the same form (`{"send": {...}}`).
"""

from __future__ import annotations

import hashlib
import json
import queue
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from lxml import etree

from bus import errors, registry
from bus.client import ExchangeClient, FetchedMessage
from bus.clock import SystemClock
from bus.config import LimitSettings, TrustSettings
from bus.dev import letters
from bus.dev.nation import Citizen
from bus.dev.receiver import Pushed, PushService
from bus.dev.trust import Partners
from bus.edxml import provenance
from bus.envelope.notice import read_notice
from bus.model import Document, Kind, Organization, StatusCode, StatusMessage
from bus.trust import keys, xmldsig
from bus.trust.keyring import Keyring

Answer = TypeVar("Answer")
#: Marks a letter in the outbox; it sorts behind the status of the same message.
REPLY = "_reply"
STATUSES = (StatusCode.ARRIVED, StatusCode.ACCEPTED, StatusCode.FINISHED)


class Agency:
    """Everything one agency does; what it has on disk survives its own end and the bus's."""

    def __init__(self, citizen: Citizen) -> None:
        self.citizen = citizen
        self.home = Path(citizen.folder)
        self.own = keys.load_own_key(self.home / "key.pem", self.home / "cert.pem")
        bus_certificate = Path(citizen.bus_certificate).read_bytes()
        self.partners = Partners(citizen.partners, bus_certificate)
        self.keyring = Keyring(self.partners, SystemClock(), TrustSettings())
        self.dialect = registry.dialects(LimitSettings()).get(citizen.dialect)
        self.client = ExchangeClient(
            citizen.url, own=self.own, bus_fingerprint=self.partners.bus_fingerprint
        )
        self.inbox = self.home / "inbox"
        self.outbox = self.home / "outbox"
        for folder in (self.inbox, self.outbox):
            folder.mkdir(exist_ok=True)
        self.orders: queue.Queue[dict[str, Any]] = queue.Queue()
        self.stopping = threading.Event()
        self.lock = threading.Lock()

    @property
    def organization(self) -> Organization:
        """How the agency names itself in documents."""
        return Organization(organ_id=self.citizen.code, name=self.citizen.name)

    def run(self) -> None:
        """Work until standard input ends: whoever started this process, its end is ours."""
        service = None
        if self.citizen.push_port:
            service = PushService(self.citizen.push_port, self.take_pushed, self.from_the_bus)
            service.start()
        workers = [threading.Thread(target=work, daemon=True) for work in (self.poll, self.write)]
        for worker in workers:
            worker.start()
        self.tell("ready")
        for line in sys.stdin:
            command = json.loads(line)
            if "send" in command:
                self.orders.put(command["send"])
        self.stopping.set()
        for worker in workers:
            worker.join(timeout=10)
        if service:
            service.stop()

    def poll(self) -> None:
        """Send what is in the outbox and fetch what waits, again and again."""
        while not self.stopping.wait(0.2):
            try:
                self.flush_outbox()
                if not self.citizen.push_port:
                    self.fetch()
            except errors.Postponed:
                continue
            except errors.BusError as error:
                self.tell("trouble", code=error.code, message=error.message)

    def write(self) -> None:
        """Send the letters that were ordered, in order."""
        while not self.stopping.is_set():
            try:
                self.send(self.orders.get(timeout=0.2))
            except queue.Empty:
                continue
            except errors.BusError as error:
                self.tell("trouble", code=error.code, message=error.message)

    def send(self, order: dict[str, Any]) -> None:
        """Write, sign and send one letter; tries until the bus gives a receipt."""
        recipients = tuple(
            Organization(organ_id=code, name=name) for code, name in order["to"].items()
        )
        document = letters.letter(order["number"], self.organization, recipients, order["subject"])
        xml = xmldsig.sign_document(self.dialect.write(document).content, self.own)
        canonical = etree.tostring(
            etree.fromstring(xml), method="c14n", exclusive=True, with_comments=False
        )
        result = self.persist(lambda: self.client.send_document(xml))
        self.tell(
            "sent",
            documentId=document.document_id,
            messageId=result.receipt.message_id,
            digest=result.receipt.digest,
            expectedDigest=hashlib.sha256(canonical).hexdigest(),
            topic=result.receipt.topic,
            routesVersion=result.receipt.routes_version,
            receiptSigned=self.signed_by_bus(result.receipt_xml),
            attachments=[hashlib.sha256(a.content).hexdigest() for a in document.attachments],
        )

    def persist(self, call: Callable[[], Answer], pause_s: float = 0.3) -> Answer:
        """Call until the bus is there: what was not acknowledged is safe to send again.

        Raises Postponed when the agency ends before that.
        """
        while True:
            try:
                return call()
            except errors.Postponed:
                if self.stopping.wait(pause_s):
                    raise

    def fetch(self) -> None:
        """Take everything that waits in the mailbox: check, store, then acknowledge."""
        for item in self.client.list_pending(limit=50).items:
            message = self.client.get_message(item.message_id)
            self.take(message)
            self.client.acknowledge(item.message_id, done=True)

    def take_pushed(self, pushed: Pushed) -> None:
        """Take one message that the bus pushed; how it was rendered is asked for separately."""
        message = FetchedMessage(
            message_id=pushed.message_id,
            kind=Kind(pushed.kind),
            topic="",
            sender="",
            dialect=self.citizen.dialect,
            content_type="application/xml",
            original=provenance.read(pushed.content) is None,
            original_sha256=pushed.sha256,
            sha256=hashlib.sha256(pushed.content).hexdigest(),
            content=pushed.content,
        )
        self.take(message)

    def take(self, message: FetchedMessage) -> None:
        """Store a message once and tell what was found; a repeat changes nothing."""
        path = self.inbox / f"{message.message_id}.xml"
        with self.lock:
            if path.exists():
                return
            if message.kind is Kind.NOTICE:
                self.tell("notice", messageId=message.message_id, **_told(message.content))
            else:
                self.examine(message)
            path.write_bytes(message.content)

    def examine(self, message: FetchedMessage) -> None:
        """Check digest and signature of one message, tell what it says, and answer documents."""
        content = message.content
        digest = hashlib.sha256(content).hexdigest()
        origin = provenance.read(content)
        named = digest if origin is None else origin.sha256
        said = self.dialect.read(self.dialect.parse(content)).message
        facts = {
            "messageId": message.message_id,
            "original": origin is None,
            "digestHolds": named == message.original_sha256 and digest == message.sha256,
            "originalDigest": message.original_sha256,
            "signedBy": self.signer_of(content),
            "from": said.sender.organ_id,
        }
        if isinstance(said, StatusMessage):
            about = said.response_for.document_id
            self.tell("status", code=str(said.code), documentId=about, **facts)
        else:
            self.answer(said, message.message_id)
            self.tell(
                "received",
                documentId=said.document_id,
                subject=said.subject,
                dialect=self.citizen.dialect,
                attachments=[a.sha256 for a in said.attachments],
                **facts,
            )

    def answer(self, document: Document, message_id: str) -> None:
        """Put the three statuses into the outbox; they are dated now, once and for all.

        An agency that echoes puts a letter between the second and the last.
        """
        now = datetime.now(UTC)
        for code in STATUSES:
            message = letters.status(code, self.organization, document, now)
            self.prepare(f"{message_id}-{code}.xml", message)
        if self.citizen.echoes:
            reply = letters.reply(self.organization, document, now)
            self.prepare(f"{message_id}-{StatusCode.ACCEPTED}{REPLY}.xml", reply)

    def prepare(self, name: str, message: Document | StatusMessage) -> None:
        """Put a signed message into the outbox, unless it is or was there."""
        path = self.outbox / name
        if not path.exists() and not path.with_suffix(".done").exists():
            content = self.dialect.write(message).content
            path.write_bytes(xmldsig.sign_document(content, self.own))

    def flush_outbox(self) -> None:
        """Send what waits, in order; each leaves the outbox when the bus has stored it."""
        for path in sorted(self.outbox.glob("*.xml")):
            is_letter = path.stem.endswith(REPLY)
            send = self.client.send_document if is_letter else self.client.send_status
            receipt = send(path.read_bytes()).receipt
            path.rename(path.with_suffix(".done"))
            if is_letter:
                self.tell("replied", messageId=receipt.message_id)
            else:
                self.tell("answered", code=path.stem[-2:], messageId=receipt.message_id)

    def signer_of(self, content: bytes) -> str | None:
        """Code of the agency (or `bus`) whose signature over the content holds; None otherwise."""
        verdict = self.keyring.verify_document(content)
        if verdict is None or not verdict.intact or not verdict.trusted:
            return None
        return verdict.signer

    def signed_by_bus(self, receipt_xml: bytes) -> bool:
        """Whether the bus's own signature over a receipt holds."""
        return self.signer_of(receipt_xml) == "bus"

    def from_the_bus(self, envelope: etree._Element) -> bool:
        """Whether a pushed envelope carries the bus's WS-Security signature."""
        verdict = self.keyring.verify_envelope(envelope)
        return verdict is not None and verdict.intact is True and verdict.signer == "bus"

    def tell(self, event: str, **facts: object) -> None:
        """Write one event."""
        line = {"at": datetime.now(UTC).isoformat(), "agency": self.citizen.code, "event": event}
        print(json.dumps(line | facts, ensure_ascii=False), flush=True)  # noqa: T201 - its voice


def _told(notice: bytes) -> dict[str, str]:
    """What a report says became of a copy."""
    report = read_notice(notice)
    return {"message": f"{report.message_id} → {report.recipient}: {report.state} {report.reason}"}


if __name__ == "__main__":
    Agency(Citizen.open(Path(sys.argv[1]))).run()
