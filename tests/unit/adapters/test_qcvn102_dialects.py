"""The two dialects of QCVN 102: who recognises what, how each writes, and what the field sends."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from lxml import etree

from adapters.qcvn102_dotnet import DIALECT as DOTNET
from adapters.qcvn102_java import DIALECT as JAVA
from bus.config import LimitSettings
from bus.edxml import limits, parser
from bus.edxml.codec import Qcvn102
from bus.model import (
    Attachment,
    Business,
    Document,
    DocumentType,
    Message,
    Organization,
    OtherInfo,
    Staff,
    TraceHop,
)
from bus.ports import Dialect
from tests.support.edxml_messages import NAMESPACE, body

LIMITS = LimitSettings()
DOCUMENT = Document(
    sender=Organization(organ_id="H58.07", in_charge="UBND", name="Sở"),
    recipients=(Organization(organ_id="H58.01"),),
    document_id="d-1",
    document_type=DocumentType(category=2, detail=1, name="Công văn"),
    to_places=("Như trên",),
    other=OtherInfo(priority=1),
    trace=(TraceHop(organ_id="H58.07"),),
    business=Business(action=0, paper=0, staff=Staff(name="Hạnh", mobile="09", email="h@x")),
    attachments=(
        Attachment(
            content_id="1",
            name="a.doc",
            content_type="application/zip",
            content=b"\xd0\xcf",
            zipped=True,
        ),
    ),
)


def parts(content: bytes, name: str) -> list[str]:
    element = next(etree.fromstring(content).iter(f"{{{NAMESPACE}}}{name}"))
    return [str(child.tag).rpartition("}")[2] for child in element]


@pytest.mark.parametrize("dialect", [JAVA, DOTNET], ids=lambda dialect: dialect.name)
def test_dialects_fulfil_the_port(dialect: Qcvn102) -> None:
    """Both are dialects of one family, each named as its entry point."""
    port: Dialect = dialect
    assert port.family == "qcvn102"
    assert f"adapters.{port.name}" in {"adapters.qcvn102_java", "adapters.qcvn102_dotnet"}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (body("<From/>"), "qcvn102_java"),
        (body("<From/>", trace="<DigitalSignature/>"), "qcvn102_dotnet"),
        (body("", trace='<TraceHeaderList version="1.0"/>'), "qcvn102_dotnet"),
        (
            body("", manifest='<Reference xmlns:l="http://www.w3.org/1999/xlink"/>'),
            "qcvn102_dotnet",
        ),
        (
            b'<?xml version="1.0"?>\n<!-- <edXML> -->\n<p:edXML a=">" xmlns:p=\''
            + NAMESPACE.encode()
            + b"'/>",
            "qcvn102_java",
        ),
        (f'<?xml version="1.0"?><edXML xmlns="{NAMESPACE}"/>'.encode("utf-16"), "qcvn102_java"),
        (f'<q:edXML xmlns="{NAMESPACE}" xmlns:q="urn:other"/>'.encode(), None),
        (f'<edXMLEnvelope xmlns="{NAMESPACE}"/>'.encode(), None),
        (b'<edXML xmlns="http://www.go.vn/eDoc"/>', None),
        (f'<a><edXML xmlns="{NAMESPACE}"/></a>'.encode(), None),
        (b"{}", None),
        (b"", None),
    ],
)
def test_each_body_has_at_most_one_owner(content: bytes, name: str | None) -> None:
    """Root, namespace and marks decide, and never for two dialects at once."""
    owners = [dialect.name for dialect in (JAVA, DOTNET) if dialect.recognises(content)]
    assert owners == ([name] if name else [])


def test_java_writes_as_the_sdk_does() -> None:
    """Order, prefixes and labels are those of the Java SDK, and a transport ZIP stays one."""
    content = JAVA.write(DOCUMENT).content
    assert parts(content, "MessageHeader") == [
        "From", "To", "DocumentId", "DocumentType", "OtherInfo", "ToPlaces",
    ]  # fmt: skip
    assert parts(content, "DocumentType") == ["Type", "TypeDetail", "TypeName"]
    assert parts(content, "TraceHeaderList") == ["TraceHeader", "Bussiness"]
    assert content.startswith(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<edXML xmlns="{NAMESPACE}"><edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}">'.encode()
    )
    assert b"<AttachmentEncoded><Attachment><ContentId>cid:1</ContentId>" in content
    assert f'<edXML:ContentTransferEncoded xmlns:edXML="{NAMESPACE}">UEsDB'.encode() in content
    assert b"<ContentType>application/zip</ContentType>" in content


def test_dotnet_writes_as_its_sdk_does() -> None:
    """Order, namespaces, attributes and plain base64 are those of the .NET SDK."""
    written = DOTNET.write(DOCUMENT)
    content = written.content
    assert parts(content, "MessageHeader") == [
        "From", "To", "DocumentType", "ToPlaces", "OtherInfo", "DocumentId",
    ]  # fmt: skip
    assert parts(content, "DocumentType") == ["Type", "TypeName", "TypeDetail"]
    assert parts(content, "Bussiness") == ["BussinessDocType", "StaffInfo", "Paper"]
    assert parts(content, "StaffInfo") == ["Staff", "Mobile", "Email"]
    assert re.search(rb'<edXML xmlns="[^"]+" xmlns:xsi="[^"]+" xmlns:xsd="[^"]+">', content)
    assert re.search(
        rb'TraceHeaderList id="[0-9a-f]{8}" version="1.0" mustUnderstand="1" actor=', content
    )
    assert b'xlink:href="cid:1" xlink:role="XLinkRole" xlink:type="simple"' in content
    assert b"<ContentId>1</ContentId>" in content
    assert b"<ContentTransferEncoded>0M8=</ContentTransferEncoded>" in content
    assert b"DigitalSignature" not in content


def test_a_file_out_of_its_zip_is_not_called_a_zip() -> None:
    """Where the ZIP goes, its label goes, in manifest and attachment, and the loss list says so."""
    written = DOTNET.write(DOCUMENT)
    assert b"application/zip" not in written.content
    assert written.content.count(b"application/msword") == 2
    assert [(loss.fate, loss.value) for loss in written.losses] == [("altered", "application/zip")]


def test_limits_reach_the_dialect() -> None:
    """The operator's limit on unpacked files is taken over by a copy; the dialect itself stays."""
    limited = JAVA.limited(LimitSettings(unpacked_bytes=5))
    assert (limited.unpacked_bytes, limited.name) == (5, JAVA.name)
    assert JAVA.unpacked_bytes == LimitSettings().unpacked_bytes


