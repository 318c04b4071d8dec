"""Send a document and receive it with zeep: `pip install 'zeep[xmlsec]' pymtom-xop`."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
import xmlsec
import zeep
from pymtom_xop import MtomAttachment, MtomTransport
from requests.auth import HTTPBasicAuth
from zeep.wsse.signature import BinarySignature, verify_envelope
from zeep.wsse.utils import WSU, get_security_header

ENV = os.environ
WSDL = ENV["EXCHANGE_URL"] + "?wsdl"
MODE, SOAP = ENV["EXCHANGE_MODE"], ENV["EXCHANGE_SOAP"]
AGENCY, RECIPIENT = ENV["EXCHANGE_AGENCY"], ENV["EXCHANGE_RECIPIENT"]
UTC_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Signed(BinarySignature):
    """A Timestamp, a signature over it and the Body; replies are checked with the bus's key."""

    def apply(self, envelope, headers):
        """Sign a request."""
        now = datetime.now(UTC)
        get_security_header(envelope).append(
            WSU.Timestamp(
                WSU.Created(now.strftime(UTC_TIME)),
                WSU.Expires((now + timedelta(minutes=5)).strftime(UTC_TIME)),
            )
        )
        return super().apply(envelope, headers)

    def verify(self, envelope):
        """Refuse a reply that the bus did not sign."""
        verify_envelope(envelope, ENV["EXCHANGE_BUS_CERT"])
        return envelope


def connect() -> zeep.Client:
    """The client, with the proof of who we are."""
    session = requests.Session()
    transport = (
        MtomTransport(session=session) if MODE == "mtom" else zeep.Transport(session=session)
    )
    if MODE != "signed":
        session.auth = HTTPBasicAuth(AGENCY, ENV["EXCHANGE_TOKEN"])
        return zeep.Client(WSDL, transport=transport)
    proof = Signed(
        ENV["EXCHANGE_KEY"],
        ENV["EXCHANGE_CERT"],
        signature_method=xmlsec.Transform.RSA_SHA256,  # a P-256 key takes ECDSA_SHA256
        digest_method=xmlsec.Transform.SHA256,
    )
    return zeep.Client(WSDL, transport=transport, wsse=proof)


def document(content: bytes) -> dict:
    """The document; zeep makes elements of the generated types from plain dictionaries."""
    timestamp = ENV["EXCHANGE_TIMESTAMP"]
    issued = ENV["EXCHANGE_BAD_DATE"] if MODE == "fault" else timestamp[:10]
    file = {"ContentId": "tep-1", "AttachmentName": "phụ-lục.bin"}
    file["ContentType"] = "application/octet-stream"
    header = {
        "From": {"OrganId": AGENCY},
        "To": [{"OrganId": RECIPIENT}],
        "DocumentId": ENV["EXCHANGE_DOCUMENT_ID"],
        "Code": {"CodeNumber": ENV["EXCHANGE_NUMBER"], "CodeNotation": "UBND-VP"},
        "PromulgationInfo": {"Place": "Đà Nẵng", "PromulgationDate": issued},
        "DocumentType": {"Type": 2, "TypeName": "Công văn"},
        "Subject": ENV["EXCHANGE_SUBJECT"],
        "SignerInfo": {"FullName": "Văn thư mẫu"},
        "OtherInfo": {
            "Priority": 1,
            "Appendixes": {"Appendix": ["Phụ lục số 1: danh mục văn bản gửi kèm"]},
        },
    }
    trace = {"TraceHeader": [{"OrganId": AGENCY, "Timestamp": timestamp}]}
    return {
        "edXMLEnvelope": {
            "edXMLHeader": {"MessageHeader": header, "TraceHeaderList": trace},
            "edXMLBody": {"edXMLManifest": {"Reference": [file]}},
        },
        "AttachmentEncoded": {"Attachment": [{**file, "ContentTransferEncoded": content}]},
    }


def send(client: zeep.Client, bus):
    """Send the document and give the bus's receipt."""
    path = ENV["EXCHANGE_ATTACHMENT"]
    if MODE != "mtom":
        return bus.SendDocument(edXML=document(Path(path).read_bytes())).Receipt
    # The library looks for the part's name where the content belongs.
    part = MtomAttachment(path)
    client.transport.add_files([part])
    receipt = bus.SendDocument(edXML=document(part.get_cid())).Receipt
    client.transport.files.clear()
    return receipt


def find(bus, message_id: str):
    """Wait until the recipient's mailbox has the message."""
    for _ in range(100):
        page = bus.ListPending(agency=RECIPIENT, limit=500)
        for item in page.Pending:
            if item.messageId == message_id:
                return item
        time.sleep(0.2)
    raise SystemExit(f"{message_id} is not in the mailbox of {RECIPIENT}")


def exchange(client: zeep.Client, bus) -> None:
    """Send, list, get, acknowledge."""
    receipt = send(client, bus)
    print("ok send", receipt.messageId, receipt.acceptedAt.astimezone(UTC).strftime(UTC_TIME))
    item = find(bus, receipt.messageId)
    print("ok list", item.messageId)
    message = bus.GetMessage(agency=RECIPIENT, messageId=item.messageId)
    digest = hashlib.sha256(message.content).hexdigest()
    if digest not in {receipt.digest, message.sha256}:
        raise SystemExit(f"{digest} is not the digest of the receipt, {receipt.digest}")
    Path(ENV["EXCHANGE_FETCHED"]).write_bytes(message.content)
    print("ok get", digest)
    done = bus.Acknowledge(agency=RECIPIENT, messageId=item.messageId, outcome="done")
    print("ok acknowledge", done.state)
    if MODE == "signed":
        print("ok verify")


def provoke(client: zeep.Client, bus) -> None:
    """Send what must be refused and read the fault as the type that the WSDL declares."""
    try:
        send(client, bus)
    except zeep.exceptions.Fault as fault:
        declared = client.get_element("{urn:lienthong:exchange:1}ExchangeFault")
        told = declared.parse(fault.detail[0], client.wsdl.types)
        first = told.Problem[0]
        retryable = str(told.retryable).lower()
        print("ok fault", told.code, retryable, told.correlationId, told.line, first.value)
        return
    raise SystemExit("the bus accepted a date that no calendar has")


def main() -> None:
    """One exchange, as the environment says."""
    client = connect()
    bus = client.bind("ExchangeService", f"ExchangeSoap{SOAP.replace('.', '')}")
    (provoke if MODE == "fault" else exchange)(client, bus)


if __name__ == "__main__":
    main()
