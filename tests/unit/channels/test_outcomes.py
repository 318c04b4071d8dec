"""What a receiver's answer means."""

from __future__ import annotations

import contextlib
import email.utils
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus import errors
from bus.channels import outcomes

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def _envelope(body: str, namespace: str = outcomes.SOAP_11) -> bytes:
    return f'<s:Envelope xmlns:s="{namespace}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def _fault_11(code: str, detail: str = "") -> bytes:
    return _envelope(
        f"<s:Fault><faultcode>{code}</faultcode><faultstring>lý do</faultstring>"
        f"<detail>{detail}</detail></s:Fault>"
    )


def _fault_12(code: str, subcode: str = "") -> bytes:
    inner = f"<s:Subcode><s:Value>x:{subcode}</s:Value></s:Subcode>" if subcode else ""
    return _envelope(
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{inner}</s:Code>"
        f'<s:Reason><s:Text xml:lang="vi">lý do</s:Text></s:Reason></s:Fault>',
        outcomes.SOAP_12,
    )


def _raised(status: int, content: bytes) -> errors.BusError:
    with pytest.raises(errors.BusError) as caught:
        outcomes.judge(outcomes.Answer(status=status, content=content), NOW)
    return caught.value


@pytest.mark.parametrize(
    ("status", "content", "kind", "code"),
    [
        (500, _fault_11("s:Client"), errors.DeliveryRefused, "DLV-004"),
        (500, _fault_11("s:Client.Validation"), errors.DeliveryRefused, "DLV-004"),
        (200, _fault_11("Client"), errors.DeliveryRefused, "DLV-004"),
        (400, _fault_12("Sender"), errors.DeliveryRefused, "DLV-004"),
        (500, _fault_11("s:Server"), errors.PeerUnavailable, "DLV-007"),
        (500, _fault_12("Receiver"), errors.PeerUnavailable, "DLV-007"),
        (500, _fault_11("vendor:Code17"), errors.PeerUnavailable, "DLV-007"),
        (500, _fault_11("s:MustUnderstand"), errors.PeerUnavailable, "DLV-003"),
        (500, _fault_11("wsse:FailedAuthentication"), errors.PeerUnavailable, "DLV-008"),
        (400, _fault_12("Sender", "InvalidSecurity"), errors.PeerUnavailable, "DLV-008"),
        (500, _fault_11("s:Server", "<Value>s:Client</Value>"), errors.PeerUnavailable, "DLV-007"),
        (500, _fault_11("s:Server", "<f><retryable>false</retryable></f>"), errors.DeliveryRefused, "DLV-004"),
        (500, _envelope("<ok/>"), errors.PeerUnavailable, "DLV-003"),
        (500, b"<html></html>", errors.PeerUnavailable, "DLV-003"),
        (200, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', errors.PeerUnavailable, "DLV-003"),
        (200, _envelope("").replace(b"s:Body", b"s:Head"), errors.PeerUnavailable, "DLV-003"),
        (403, b"", errors.PeerUnavailable, "DLV-008"),
        (429, b"", errors.PeerBusy, "DLV-002"),
        (504, b"", errors.PeerUnavailable, "DLV-001"),
        (301, b"", errors.PeerUnavailable, "DLV-003"),
    ],
)  # fmt: skip
def test_every_answer_has_one_meaning(
    status: int, content: bytes, kind: type[errors.BusError], code: str
) -> None:
    """Status first, then fault code, decide between retry, busy and refusal."""
    error = _raised(status, content)
    assert (type(error), error.code) == (kind, code)


def test_a_fault_may_ask_to_be_tried_again() -> None:
    """A Client fault that states retryable is busy, with the seconds it names."""
    detail = "<x><retryable>true</retryable><retryAfterSeconds>90</retryAfterSeconds></x>"
    error = _raised(500, _fault_11("s:Client", detail))
    assert isinstance(error, errors.PeerBusy)
    assert error.retry_after_s == 90


def test_a_reply_without_a_fault_is_to_be_read() -> None:
    """A plain reply passes, and an empty acceptance says that there is nothing to read."""
    reply = outcomes.Answer(status=200, content=_envelope("<ok/>"))
    assert outcomes.judge(reply, NOW)
    assert not outcomes.judge(outcomes.Answer(status=202, content=b" \n"), NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        (email.utils.format_datetime(NOW + timedelta(seconds=60)), 60.0),
        ("Sun, 22 Nov 2026 08:01:00 GMT", 60.0),
        ("Sun, 22 Nov 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, None),
        ("Sun, 99 Nov 2026 07:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    """Both forms of RFC 9110 are read, the past is now, nonsense is nothing."""
    assert outcomes.retry_after_s(value, NOW) == seconds


@given(value=st.text(max_size=40))
def test_retry_after_never_fails(value: str) -> None:
    """Whatever a receiver writes there, it is a number of seconds from 0, or None."""
    seconds = outcomes.retry_after_s(value, NOW)
    assert seconds is None or seconds >= 0


@given(content=st.binary(max_size=300), status=st.integers(100, 599))
def test_any_bytes_are_judged_without_a_crash(content: bytes, status: int) -> None:
    """No answer, however strange, raises anything but an error of the bus."""
    with contextlib.suppress(errors.PeerUnavailable, errors.PeerBusy, errors.DeliveryRefused):
        assert not outcomes.judge(outcomes.Answer(status=status, content=content), NOW)


@given(text=st.text(max_size=6000))
def test_a_receivers_words_stay_on_one_short_line(text: str) -> None:
    """Nothing a receiver says can break a log line or fill the store."""
    line = outcomes.bounded(text)
    assert len(line) <= outcomes.REASON_CHARS
    assert all(mark.isprintable() for mark in line)