def wild(samples: Path) -> list[Path]:
    return sorted(samples.glob("vxp-sdk/*.edxml")) + sorted(samples.glob("vendors/qcvn102_*"))


def receive(content: bytes) -> tuple[Qcvn102, Message, list[str]]:
    """Read received bytes; the dialect, the message and the rules that had something to say."""
    trimmed, warnings = parser.trim(content, LIMITS)
    limits.check(trimmed, LIMITS)
    (dialect,) = (item for item in (JAVA, DOTNET) if item.recognises(trimmed))
    parsed = dialect.parse(trimmed)
    reading = dialect.read(parsed)
    assert reading.losses == ()
    problems = (*warnings, *parsed.problems, *reading.problems)
    assert all(item.severity == "warn" for item in problems)
    return dialect, reading.message, [item.rule for item in problems]


def test_messages_of_the_field_read_with_the_known_warnings(samples: Path) -> None:
    """Junk is E01, a signature in the wrong namespace E19; statuses and .NET are clean."""
    found = {path.name: receive(path.read_bytes())[2] for path in wild(samples)}
    assert len(found) >= 15
    for name, rules in found.items():
        dirty = name == "edoc_new.edxml" or "DIRTY" in name
        signed = name.startswith("edoc_") or "vxp_java" in name
        assert rules == ["E01"] * dirty + ["E19"] * signed, name


def test_messages_of_the_field_survive_their_own_dialect(samples: Path) -> None:
    """What was read from the field is written and read back the same, with nothing lost."""
    for path in wild(samples):
        dialect, message, _ = receive(path.read_bytes())
        written = dialect.write(message)
        assert written.losses == ()
        back = receive(written.content)[1]
        assert unwired(back) == unwired(message), path.name


def unwired(message: Message) -> Message:
    """Without the digest of the bytes on the wire: a ZIP made anew has others."""
    if not isinstance(message, Document):
        return message
    files = tuple(dataclasses.replace(item, wire_sha256="") for item in message.attachments)
    return dataclasses.replace(message, attachments=files)
