"""What is written is read back the same, in both flavours, and the Java one is strictly valid."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.qcvn102_dotnet import DIALECT as DOTNET
from adapters.qcvn102_java import DIALECT as JAVA
from bus.config import LimitSettings
from bus.edxml import limits, parser
from bus.edxml.catalogue import SchemaName, validate
from bus.edxml.codec import Qcvn102, take_apart
from bus.edxml.digest import content_digest
from bus.model import Document, StatusMessage
from bus.ports import Reading
from tests.support.edxml_messages import STATUSES, TEXT, documents

LIMITS = LimitSettings()
BOTH = pytest.mark.parametrize("dialect", [JAVA, DOTNET], ids=lambda dialect: dialect.name)


def again(dialect: Qcvn102, content: bytes) -> Reading:
    """Everything the bus does with received bytes, up to the model."""
    trimmed, warnings = parser.trim(content, LIMITS)
    limits.check(trimmed, LIMITS)
    assert not warnings
    assert dialect.recognises(trimmed)
    parsed = dialect.parse(trimmed)
    assert not parsed.problems
    return dialect.read(parsed)


@BOTH
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_document_survives_its_own_dialect(dialect: Qcvn102, data: st.DataObject) -> None:
    """Reading what was written gives the same document, with nothing lost on either way."""
    document = data.draw(documents(zipped=dialect is JAVA))
    written = dialect.write(document)
    reading = again(dialect, written.content)
    assert reading.message == document
    assert not written.losses
    assert not reading.losses


@BOTH
@given(status=STATUSES)
@settings(max_examples=60, deadline=None)
def test_a_status_survives_its_own_dialect(dialect: Qcvn102, status: StatusMessage) -> None:
    """Reading what was written gives the same status, with nothing lost and nothing to say."""
    reading = again(dialect, dialect.write(status).content)
    assert reading.message == status
    assert (reading.problems, reading.losses) == ((), ())


@given(document=documents(zipped=True))
@settings(max_examples=60, deadline=None)
def test_translation_keeps_what_a_document_says(document: Document) -> None:
    """From Java to .NET, only the packing of files changes; the content digest does not."""
    reading = again(DOTNET, DOTNET.write(document).content)
    unpacked = tuple(
        dataclasses.replace(item, zipped=False, wire_sha256=item.sha256)
        for item in document.attachments
    )
    assert reading.message == dataclasses.replace(document, attachments=unpacked)
    assert content_digest(reading.message) == content_digest(document)


@given(document=documents(zipped=True, extended=False))
@settings(max_examples=60, deadline=None)
def test_java_output_is_strictly_valid(document: Document) -> None:
    """Whatever says all the standard demands is written as the strict document schema demands."""
    root = take_apart(parser.parse(JAVA.write(document).content)).root
    for payload in root.iter("{*}ContentTransferEncoded"):
        payload.text = "AA=="
    assert validate(root, SchemaName.QCVN102_OUTBOUND_DOCUMENT) == ()


@given(status=STATUSES)
@settings(max_examples=40, deadline=None)
def test_java_statuses_are_strictly_valid(status: StatusMessage) -> None:
    """A complete status is written as the strict status schema demands."""
    root = parser.parse(JAVA.write(status).content)
    assert validate(root, SchemaName.QCVN102_OUTBOUND_STATUS) == ()


@given(document=documents(zipped=False), subject=TEXT)
@settings(max_examples=60, deadline=None)
def test_the_digest_tells_contents_apart(document: Document, subject: str) -> None:
    """Documents that say different things have different digests; recipients change nothing."""
    other = dataclasses.replace(document, subject=subject)
    assert (content_digest(other) == content_digest(document)) == (subject == document.subject)
    resent = dataclasses.replace(document, recipients=(), trace=())
    assert content_digest(resent) == content_digest(document)
