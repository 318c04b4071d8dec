"""The request as evidence: as it arrived, but for the token, which is a secret and proves nothing later."""

from __future__ import annotations

import re

from lxml import etree

from bus.edxml.paths import local_name

#: A Token element with text or CDATA, in any encoding in which markup is ASCII.
_TOKEN = re.compile(
    rb"(<(?:[\w.\-]+:)?Token(?:\s[^>]*)?>)((?:[^<]|<!\[CDATA\[.*?\]\]>)*)(?=</)", re.DOTALL
)


def masked(raw: bytes, xml: bytes, envelope: etree._Element) -> bytes | None:
    """The raw request with every token in its envelope replaced by stars, one for each byte.

    `xml` is the envelope's text as it was read. None where tokens cannot be found in the raw
    bytes (another encoding, an encoded part): then the packed form, which never holds any, has
    to stand for the request.
    """
    tokens = [one for one in envelope.iter(etree.Element) if local_name(one) == "Token"]
    wanted = sum(1 for one in tokens if one.text)
    at = raw.find(xml)
    found = sum(1 for match in _TOKEN.finditer(xml) if match[2])
    if wanted and (at < 0 or found < wanted):
        return None
    clean = _TOKEN.sub(lambda match: match[1] + b"*" * len(match[2]), xml) if wanted else xml
    return raw[:at] + clean + raw[at + len(xml) :] if wanted else raw
