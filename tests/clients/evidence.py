"""What the bus's own store says about a client's exchange: nothing is taken on its word."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from bus import registry
from bus.config import LimitSettings
from bus.db import Database
from bus.edxml.dates import write_date, write_instant
from bus.model import DeliveryState, Document, StoredMessage

_SOAP = {
    "1.1": b"http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": b"http://www.w3.org/2003/05/soap-envelope",
}
_METHOD = {"signed": "signature"}
APPENDIX = "Phụ lục số 1: danh mục văn bản gửi kèm"
#: Steps of one exchange in the order they are printed.
STEPS = ("send", "list", "get", "acknowledge")


class Untrue(AssertionError):
    """What a client said and what the store holds differ."""


def demand(holds: object, what: str) -> None:
    """Raises Untrue with `what` when a fact does not hold."""
    if not holds:
        raise Untrue(what)


def same(found: object, wanted: object, what: str) -> None:
    """Raises Untrue when two values differ."""
    demand(found == wanted, f"{what}: {found!r}, expected {wanted!r}")


def check_exchange(
    database: Database, told: Mapping[str, list[str]], env: Mapping[str, str]
) -> None:
    """Everything that a finished exchange left behind is what the client was told to send."""
    for step in STEPS:
        demand(step in told, f"no line `ok {step}`")
    sender, document_id = env["EXCHANGE_AGENCY"], env["EXCHANGE_DOCUMENT_ID"]
    found = database.store.find_documents(sender, document_id)
    same([m.message_id for m in found], [told["send"][0]], "stored under the DocumentId")
    same(told["list"][0], found[0].message_id, "listed")
    _check_receipt(found[0], told["send"][1])
    body = database.store.body(found[0].message_id)
    _check_document(body, env)
    _check_fetched(body, told["get"][0], env)
    same(told["acknowledge"], ["done"], "acknowledged")
    _check_trace(database, found[0].message_id, env)


def check_fault(
    database: Database, told: Mapping[str, list[str]], env: Mapping[str, str], *, after: int
) -> None:
    """The fault's fields are those of the refusal in the audit log, and nothing was stored."""
    demand("fault" in told, "no line `ok fault`")
    code, retryable, correlation_id, line, *value = told["fault"]
    same(retryable, "false", "retryable")
    demand(int(line) > 0, f"line {line}")
    same(" ".join(value), env["EXCHANGE_BAD_DATE"], "value of the first Problem")
    refusals = [
        (event.code, event.agency, event.correlation_id)
        for event in database.store.events(after=after, limit=1000)
        if event.event == "refused"
    ]
    same(refusals, [(code, env["EXCHANGE_AGENCY"], correlation_id)], "refusals in the audit log")
    found = database.store.find_documents(env["EXCHANGE_AGENCY"], env["EXCHANGE_DOCUMENT_ID"])
    same(found, (), "stored though refused")


def _check_receipt(message: StoredMessage, accepted_at: str) -> None:
    receipt = etree.fromstring(message.receipt_xml)
    stored = receipt.findtext("{*}acceptedAt") or ""
    same(_second(accepted_at), _second(stored), "acceptedAt as the client decoded it")


def _second(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)


def _check_document(body: bytes, env: Mapping[str, str]) -> None:
    dialect = registry.dialects(LimitSettings()).get("qcvn102_java")
    document = dialect.read(dialect.parse(body)).message
    if not isinstance(document, Document):
        raise Untrue("stored as something else than a document")
    timestamp = env["EXCHANGE_TIMESTAMP"]
    issued_on = document.promulgation.issued_on
    facts = (
        ("Subject", document.subject, env["EXCHANGE_SUBJECT"]),
        ("CodeNumber", document.code.number, env["EXCHANGE_NUMBER"]),
        ("PromulgationDate", issued_on and write_date(issued_on), timestamp[:10]),
        ("Place", document.promulgation.place, "Đà Nẵng"),
        ("TypeName", document.document_type.name, "Công văn"),
        ("FullName", document.signer.full_name, "Văn thư mẫu"),
        ("Competence, which was left out", document.signer.competence, None),
        ("Priority", document.other.priority, 1),
        ("Appendix", document.other.appendixes, (APPENDIX,)),
        ("Timestamp", [write_instant(hop.at) for hop in document.trace if hop.at], [timestamp]),
        ("AttachmentName", [a.name for a in document.attachments], ["phụ-lục.bin"]),
    )
    for what, found, wanted in facts:
        same(found, wanted, what)
    sent = hashlib.sha256(Path(env["EXCHANGE_ATTACHMENT"]).read_bytes()).hexdigest()
    same([a.sha256 for a in document.attachments], [sent], "SHA-256 of the attachment")


def _check_fetched(body: bytes, digest: str, env: Mapping[str, str]) -> None:
    path = Path(env["EXCHANGE_FETCHED"])
    demand(path.exists(), "nothing was written to EXCHANGE_FETCHED")
    fetched = path.read_bytes()
    same(hashlib.sha256(fetched).hexdigest(), digest.lower(), "SHA-256 of what was fetched")
    demand(fetched == body, "what was fetched is not what is stored")


def _check_trace(database: Database, message_id: str, env: Mapping[str, str]) -> None:
    trace = database.store.trace(message_id)
    states = [(d.recipient, d.state) for d in trace.deliveries]
    same(states, [(env["EXCHANGE_RECIPIENT"], DeliveryState.DONE)], "deliveries")
    raw, media_type = database.store.evidence(message_id)
    demand(_SOAP[env["EXCHANGE_SOAP"]] in raw, f"the request was no SOAP {env['EXCHANGE_SOAP']}")
    multipart = media_type.lower().startswith("multipart/related")
    same(multipart, env["EXCHANGE_MODE"] == "mtom", "sent as multipart/related")
    if env["EXCHANGE_MODE"] == "mtom":
        content = Path(env["EXCHANGE_ATTACHMENT"]).read_bytes()
        demand(content in raw, "the attachment did not travel as a part of its own")
    signed = b"wssecurity-secext-1.0.xsd" in raw and b"SignatureValue" in raw
    same(signed, env["EXCHANGE_MODE"] == "signed", "carried a WS-Security signature")
