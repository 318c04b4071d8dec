"""Multipart requests written by hand, as wrongly as a test wants them."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterable
from dataclasses import dataclass, field

from support.soap_edge import SOAP11, SOAP12

XOP = 'xmlns:xop="http://www.w3.org/2004/08/xop/include"'
#: Media type of an envelope by the namespace of its version.
MEDIA = {SOAP11: "text/xml", SOAP12: "application/soap+xml"}


@dataclass(frozen=True)
class Piece:
    """One part: its bytes, and how they are labelled and encoded."""

    content: bytes = field(repr=False)
    cid: str | None = None
    media: str | None = "application/octet-stream"
    encoding: str | None = None
    #: Further header lines, or wrong ones.
    headers: tuple[str, ...] = ()

    def written(self, eol: bytes) -> bytes:
        """The part between its boundaries, without the line break that belongs to the next one."""
        lines = list(self.headers)
        if self.media is not None:
            lines.append(f"Content-Type: {self.media}")
        if self.encoding is not None:
            lines.append(f"Content-Transfer-Encoding: {self.encoding}")
        if self.cid is not None:
            lines.append(f"Content-ID: <{self.cid}>")
        head = b"".join(line.encode("latin-1") + eol for line in lines)
        return head + eol + self._encoded()

    def _encoded(self) -> bytes:
        name = (self.encoding or "").lower()
        if name == "base64":
            return base64.encodebytes(self.content).replace(b"\n", b"\r\n")
        return quopri.encodestring(self.content) if name == "quoted-printable" else self.content


def joined(
    pieces: Iterable[Piece],
    *,
    boundary: str = "=_b",
    eol: bytes = b"\r\n",
    preamble: bytes = b"",
    epilogue: bytes = b"",
) -> bytes:
    """The multipart body of some parts."""
    dash = b"--" + boundary.encode()
    before = preamble + eol if preamble else b""
    body = b"".join(dash + eol + piece.written(eol) + eol for piece in pieces)
    return before + body + dash + b"--" + eol + epilogue


def related(
    *, boundary: str = "=_b", root_type: str = "application/xop+xml", **parameters: str
) -> str:
    """The Content-Type of a multipart/related body; `start_info` is start-info."""
    told = {name.replace("_", "-"): value for name, value in parameters.items()}
    more = "".join(f'; {name}="{value}"' for name, value in told.items())
    return f'multipart/related; type="{root_type}"; boundary="{boundary}"{more}'


def include(cid: str) -> str:
    """An xop:Include."""
    return f'<xop:Include {XOP} href="cid:{cid}"/>'
