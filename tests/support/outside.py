"""A bus seen from outside: raw requests, their faults, and what they left behind."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from lxml import etree

from bus.endpoints.wsdl import wsdl
from bus.model import AuditEvent, Document, DocumentCode
from bus.trust import wssecurity
from bus.trust.keys import OwnKey
from tests.support.running_bus import RunningBus
from tests.support.soap_edge import SOAP11, SOAP_XML, TEXT_XML, TNS, envelope
from tests.support.wsi_messages import Sent, complaints

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer with the typed fault in it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def root(self) -> etree._Element:
        """The answer's envelope."""
        return etree.fromstring(self.body)

    @property
    def fault(self) -> dict[str, str]:
        """The members of the typed fault that hold text; fails when there is none."""
        detail = self.root.find(f".//{{{TNS}}}ExchangeFault")
        assert detail is not None, self.body[:2000]
        return {etree.QName(one).localname: one.text or "" for one in detail if not len(one)}

    @property
    def fault_code(self) -> str:
        """The SOAP fault code, as written."""
        return self.root.findtext(".//faultcode") or self.root.findtext(".//{*}Code/{*}Value") or ""

    @property
    def problems(self) -> list[dict[str, str]]:
        """Every problem the fault lists."""
        found = self.root.iterfind(f".//{{{TNS}}}Problem")
        return [{etree.QName(f).localname: f.text or "" for f in one} for one in found]


def post(bus: RunningBus, body: bytes, soap: str = SOAP11, **headers: str) -> Answer:
    """Send bytes as a SOAP request, whatever they are; fails when the reply breaks WS-I's rules."""
    media = TEXT_XML if soap == SOAP11 else SOAP_XML
    told = {"Content-Type": media, **headers}
    came = requests.post(bus.url, data=body, headers=told, timeout=60)
    sent = Sent(
        method="POST",
        media_asked=told["Content-Type"],
        status=came.status_code,
        headers=came.headers,
        body=came.content,
        wsdl=wsdl(bus.url),
    )
    assert complaints(sent) == []
    return Answer(came.status_code, came.headers, came.content)


def call(bus: RunningBus, payload: str, *, own: OwnKey | None = None, soap: str = SOAP11) -> Answer:
    """Send one operation in an envelope that `own` signs now, or nobody."""
    return post(bus, request(payload, own=own, soap=soap), soap)


def request(
    payload: str, *, own: OwnKey | None = None, soap: str = SOAP11, at: datetime | None = None
) -> bytes:
    """The bytes of one request, signed at an instant."""
    plain = envelope(payload, soap=soap)
    if own is None:
        return plain
    root = etree.fromstring(plain, etree.XMLParser(huge_tree=True))
    return wssecurity.sign_envelope(root, own, at or datetime.now(UTC))


def package(content: bytes) -> str:
    """The SendPackage operation around any bytes."""
    encoded = base64.b64encode(content).decode()
    return f'<SendPackage xmlns="{TNS}"><content>{encoded}</content></SendPackage>'


@dataclass
class Left:
    """What a bus keeps of what happened to it."""

    events: list[AuditEvent]
    new_messages: int
    new_files: set[Path]

    def only_refusal(self, code: str) -> AuditEvent:
        """The one audit row, of this code; fails when anything else was kept."""
        assert [(e.event, e.code) for e in self.events] == [("refused", code)], self.events
        assert self.new_messages == 0
        assert self.new_files == set()
        return self.events[0]


@contextmanager
def kept(bus: RunningBus) -> Iterator[Left]:
    """Filled at the end of the block with what the block left in the store."""
    store = bus.app.database.store
    last = max((e.seq for e in store.events(after=0, limit=100_000)), default=0)
    messages, files = store.counts().get("messages", 0), _files(bus)
    left = Left([], 0, set())
    yield left
    left.events = list(store.events(after=last, limit=100_000))
    left.new_messages = store.counts().get("messages", 0) - messages
    left.new_files = _files(bus) - files


def _files(bus: RunningBus) -> set[Path]:
    return {path for path in (bus.folder / "bodies").rglob("*") if path.is_file()}


def until(found: Callable[[], Any], patience_s: float = 20.0) -> Any:
    """The first true answer of a question asked again and again."""
    deadline = time.monotonic() + patience_s
    while not (answer := found()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return answer


def numbered(document: Document, number: int) -> Document:
    """The same document under another number, so that it is another document."""
    code = DocumentCode(number=str(number), notation=document.code.notation)
    return replace(document, code=code, document_id=f"{document.document_id}#{number}")
