"""Many senders at once with documents that all differ: does anything end up with another request?

Every sender holds one connection open. Most documents are good, some are wrong in a value of
their own, in three ways that three parts of the bus find. Nothing may be mixed up: replies and
receipts are compared with what was sent on that connection, and at the end the store is asked for
every body, every request as it arrived, every receipt and every delivery.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import itertools
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lxml import etree

from bus.envelope.vocabulary import TNS
from bus.model import DeliveryState, TrustPolicy
from tests.clients.live_bus import LiveBus, token_policy
from tests.support.outside import QCVN

SENDERS = tuple(f"S{n:02d}" for n in range(16))
RECIPIENTS = tuple(f"R{n:02d}" for n in range(16))
_ENVELOPE = {
    "text/xml": "http://schemas.xmlsoap.org/soap/envelope/",
    "application/soap+xml": "http://www.w3.org/2003/05/soap-envelope",
}
#: Marks of a request that would be seen in any answer, wherever it came from.
_MARK = re.compile(r"(?:sai|so)-(\d{6})|(\d{4})/02/30")
_DELIVERY_S = 120


def policies() -> dict[str, TrustPolicy]:
    """The agencies this load needs, as `live_bus` takes them."""
    return {code: token_policy(_token(code)) for code in (*SENDERS, *RECIPIENTS)}


def _token(code: str) -> str:
    return f"throw-away-{code}"


@dataclass(frozen=True)
class Letter:
    """One request of the load, made from its number alone."""

    number: int

    @property
    def wrong(self) -> str:
        """What is wrong with it: a `date`, a `number`, a `request`, or nothing."""
        return {3: "date", 7: "number", 11: "request"}.get(self.number % 16, "")

    @property
    def sender(self) -> str:
        """Who sends it."""
        return SENDERS[self.number % len(SENDERS)]

    @property
    def recipient(self) -> str:
        """Who is to get it; another one than its neighbours of the same sender."""
        return RECIPIENTS[self.number // len(SENDERS) % len(RECIPIENTS)]

    @property
    def mark(self) -> str:
        """Stands in the subject, and nowhere else in the load."""
        return f"so-{self.number:06d}"

    @property
    def document_id(self) -> str:
        """Its DocumentId."""
        return f"{self.sender},2026/01/05,{self.number}/VP"

    @property
    def value(self) -> str:
        """The wrong value, which no other document has."""
        return (
            f"{self.number % 10_000:04d}/02/30"
            if self.wrong == "date"
            else f"sai-{self.number:06d}"
        )

    @property
    def attachment(self) -> bytes:
        """Bytes of its own, 100 to 8,000 of them."""
        chance = random.Random(self.number)
        return chance.randbytes(chance.randint(100, 8_000))

    @property
    def payload(self) -> str:
        """The operation as XML text."""
        if self.wrong == "request":
            return f'<ListPending xmlns="{TNS}"><limit>{self.value}</limit></ListPending>'
        return f'<SendDocument xmlns="{TNS}">{self.document}</SendDocument>'

    @property
    def document(self) -> str:
        """The edXML document as XML text."""
        date = self.value if self.wrong == "date" else "2026/01/05"
        priority = self.value if self.wrong == "number" else str(self.number % 3)
        reference = (
            f"<ContentId>{self.mark}</ContentId><AttachmentName>{self.mark}.bin</AttachmentName>"
        )
        content = base64.b64encode(self.attachment).decode()
        return (
            f'<edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLHeader><MessageHeader>'
            f"<From><OrganId>{self.sender}</OrganId></From>"
            f"<To><OrganId>{self.recipient}</OrganId></To>"
            f"<DocumentId>{self.document_id}</DocumentId>"
            f"<Code><CodeNumber>{self.number}</CodeNumber><CodeNotation>VP</CodeNotation></Code>"
            f"<PromulgationInfo><Place>Huế</Place><PromulgationDate>{date}</PromulgationDate></PromulgationInfo>"
            f"<Subject>Trích yếu {self.mark}</Subject>"
            f"<OtherInfo><Priority>{priority}</Priority></OtherInfo>"
            "</MessageHeader></edXMLHeader>"
            f"<edXMLBody><edXMLManifest><Reference>{reference}</Reference></edXMLManifest></edXMLBody>"
            f"</edXMLEnvelope><AttachmentEncoded><Attachment>{reference}"
            f"<ContentTransferEncoded>{content}</ContentTransferEncoded>"
            "</Attachment></AttachmentEncoded></edXML>"
        )

    @property
    def media_type(self) -> str:
        """SOAP 1.1 and 1.2 in turn."""
        return ("text/xml", "application/soap+xml")[self.number // 2 % 2]

    @property
    def request(self) -> bytes:
        """The HTTP body."""
        namespace = _ENVELOPE[self.media_type]
        text = f'<e:Envelope xmlns:e="{namespace}"><e:Body>{self.payload}</e:Body></e:Envelope>'
        return text.encode()


@dataclass
class Load:
    """A run: what was answered to whom, and everything that is mixed up."""

    bus: LiveBus
    documents: int
    mixed: list[str] = field(default_factory=list)
    #: Number of each accepted letter → (message id, the reply's bytes).
    accepted: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    #: Number of each refused letter → correlation id.
    refused: dict[int, str] = field(default_factory=dict)

    def send(self, connections: int) -> float:
        """Send everything from this many connections at once; the seconds it took."""
        numbers = itertools.count(1)
        threads = [
            threading.Thread(target=self._sender, args=(numbers,)) for _ in range(connections)
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started

    def _sender(self, numbers: Iterator[int]) -> None:
        where = urlsplit(self.bus.url)
        line = http.client.HTTPConnection(str(where.hostname), where.port, timeout=120)
        try:
            while (number := next(numbers)) <= self.documents:
                self._turn(line, where.path, Letter(number))
        except (OSError, http.client.HTTPException) as error:
            self.mixed.append(f"a connection broke: {error!r}")
        finally:
            line.close()

    def _turn(self, line: http.client.HTTPConnection, path: str, letter: Letter) -> None:
        headers = {
            "Content-Type": f"{letter.media_type}; charset=utf-8",
            "Authorization": f"Bearer {letter.sender}:{_token(letter.sender)}",
        }
        line.request("POST", path, letter.request, headers)
        answer = line.getresponse()
        body = answer.read()
        told = str(answer.headers["X-Correlation-Id"])
        try:
            if letter.wrong:
                self.refused[letter.number] = _check_fault(letter, body, told)
            else:
                self.accepted[letter.number] = _check_receipt(letter, body), body
        except AssertionError as error:
            self.mixed.append(f"{letter.mark} {letter.wrong}: {error}")

    def look_into_the_store(self) -> None:
        """Ask the store for everything that is left of every request."""
        self._wait_for_delivery()
        for number, (message_id, reply) in sorted(self.accepted.items()):
            try:
                self._check_stored(Letter(number), message_id, reply)
            except AssertionError as error:
                self.mixed.append(f"{Letter(number).mark} stored: {error}")
        self._check_audit()
        self._check_mailboxes()

    def _wait_for_delivery(self) -> None:
        waiting = {DeliveryState.PENDING}
        deadline = time.monotonic() + _DELIVERY_S
        store = self.bus.database.store
        for message_id, _ in self.accepted.values():
            while {d.state for d in store.trace(message_id).deliveries} & waiting:
                if time.monotonic() > deadline:
                    self.mixed.append(f"{message_id} is not delivered after {_DELIVERY_S} s")
                    return
                time.sleep(0.05)

    def _check_stored(self, letter: Letter, message_id: str, reply: bytes) -> None:
        store = self.bus.database.store
        found = store.find_documents(letter.sender, letter.document_id)
        _same([m.message_id for m in found], [message_id], "stored under its DocumentId")
        _same(found[0].subject, f"Trích yếu {letter.mark}", "subject")
        _same(store.body(message_id), _canonical(letter.document), "body")
        _same(store.evidence(message_id)[0], letter.request, "evidence")
        receipt = found[0].receipt_xml
        assert receipt[receipt.index(b"<Receipt") :] in reply, "the receipt is not the stored one"
        states = [(d.recipient, d.state) for d in store.trace(message_id).deliveries]
        _same(states, [(letter.recipient, DeliveryState.AVAILABLE)], "deliveries")

    def _check_audit(self) -> None:
        """One row for every refusal, under the correlation id that its own sender was told."""
        events = []
        while page := self.bus.database.store.events(
            after=events[-1].seq if events else 0, limit=5000
        ):
            events += page
        rows = {e.correlation_id: e.agency for e in events if e.event == "refused"}
        told = {given: Letter(number).sender for number, given in self.refused.items()}
        if rows != told:
            self.mixed.append(f"refusals in the audit log: {len(rows)}, told: {len(told)}")

    def _check_mailboxes(self) -> None:
        """Over HTTP again: every recipient is offered its own messages and no other."""
        wanted = defaultdict(set)
        for number, (message_id, _) in self.accepted.items():
            wanted[Letter(number).recipient].add((message_id, Letter(number).document_id))
        for code in RECIPIENTS:
            offered = set(_mailbox(self.bus.url, code))
            if offered != wanted[code]:
                self.mixed.append(f"{code}: offered {len(offered)}, sent {len(wanted[code])}")


def _same(found: object, wanted: object, what: str) -> None:
    assert found == wanted, f"{what}: {found!r:.300}, expected {wanted!r:.300}"


def _canonical(document: str) -> bytes:
    root = etree.fromstring(document)
    return etree.tostring(root, method="c14n", exclusive=True, with_comments=False)


def _marks(body: bytes) -> set[str]:
    return {found[0] for found in _MARK.finditer(body.decode("utf-8"))}


def _check_receipt(letter: Letter, body: bytes) -> str:
    """The receipt belongs to the letter; its message id."""
    root = etree.fromstring(body)
    receipt = root.find(f".//{{{TNS}}}Receipt")
    assert receipt is not None, f"no receipt: {body[:600]!r}"
    digest = hashlib.sha256(_canonical(letter.document)).hexdigest()
    _same(receipt.findtext("{*}digest"), digest, "digest")
    _same([r.text for r in receipt.iterfind("{*}Recipient/{*}code")], [letter.recipient], "To")
    duplicate = root.findtext(f".//{{{TNS}}}duplicate")
    _same(duplicate, "false", "duplicate")
    return receipt.findtext("{*}messageId") or ""


def _check_fault(letter: Letter, body: bytes, told: str) -> str:
    """The fault names the letter's own value and nobody else's; its correlation id."""
    root = etree.fromstring(body)
    fault = root.find(f".//{{{TNS}}}ExchangeFault")
    assert fault is not None, f"no fault: {body[:600]!r}"
    values = [value.text for value in fault.iterfind("{*}Problem/{*}value")]
    _same(values, [letter.value], "values in the fault")
    _same(_marks(body), {letter.value}, "marks in the answer")
    _same(fault.findtext("{*}correlationId"), told, "correlation id")
    return told


def _mailbox(url: str, code: str) -> Iterator[tuple[str, str]]:
    """(message id, document id) of everything that waits for an agency."""
    where = urlsplit(url)
    line = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
    for offset in itertools.count(0, 500):
        page = _page(line, where.path, code, offset)
        for item in page.iterfind(f".//{{{TNS}}}Pending"):
            yield item.findtext("{*}messageId") or "", item.findtext("{*}documentId") or ""
        if page.findtext(f".//{{{TNS}}}more") != "true":
            break
    line.close()


def _page(line: http.client.HTTPConnection, path: str, code: str, offset: int) -> etree._Element:
    asked = f"<offset>{offset}</offset><limit>500</limit>"
    text = (
        f'<e:Envelope xmlns:e="{_ENVELOPE["text/xml"]}"><e:Body>'
        f'<ListPending xmlns="{TNS}">{asked}</ListPending></e:Body></e:Envelope>'
    )
    token = f"Bearer {code}:{_token(code)}"
    headers = {"Content-Type": "text/xml; charset=utf-8", "Authorization": token}
    line.request("POST", path, text.encode(), headers)
    return etree.fromstring(line.getresponse().read())
