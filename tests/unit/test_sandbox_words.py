"""How an answer of the bus becomes an event, and an event plain words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.soap_edge import PING, SOAP11, SOAP12, Service, envelope

from bus.dev.explaining import explain
from bus.dev.verdicts import read_verdict
from bus.errors import SchemaRejected, ServiceBusy
from bus.model import Problem, Severity
from bus.web.refusals import plain_refusal

AT = {"at": "2026-11-25T03:00:00+00:00", "agency": "bus", "operation": "SendPackage", "http": 500}


def problem(number: int, **changes: Any) -> Problem:
    """A reason to refuse."""
    usual: dict[str, Any] = {
        "rule": f"E{number:02}", "severity": Severity.REJECT, "path": "/edXML/x", "line": number,
        "value": "sai", "expected": "đúng", "message": "Wrong.", "message_vi": "Sai.",
        "hint": "Mend it.", "hint_vi": "Hãy sửa.",
    }  # fmt: skip
    return Problem(**(usual | changes))


def refusal(*problems: Problem, soap: str = SOAP11) -> dict[str, Any]:
    """The event of a real fault with these problems."""
    service = Service()
    service.exchange.error = SchemaRejected(problems=problems)
    reply = service.call(PING, soap=soap)
    return AT | read_verdict(reply.status, reply.body)


@pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
def test_a_fault_is_told_whole(soap: str) -> None:
    """Every member of the typed fault and of its problems is in the event, in both versions."""
    event = refusal(problem(5), soap=soap)
    assert (event["event"], event["code"], event["retryable"]) == ("refused", "DOC-001", False)
    (told,) = event["problems"]
    assert (told["rule"], told["line"], told["value"], told["expected"]) == (
        "E05",
        5,
        "sai",
        "đúng",
    )
    assert (told["hintVi"], told["hint"]) == ("Hãy sửa.", "Mend it.")


def test_words_name_place_value_and_cure_in_both_languages() -> None:
    """The lines of one problem hold all that its sender needs."""
    text = "\n".join(explain(refusal(problem(5))))
    for words in ("DOC-001 · check", "✗ E05", "vi: Sai.", "en: Wrong.", "/edXML/x  dòng / line 5",
                  "có / found  “sai”", "cần / expected  đúng", "Hãy sửa.", "Mend it."):  # fmt: skip
        assert words in text


def test_many_problems_and_long_values_are_cut() -> None:
    """The first twenty problems are shown and the rest counted; a long value is cut, never a line."""
    event = refusal(*(problem(n, value="x" * 5000) for n in range(1, 31)))
    lines = explain(event)
    assert sum(line.startswith("    ✗ E") for line in lines) == 20
    assert any("10" in line and "and 10 more" in line for line in lines)
    assert max(map(len, lines)) < 500


def test_what_comes_from_outside_soap_is_told_too() -> None:
    """A JSON refusal of the edge has the same words."""
    _, _, body = plain_refusal({}, ServiceBusy(retry_after_s=5))
    event = AT | read_verdict(503, body)
    assert (event["event"], event["code"]) == ("refused", "SVC-007")
    text = "\n".join(explain(event))
    assert "SVC-007" in text
    assert "thử lại / retry" in text


def test_an_accepted_message_is_a_short_timeline() -> None:
    """Topic, id and every recipient's state."""
    service = Service()
    reply = service.call('<SendPackage xmlns="urn:lienthong:exchange:1"><content/></SendPackage>')
    event = AT | read_verdict(reply.status, reply.body)
    assert (event["event"], event["messageId"], event["duplicate"]) == ("accepted", "m-1", True)
    lines = explain(event)
    assert "edoc.new.cong-van  m-1  (đã nhận từ trước / already stored)" in lines[0]
    assert lines[1].split() == ["→", "G22", "pending"]


def test_a_report_of_a_check_is_told() -> None:
    """CheckDocument is no refusal, but its problems are shown the same way."""
    service = Service()
    reply = service.call(
        '<CheckDocument xmlns="urn:lienthong:exchange:1"><content/></CheckDocument>'
    )
    event = AT | read_verdict(reply.status, reply.body)
    assert (event["event"], event["acceptable"]) == ("checked", False)
    assert "would be refused" in explain(event)[0]


def test_listings_are_counted_and_the_rest_is_quiet() -> None:
    """How many wait is told; other calls are a line without content."""
    service = Service()
    reply = service.call('<ListPending xmlns="urn:lienthong:exchange:1"/>')
    assert read_verdict(reply.status, reply.body)["count"] == 2
    assert read_verdict(200, b"\x00binary") == {"event": "asked"}
    assert read_verdict(500, b"<a>") == {"event": "refused"}
    assert explain(AT | {"event": "refused"})[0].endswith("bị từ chối / refused")


@given(st.integers(min_value=200, max_value=599), st.binary(max_size=300))
def test_no_answer_is_too_strange(status: int, body: bytes) -> None:
    """Whatever was answered, an event and words come of it."""
    event = AT | read_verdict(status, body)
    assert json.dumps(event)
    assert explain(event)


def test_requests_are_no_answers() -> None:
    """A plain envelope without a verdict is only something that was asked."""
    assert read_verdict(200, envelope(PING))["event"] == "asked"


def test_a_report_of_the_older_profile_is_a_refusal() -> None:
    """Where a service answers with a report, its codes and words are told as problems."""
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><SendDocumentResponse>'
        '<e:Report xmlns:e="http://www.e-doc.vn/Schema/"><e:IsSuccess>false</e:IsSuccess><e:ErrorList>'
        "<e:Error><e:Code>M.Subject</e:Code><e:Description>Thiếu / Missing</e:Description></e:Error>"
        "</e:ErrorList><e:CorrelationId>c-1</e:CorrelationId></e:Report>"
        "</SendDocumentResponse></s:Body></s:Envelope>"
    )
    text = "\n".join(explain(AT | read_verdict(200, body.encode())))
    for words in ("✗ SendPackage", "✗ M.Subject", "Thiếu / Missing", "c-1"):
        assert words in text
    happy = body.replace(">false<", ">true<").encode()
    assert read_verdict(200, happy)["event"] == "asked"
