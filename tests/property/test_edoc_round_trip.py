"""What eDoc 1.0 has a field for survives it; what it has none for is named as lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.edoc_soap import DIALECT
from adapters.edoc_soap.dates import read_date, read_instant
from adapters.qcvn102_java import DIALECT as JAVA
from bus import model
from bus.config import LimitSettings
from bus.edxml import limits, parser
from bus.edxml.digest import content_digest
from bus.model import Document, FieldFate, Severity, StatusMessage
from bus.ports import Reading
from tests.support.edxml_messages import DATES, STATUSES, documents

LIMITS = LimitSettings()


def again(content: bytes) -> Reading:
    """Everything the bus does with received bytes, up to the model."""
    trimmed, warnings = parser.trim(content, LIMITS)
    limits.check(trimmed, LIMITS)
    assert not warnings
    assert DIALECT.recognises(trimmed)
    parsed = DIALECT.parse(trimmed)
    assert not [found for found in parsed.problems if found.severity is Severity.REJECT]
    return DIALECT.read(parsed)


@st.composite
def expressible(draw: st.DrawFn) -> Document:
    """A document that says nothing eDoc has no element for."""
    document = draw(documents(zipped=False, extended=False))
    number = st.integers(0, 9_999)
    files = tuple(
        replace(item, manifest=None, content_type=item.content_type or "text/plain")
        for item in document.attachments
    )
    other = replace(
        document.other,
        copies=draw(number),
        pages=draw(number),
        is_directive=None,
        reply_fors=(),
        reference_codes=(),
    )
    return replace(
        document,
        recipients=tuple(replace(one, in_charge=None) for one in document.recipients),
        document_type=replace(
            document.document_type, category=draw(st.integers(1, 2)), detail=None
        ),
        other=other,
        task_codes=(),
        application_type=None,
        attachments=files,
    )


@given(document=expressible())
@settings(max_examples=80, deadline=None)
def test_a_document_survives_edoc(document: Document) -> None:
    """Reading what was written gives the same document, with nothing lost on either way."""
    written = DIALECT.write(document)
    reading = again(written.content)
    assert reading.message == document
    assert (written.losses, reading.losses) == ((), ())


@given(status=STATUSES)
@settings(max_examples=60, deadline=None)
def test_a_status_survives_edoc(status: StatusMessage) -> None:
    """Reading what was written gives the same status, with nothing lost and nothing to say."""
    written = DIALECT.write(status)
    reading = again(written.content)
    assert reading.message == status
    assert (written.losses, reading.losses, reading.problems) == ((), (), ())


@given(document=expressible())
@settings(max_examples=60, deadline=None)
def test_the_way_through_edxml_changes_nothing_said(document: Document) -> None:
    """From eDoc to QCVN 102 and back, the content digest stays the same."""
    edxml = JAVA.read(JAVA.parse(JAVA.write(document).content)).message
    assert content_digest(again(DIALECT.write(edxml).content).message) == content_digest(document)


@given(document=documents(zipped=True))
@settings(max_examples=60, deadline=None)
def test_what_has_no_element_is_named_as_lost(document: Document) -> None:
    """Whatever a document says beyond eDoc 1.0 is in the loss list, each value of it."""
    lost = {loss.value for loss in DIALECT.write(document).losses if loss.fate is FieldFate.LOST}
    beyond = [
        *document.other.reply_fors,
        *document.other.reference_codes,
        *document.task_codes,
        *(one.in_charge for one in document.recipients if one.in_charge),
        *(extension.xml.decode() for extension in document.extensions),
    ]
    assert set(beyond) <= lost


@given(day=DATES, moment=st.times())
def test_both_orders_of_a_date_mean_the_same_day(day: date, moment: object) -> None:
    """Day-first and year-first dates are told apart by the year, with and without a time."""
    first, last = (
        f"{day.day:02}/{day.month:02}/{day.year:04}",
        f"{day.year:04}/{day.month:02}/{day.day:02}",
    )
    assert read_date(first) == read_date(last) == day
    clock = f"{moment.hour}:{moment.minute:02}"
    if day.year > 1:
        assert read_instant(f"{first} {clock}") == read_instant(f"{last} {clock}:00")


def test_vietnam_time_is_meant() -> None:
    """An instant without a zone is one in Vietnam; a month-first date is no date."""
    assert read_instant("30/09/2015 08:15") == datetime(2015, 9, 30, 1, 15, tzinfo=UTC)
    assert read_date("09/30/2015") is None
    assert read_date("30/09/2015 08:15") is None


def test_every_word_for_a_status_leads_to_it() -> None:
    """Words, bare numbers and codes of two digits name the nine statuses; others name none."""
    from adapters.edoc_soap.mapping import STATUSES as WORDS

    assert set(WORDS.values()) == set(model.StatusCode)
    assert "07" not in WORDS
    assert "" not in WORDS
