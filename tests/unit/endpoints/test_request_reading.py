"""HTTP requests: media type, charset, length and authorization."""

from __future__ import annotations

import base64
import io

import pytest
from support.soap_edge import PING, SOAP11, SOAP12, TEXT_XML, TNS, Service, envelope

from bus.config import LimitSettings
from bus.endpoints.request import CLIENT_CERTIFICATE, version_asked
from bus.envelope.soap import SoapVersion


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "text/plain; charset=utf-8", "application/xml", "multipart/related",
     "text/xmlx", ";", "text/xml/xml"],
)  # fmt: skip
def test_other_media_types_are_refused(content_type: str) -> None:
    """415 with a typed fault, whatever the body says."""
    reply = Service().post(envelope(PING), content_type)
    assert (reply.status, reply.fault["code"]) == (415, "SVC-008")


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        ("application/json", SOAP12, SoapVersion.V12),
        ("", SOAP12, SoapVersion.V12),
        ("application/json", SOAP11, SoapVersion.V11),
        ("application/json", "", SoapVersion.V11),
        ("text/xml", SOAP12, SoapVersion.V11),
        ("application/soap+xml", SOAP11, SoapVersion.V12),
    ],
)
def test_who_names_no_version_is_answered_in_that_of_the_envelope(
    content_type: str, body: str, told: SoapVersion
) -> None:
    """The media type decides; where it is none of SOAP's the envelope does, and stays unread."""
    stream = io.BytesIO(envelope(PING, soap=body) if body else b"")
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": content_type, "wsgi.input": stream}
    assert version_asked(environ) is told
    assert stream.tell() == 0


@pytest.mark.parametrize(
    "content_type",
    ["text/xml", "TEXT/XML", 'text/xml;charset="UTF-8"', "text/xml ; charset = utf-8"],
)
def test_media_types_are_read_as_http_writes_them(content_type: str) -> None:
    """Case, quotes and spaces do not matter."""
    assert Service().post(envelope(PING), content_type).status == 200


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16le", "iso-8859-1", "windows-1258"])
def test_http_names_the_encoding(charset: str) -> None:
    """The charset parameter outranks the XML declaration (RFC 7303 section 3.2)."""
    text = (
        '<?xml version="1.0" encoding="us-ascii"?>\n'
        + envelope(f'<Ping xmlns="{TNS}"><recipient>é</recipient></Ping>').decode()
    )
    service = Service()
    reply = service.post(text.encode(charset), f"text/xml; charset={charset}")
    assert reply.status == 200, reply.body
    assert service.exchange.asked[0][2] == "é"


@pytest.mark.parametrize(
    "charset", ["foo", "utf-7", "base64", "idna", "unicode_escape", "é", "x" * 99]
)
def test_unknown_charsets_are_refused(charset: str) -> None:
    """Only encodings in which markup cannot hide are taken."""
    reply = Service().post(envelope(PING), f"text/xml; charset={charset}")
    assert (reply.status, reply.fault["code"]) == (500, "XML-003")


@pytest.mark.parametrize("charset", ["utf-8", "us-ascii", "utf-16"])
def test_bytes_outside_the_charset_are_refused(charset: str) -> None:
    """Bytes that are not what HTTP says are never guessed at."""
    body = envelope(PING).replace(b"G22", b"\xff\xc3(")
    reply = Service().post(body, f"text/xml; charset={charset}")
    assert reply.status == 500
    assert reply.fault["code"] in {"XML-001", "XML-003"}


def test_a_byte_order_mark_is_no_obstacle() -> None:
    """UTF-8 with a byte order mark is read."""
    assert Service().post(b"\xef\xbb\xbf" + envelope(PING)).status == 200


def test_positions_are_those_of_the_sender_after_recoding() -> None:
    """Taking the declaration out moves no line and no column."""
    text = '<?xml version="1.0" encoding="us-ascii"?>\n\n<a>\n<b</a>'
    reply = Service().post(text.encode("utf-16"), "text/xml; charset=utf-16")
    assert (reply.fault["code"], reply.fault["line"]) == ("XML-001", "4")


