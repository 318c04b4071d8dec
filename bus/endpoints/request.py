"""One HTTP request for a SOAP operation: its body within limits, its claims read strictly."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import pybase64

from bus import errors
from bus.config import LimitSettings
from bus.envelope.soap import SoapVersion

#: WSGI environment key under which the web edge hands over the client certificate (DER) that a
#: trusted TLS terminator presented. No HTTP header can set it.
CLIENT_CERTIFICATE = "lienthong.client_certificate_der"

#: Longest Content-Type header that is taken apart, characters.
_LONGEST_MEDIA_TYPE = 1000
#: Encodings in which markup is ASCII; others could hide it from the byte scanner of `limits`.
_CHARSETS = re.compile(r"utf-?8|utf-16(le|be)?|us-ascii|ascii|iso-8859-\d{1,2}|windows-125\d")
_DECLARATION = re.compile(r"^\ufeff?(<\?xml[^>]*?\sencoding\s*=\s*[\"']([\w.\-]+)[\"'][^>]*?\?>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client sent; `raw` is the body as it arrived, `xml` the same in its own encoding."""

    raw: bytes = field(repr=False)
    xml: bytes = field(repr=False)
    content_type: str
    #: Operation named by SOAPAction (1.1) or the action parameter (1.2); "" when none is.
    action: str
    #: (agency code, secret) of a bearer or basic authorization.
    token: tuple[str, str] | None = field(repr=False)
    client_certificate_der: bytes | None = field(repr=False)
    remote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _MediaType:
    name: str
    charset: str | None
    action: str


def read_request(environ: dict[str, Any], limits: LimitSettings) -> Request:
    """Read a POST request; the body is in memory afterwards.

    Raises ProtocolRejected SVC-008 (media type), NotAuthorised AUT-001 (authorization cannot
    be read), LimitExceeded RCV-001, RCV-004 (cut short), RCV-005 (empty), NotWellFormed XML-003.
    """
    content_type = str(environ.get("CONTENT_TYPE") or "")
    media = _media_type(content_type)
    if media.name not in {version.media_type for version in SoapVersion}:
        raise errors.ProtocolRejected(repr(content_type[:100]), code="SVC-008")
    raw = _body(environ, limits.body_bytes)
    action = media.action or str(environ.get("HTTP_SOAPACTION") or "")
    return Request(
        raw=raw,
        xml=_honouring_charset(raw, media.charset),
        content_type=content_type,
        action=action.strip().strip("\"'").strip(),
        token=_token(str(environ.get("HTTP_AUTHORIZATION") or "")),
        client_certificate_der=environ.get(CLIENT_CERTIFICATE),
        remote=str(environ.get("REMOTE_ADDR") or ""),
    )


def version_asked(environ: dict[str, Any]) -> SoapVersion:
    """The version that the media type claims; 1.1 when it claims none."""
    name = _media_type(str(environ.get("CONTENT_TYPE") or "")).name
    return SoapVersion.V12 if name == SoapVersion.V12.media_type else SoapVersion.V11


@functools.lru_cache(maxsize=256)
def _media_type(content_type: str) -> _MediaType:
    message = Message()
    # The library's parser is quadratic, and what is longer is no media type of ours.
    content_type = content_type if len(content_type) <= _LONGEST_MEDIA_TYPE else ""
    message["Content-Type"] = content_type
    charset, action = message.get_param("charset"), message.get_param("action")
    return _MediaType(
        name=message.get_content_type() if content_type else "",
        # In the form of RFC 2231 it is a tuple, which names no encoding we take.
        charset=None if charset is None else str(charset),
        action=action if isinstance(action, str) else "",
    )


def _body(environ: dict[str, Any], limit: int) -> bytes:
    size = _declared_size(environ)
    if size is not None and size > limit:
        raise _too_large(size, limit)
    body: bytes = environ["wsgi.input"].read(limit + 1 if size is None else size)
    if not body:
        raise errors.LimitExceeded(code="RCV-005")
    if len(body) > limit:
        raise _too_large(len(body), limit)
    if size is not None and len(body) < size:
        raise errors.LimitExceeded(f"{len(body)} < {size} bytes.", code="RCV-004")
    return body


def _declared_size(environ: dict[str, Any]) -> int | None:
    """Bytes to read; None for a body without a length that the server ends by itself."""
    text = str(environ.get("CONTENT_LENGTH") or "")
    if text.isascii() and text.isdigit():
        return int(text)
    # Without a length, reading from a kept-alive connection would never end.
    return None if environ.get("wsgi.input_terminated") else 0


def _too_large(size: int, limit: int) -> errors.LimitExceeded:
    return errors.LimitExceeded(f"{size} bytes; limits.body_bytes = {limit}.", code="RCV-001")


def _honouring_charset(body: bytes, charset: str | None) -> bytes:
    """The body in the encoding HTTP names, which outranks the XML declaration (RFC 7303, 3.2).

    The common case, UTF-8 in both places, costs no copy.
    """
    if charset is None:
        return body
    name = charset.strip().lower()
    if not _CHARSETS.fullmatch(name):
        raise errors.NotWellFormed(f"charset={charset[:40]!r}", code="XML-003")
    declared = _DECLARATION.match(body[:200].decode("latin-1").removeprefix("ï»¿"))
    if name in {"utf-8", "utf8"} and (not declared or declared[2].lower() == "utf-8"):
        return body
    return _recoded(body, name)


def _recoded(body: bytes, charset: str) -> bytes:
    try:
        text = body.decode(charset)
    except (LookupError, UnicodeDecodeError) as error:
        raise errors.NotWellFormed(f"charset={charset}: {error}", code="XML-003") from error
    declared = _DECLARATION.match(text[:200])
    if declared:
        # White space of the same length keeps lines and columns where the sender sees them.
        text = " " * len(declared[1]) + text[declared.end(1) :]
    return text.removeprefix("\ufeff").encode("utf-8")


def _token(header: str) -> tuple[str, str] | None:
    """The pair in `Bearer CODE:TOKEN`, or in basic authorization, which old stacks can do."""
    if not header:
        return None
    scheme, _, value = header.strip().partition(" ")
    try:
        if scheme.lower() == "basic":
            pair = pybase64.b64decode(value.strip(), validate=True).decode("utf-8")
        elif scheme.lower() == "bearer":
            # WSGI gives header bytes as Latin-1 (PEP 3333).
            pair = value.strip().encode("latin-1").decode("utf-8")
        else:
            return None
    except (ValueError, UnicodeError) as error:
        raise errors.NotAuthorised("Authorization", code="AUT-001", stage="service") from error
    code, found, token = pair.partition(":")
    if not found:
        raise errors.NotAuthorised(
            "Authorization: Bearer CODE:TOKEN", code="AUT-001", stage="service"
        )
    return code.strip(), token.strip()
