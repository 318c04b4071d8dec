"""One HTTP request for a SOAP operation: its body within limits, its claims read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pybase64

from bus import errors
from bus.config import LimitSettings
from bus.envelope import xop
from bus.envelope.media_type import MediaType, read_media_type
from bus.envelope.package import MULTIPART, Attachments, open_package
from bus.envelope.soap import SoapVersion

#: WSGI environment key, and key of the ASGI scope before it, under which the web edge hands over the
#: client certificate (DER) that a trusted TLS terminator presented. No HTTP header can set it.
CLIENT_CERTIFICATE = "lienthong.client_certificate_der"

_BY_MEDIA_TYPE = {version.media_type: version for version in SoapVersion}
#: How far into a body of unknown kind the name of an envelope is looked for, bytes.
_PEEK_BYTES = 2048
#: Encodings in which markup is ASCII; others could hide it from the byte scanner of `limits`.
_CHARSETS = re.compile(r"utf-?8|utf-16(le|be)?|us-ascii|ascii|iso-8859-\d{1,2}|windows-125\d")
#: A quality of zero, which means "not this" (RFC 9110 §12.4.2).
_REFUSED = re.compile(r";\s*q=0(\.0*)?\s*(;|$)")
_DECLARATION = re.compile(r"^\ufeff?(<\?xml[^>]*?\sencoding\s*=\s*[\"']([\w.\-]+)[\"'][^>]*?\?>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client sent; `raw` is the body as it arrived."""

    raw: bytes = field(repr=False)
    content_type: str
    #: The version that the media types claim, 1.1 when they claim none.
    version: SoapVersion
    #: Operation named by SOAPAction (1.1) or the action parameter (1.2); "" when none is.
    action: str
    #: What came beside the envelope; None for a body that is no multipart.
    attachments: Attachments | None = field(default=None, repr=False)
    #: Whether binary values of the envelope stand beside it (MTOM).
    optimised: bool = False
    #: Whether the client wants binary values of the reply beside it.
    wants_optimised: bool = False
    #: (agency code, secret) of a bearer or basic authorization.
    token: tuple[str, str] | None = field(repr=False)
    client_certificate_der: bytes | None = field(repr=False)
    remote: str
    #: Where on this host it came in.
    path: str
    _xml: list[bytes] = field(repr=False)

    def take_xml(self) -> bytes:
        """The envelope in its own encoding, given out once: in a multipart body it is a copy."""
        return self._xml.pop()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The envelope of a body and what belongs to it."""

    media: MediaType
    xml: bytes = field(repr=False)
    attachments: Attachments | None = field(default=None, repr=False)


def read_request(environ: dict[str, Any], limits: LimitSettings) -> Request:
    """Read a POST request; the body is in memory afterwards.

    Raises ProtocolRejected SVC-008 (media type), MIM-001, MIM-002, MIM-004 (multipart body),
    NotAuthorised AUT-001 (authorization cannot be read), LimitExceeded RCV-001, RCV-004 (cut
    short), RCV-005 (empty), RCV-006 (parts), NotWellFormed XML-003.
    """
    content_type = str(environ.get("CONTENT_TYPE") or "")
    media = read_media_type(content_type)
    if media.name not in _BY_MEDIA_TYPE and not _is_multipart(media):
        raise _strange(content_type)
    raw = _body(environ, limits.body_bytes)
    content = _content(raw, media, limits)
    optimised = content.media.name == xop.MEDIA_TYPE
    return Request(
        raw=raw,
        _xml=[content.xml],
        content_type=content_type,
        version=_claimed(content.media, media),
        action=_action(content.media, media) or _bare(str(environ.get("HTTP_SOAPACTION") or "")),
        attachments=content.attachments,
        optimised=optimised,
        wants_optimised=optimised or _accepts_xop(str(environ.get("HTTP_ACCEPT") or "")),
        token=_token(str(environ.get("HTTP_AUTHORIZATION") or "")),
        client_certificate_der=environ.get(CLIENT_CERTIFICATE),
        remote=str(environ.get("REMOTE_ADDR") or ""),
        path=str(environ.get("SCRIPT_NAME") or "") + str(environ.get("PATH_INFO") or ""),
    )


def version_asked(environ: dict[str, Any]) -> SoapVersion:
    """The version that the media type claims; when it claims none, that of the envelope.

    1.1 when neither tells, or the body has not arrived. The body is as if never read.
    """
    media = read_media_type(str(environ.get("CONTENT_TYPE") or ""))
    claimed = _named(media, media)
    if claimed is None and _spoken_in_body(SoapVersion.V12, environ):
        return SoapVersion.V12
    return claimed or SoapVersion.V11


def _spoken_in_body(version: SoapVersion, environ: dict[str, Any]) -> bool:
    body = environ.get("wsgi.input")
    if environ.get("REQUEST_METHOD") != "POST" or body is None or not body.seekable():
        return False
    start: bytes = body.read(_PEEK_BYTES)
    body.seek(0)
    return version.namespace.encode() in start


def _is_multipart(media: MediaType) -> bool:
    return media.name == MULTIPART and bool(media.get("boundary"))


def _content(raw: bytes, media: MediaType, limits: LimitSettings) -> _Content:
    if media.name != MULTIPART:
        return _Content(media=media, xml=_honouring_charset(raw, media.parameters.get("charset")))
    package = open_package(raw, media, limits)
    # A root part that says nothing of itself is what the whole says it is (RFC 2387 §3.1).
    own = package.root.media if package.root.media.name else read_media_type(media.get("type"))
    if own.name != xop.MEDIA_TYPE and own.name not in _BY_MEDIA_TYPE:
        raise _strange(own.name)
    xml = _honouring_charset(bytes(package.root.content()), own.parameters.get("charset"))
    package.attachments.take(len(xml))
    return _Content(media=own, xml=xml, attachments=package.attachments)


def _claimed(media: MediaType, whole: MediaType) -> SoapVersion:
    return _named(media, whole) or SoapVersion.V11


def _named(media: MediaType, whole: MediaType) -> SoapVersion | None:
    """The version by the envelope's own media type, then by what the whole says of it."""
    plain = _BY_MEDIA_TYPE.get(media.name)
    if plain is not None:
        return plain
    named = (media.get("type"), whole.get("start-info"), whole.get("type"))
    found = (_BY_MEDIA_TYPE.get(read_media_type(name).name) for name in named)
    return next(filter(None, found), None)


def _action(media: MediaType, whole: MediaType) -> str:
    """The action parameter, which stacks put into any of these places (MTOM §4.2)."""
    if whole.name != MULTIPART:
        return _bare(media.get("action"))
    inner = (read_media_type(text) for text in (media.get("type"), whole.get("start-info")))
    return next(filter(None, (_bare(m.get("action")) for m in (media, whole, *inner))), "")


def _bare(action: str) -> str:
    return action.strip().strip("\"'").strip()


def _accepts_xop(accept: str) -> bool:
    """Whether an Accept header asks for XOP by name.

    A bare `multipart/related` is no such wish: JAX-WS says it on every call.
    """
    accept = accept.lower()
    return xop.MEDIA_TYPE in accept and any(
        xop.MEDIA_TYPE in item and not _REFUSED.search(item) for item in accept.split(",")
    )


def _strange(media: str) -> errors.ProtocolRejected:
    return errors.ProtocolRejected(repr(media[:100]), code="SVC-008")


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
