"""The request as evidence: as it arrived, but for the token, which is a secret and proves nothing later."""

from __future__ import annotations

import re

from lxml import etree

from bus.edxml.paths import local_name
from bus.edxml.possessive import possessive

#: A Token element with text or CDATA, in any encoding in which markup is ASCII; what looks like one
#: in a comment, an instruction or a CDATA section is passed over with it.
_TOKEN = re.compile(
    possessive(
        rb"<!--(?>(?:[^-]++|-(?!->))*)-->|<\?(?>(?:[^?]++|\?(?!>))*)\?>"
        rb"|<!\[CDATA\[[^\]]*+(?>(?:\](?!\]>)[^\]]*+)*)\]\]>"
        rb"|(<(?:[\w.\-]+:)?Token(?:\s[^>]*)?>)"
        rb"((?>(?:[^<]++|<!\[CDATA\[[^\]]*+(?>(?:\](?!\]>)[^\]]*+)*)\]\]>)*))(?=</)"
    )
)
#: Most times that an envelope may name a token: each costs a look at what follows it.
_MOST = 16


def masked(raw: bytes, xml: bytes, envelope: etree._Element) -> bytes | None:
    """The raw request with every token in its envelope replaced by stars, one for each byte.

    `xml` is the envelope's text as it was read. None where tokens cannot be found in the raw
    bytes (another encoding, an encoded part): then the packed form, which never holds any, has
    to stand for the request.
    """
    tokens = [one for one in envelope.iter(etree.Element) if local_name(one) == "Token"]
    secrets = [one.text.strip().encode() for one in tokens if one.text and one.text.strip()]
    if not secrets:
        return raw
    at = raw.find(xml)
    if at < 0 or xml.count(b"Token") > _MOST:
        return None
    found = [match for match in _TOKEN.finditer(xml) if match[1]]
    clean = bytearray(xml)
    for match in found:
        clean[match.start(2) : match.end(2)] = b"*" * len(match[2])
    if len(found) < len(secrets) or any(secret in clean for secret in secrets):
        return None
    return b"".join((raw[:at], clean, raw[at + len(xml) :]))
