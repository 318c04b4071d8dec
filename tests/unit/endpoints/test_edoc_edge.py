"""The shell of the eDoc service: what is a report, what is a fault, who may come in."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import pytest
from lxml import etree

from bus import errors
from bus.config import LimitSettings
from bus.endpoints.edoc import edoc_application
from bus.model import Caller, CallerMethod
from tests.support.edoc_client import NS, OldClient, envelope, letter
from tests.support.soap_edge import FixedClock, StandIn

CLIENT = OldClient("http://127.0.0.1/none", "H58.07", "tok")
KEY_INFO = (
    "<edXML:Signature><edXML:KeyInfo><edXML:OrganId>K</edXML:OrganId>"
    "<edXML:Token> c </edXML:Token></edXML:KeyInfo></edXML:Signature>"
)


@dataclass
class Hub:
    """Answers nothing, or raises what it is told to."""

    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        def asked(*_: object) -> tuple[int, ...]:
            self.asked.append(name)
            if self.error is not None:
                raise self.error
            return ()

        return asked


@dataclass
class Door:
    """The service in process, with the proofs it passed on."""

    hub: Hub = field(default_factory=Hub)
    proofs: list[dict[str, Any]] = field(default_factory=list)
    agency: str | None = "H58.07"

    def __post_init__(self) -> None:
        self.exchange = StandIn()
        self.application = edoc_application(
            self.hub,  # type: ignore[arg-type]  # the stand-in has its methods, not its class
            self.exchange,  # type: ignore[arg-type]
            authenticate=self._authenticate,
            limits=LimitSettings(),
            clock=FixedClock(),
            public_url=None,
        )

    def _authenticate(self, envelope: Any, **proof: Any) -> Caller:
        self.proofs.append({"envelope": envelope, **proof})
        return Caller(agency=self.agency, method=CallerMethod.TOKEN)

    def ask(self, xml: str, **more: Any) -> tuple[str, dict[str, str], etree._Element]:
        """One request; status line, headers and parsed answer."""
        told: dict[str, Any] = {}
        environ = {
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "/services/eDoc", "PATH_INFO": "",
            "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(xml.encode()),
            "CONTENT_LENGTH": str(len(xml.encode())), "CONTENT_TYPE": "text/xml; charset=utf-8",
            **more,
        }  # fmt: skip

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            told.update(status=status, headers=dict(headers))

        body = b"".join(self.application(environ, start))  # type: ignore[arg-type]
        return told["status"], told["headers"], etree.fromstring(body)


def listing(header: str = "") -> str:
    return envelope(header, "<GetTraces><Token>tok</Token><OrganId>H58.07</OrganId></GetTraces>")


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [
        (errors.StoreUnavailable("locked"), "30"),
        (errors.ServiceBusy(retry_after_s=7.2), "8"),
        (errors.Defect("secret place"), None),
        (RuntimeError("secret place"), None),
    ],
)
def test_what_the_sender_cannot_mend_is_a_fault(error: Exception, retry_after: str | None) -> None:
    """Trouble of the bus is HTTP 500 with a SOAP fault: an old client tries again, and learns nothing."""
    status, headers, root = Door(Hub(error)).ask(listing())
    assert status.startswith("500")
    assert headers.get("Retry-After") == retry_after
    assert root.findtext(".//faultcode") == "soap:Server"
    assert root.findtext(f".//{{{NS}}}Code") == "M.System"
    assert root.findtext(f".//{{{NS}}}CorrelationId") == headers["X-Correlation-Id"]
    assert "secret place" not in etree.tostring(root, encoding="unicode")


def test_a_refusal_is_recorded_once_and_reported() -> None:
    """A refused call leaves a row with the correlation id that its report names."""
    door = Door(Hub(errors.NotAuthorised(code="AUT-004")))
    status, headers, root = door.ask(listing())
    assert status == "200 OK"
    assert root.findtext(f".//{{{NS}}}IsSuccess") == "false"
    ((code, _, _, id_),) = door.exchange.refusals
    assert (code, id_) == ("AUT-004", headers["X-Correlation-Id"])
    assert root.findtext(f".//{{{NS}}}CorrelationId") == id_


def test_no_signature_over_the_body_speaks_for_the_header() -> None:
    """The envelope is never shown to whoever judges signatures: the document is not in the Body."""
    door = Door()
    door.ask(envelope(letter("H58.07", "H17") + CLIENT.key_info(), "<edXML:Manifest/>"))
    (proof,) = door.proofs
    assert proof["envelope"] is None
    assert proof["token"] == ("H58.07", "tok")


def test_a_security_header_that_must_be_understood_is_refused() -> None:
    """Who insists on WS-Security is told that it counts for nothing here, instead of being ignored."""
    wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
    header = f'<w:Security xmlns:w="{wsse}" SOAP-ENV:mustUnderstand="1"/>'
    status, _, root = Door().ask(listing(header))
    assert status.startswith("500")
    assert root.findtext(".//faultcode") == "soap:MustUnderstand"


@pytest.mark.parametrize(
    ("header", "payload", "environ", "token", "certificate"),
    [
        ("", "<GetTraces><Token>a</Token><OrganId>X</OrganId></GetTraces>", {}, ("X", "a"), None),
        ('<Token xmlns="http://e-doc.vn/xsd">b</Token>', "<GetTraces><OrganId>X</OrganId></GetTraces>",
         {}, ("X", "b"), None),
        (KEY_INFO, "<GetTraces><OrganId>X</OrganId></GetTraces>", {}, ("K", "c"), None),
        ("", "<GetTraces/>", {"HTTP_AUTHORIZATION": "Bearer H:d"}, ("H", "d"), None),
        ("", "<GetTraces/>", {"lienthong.client_certificate_der": b"der"}, None, b"der"),
        ("<Token>e</Token>", "<Status><From><OrganId>S</OrganId></From></Status>", {}, ("S", "e"), None),
    ],
    ids=["arguments", "token header", "key info", "http", "certificate", "sender"],
)  # fmt: skip
def test_credentials_are_found_wherever_they_stand(
    header: str, payload: str, environ: dict[str, Any], token: object, certificate: object
) -> None:
    """Arguments, header blocks, HTTP and TLS: each is a login."""
    door = Door()
    door.ask(envelope(header, payload), **environ)
    (proof,) = door.proofs
    assert (proof["token"], proof["client_certificate_der"]) == (token, certificate)


def test_who_shows_nothing_is_told_so() -> None:
    """Without any proof no operation runs; the report says what was looked for."""
    door = Door(agency=None)
    _, _, root = door.ask(envelope("", "<GetTraces/>"))
    assert root.findtext(f".//{{{NS}}}Code") == "M.CheckPermission"
    assert door.hub.asked == []


def test_the_door_refuses_in_the_words_of_the_service() -> None:
    """What the HTTP edge refuses before reading is a report where the SOAPAction names an operation."""
    door = Door()
    environ = {
        "REQUEST_METHOD": "POST",
        "HTTP_SOAPACTION": '"SendDocument"',
        "CONTENT_TYPE": "text/xml",
    }
    for error, status, code in (
        (errors.LimitExceeded(code="RCV-001"), "200 OK", "R.Envelope"),
        (errors.ServiceBusy(), "500 Internal Server Error", "M.System"),
    ):
        line, _, body = door.application.refuse(dict(environ), error)
        assert line == status
        assert etree.fromstring(body).findtext(f".//{{{NS}}}Code") == code