@pytest.mark.parametrize("length", ["", "x", "-1", "٣"])
def test_a_body_without_a_length_is_not_waited_for(length: str) -> None:
    """Without a length the server must say that it ends the body itself."""
    reply = Service().post(envelope(PING), CONTENT_LENGTH=length)
    assert reply.fault["code"] == "RCV-005"
    known = Service().post(envelope(PING), CONTENT_LENGTH=length, **{"wsgi.input_terminated": True})
    assert known.status == 200


def test_a_body_that_was_cut_short_is_refused() -> None:
    """Half a message is no message."""
    assert Service().post(envelope(PING), CONTENT_LENGTH="9999").fault["code"] == "RCV-004"


@pytest.mark.parametrize("length", ["100000", ""])
def test_a_body_over_the_limit_is_refused(length: str) -> None:
    """The declared and the real length are both held against the limit."""
    service = Service(limits=LimitSettings(body_bytes=1000))
    reply = service.post(
        envelope("x" * 2000), CONTENT_LENGTH=length, **{"wsgi.input_terminated": True}
    )
    assert (reply.status, reply.fault["code"]) == (500, "RCV-001")


BASIC = base64.b64encode("G22:bí:mật".encode()).decode()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("", None),
        ("Bearer G22:secret", ("G22", "secret")),
        ("bearer  000.00.00.G22:a:b ", ("000.00.00.G22", "a:b")),
        ("Bearer " + "G22:mật".encode().decode("latin-1"), ("G22", "mật")),
        (f"Basic {BASIC}", ("G22", "bí:mật")),
        ("Negotiate abc", None),
    ],
)
def test_authorization_becomes_code_and_token(header: str, token: tuple[str, str] | None) -> None:
    """Bearer CODE:TOKEN and basic authorization are read; other schemes prove nothing."""
    service = Service()
    assert service.call(PING, HTTP_AUTHORIZATION=header).status == 200
    assert service.authenticated[0]["token"] == token


@pytest.mark.parametrize("header", ["Bearer G22", "Basic %%%", "Bearer \xff:a", "Basic /w=="])
def test_authorization_that_cannot_be_read_is_refused(header: str) -> None:
    """A broken proof is not treated as none, and is not repeated in the fault."""
    reply = Service().call(PING, HTTP_AUTHORIZATION=header)
    assert reply.fault["code"] == "AUT-001"
    assert "G22" not in reply.fault["message"]


def test_only_the_edge_can_hand_over_a_client_certificate() -> None:
    """The certificate comes from the environment of the terminator, never from an HTTP header."""
    service = Service()
    service.call(PING, **{CLIENT_CERTIFICATE: b"der", "HTTP_X_CLIENT_CERT": "forged"})
    assert service.authenticated[0]["client_certificate_der"] == b"der"


@pytest.mark.parametrize("soap", [SOAP11, SOAP12])
@pytest.mark.parametrize(
    ("action", "status"),
    [("", 200), ('""', 200), (f'"{TNS}/Ping"', 200), (f"{TNS}/Ping", 200), ("Ping", 200),
     (f'"{TNS}/SendDocument"', 400), ("x", 400)],
)  # fmt: skip
def test_the_action_must_not_name_another_operation(soap: str, action: str, status: int) -> None:
    """An absent action passes; a false one is refused before anything is done."""
    service = Service()
    if soap == SOAP11:
        reply = service.post(envelope(PING), TEXT_XML, HTTP_SOAPACTION=action)
    else:
        bare = action.strip('"')
        reply = service.post(
            envelope(PING, soap=soap), f'application/soap+xml; charset=utf-8; action="{bare}"'
        )
    assert reply.status == (500 if status == 400 and soap == SOAP11 else status)
    assert status == 200 or reply.fault["code"] == "SVC-012"
    assert bool(service.exchange.asked) == (status == 200)
