"""Media types with parameters, as headers of HTTP and of MIME parts write them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from types import MappingProxyType

#: Longest header that is taken apart, characters.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type; `name` is `type/subtype` in lower case, "" for what is none."""

    name: str
    #: By lower-case name, unquoted; of one that stands there twice the first counts.
    parameters: Mapping[str, str]

    def get(self, parameter: str) -> str:
        """A parameter without the white space around it; "" when it is absent."""
        return self.parameters.get(parameter, "").strip()


@functools.lru_cache(maxsize=256)
def read_media_type(text: str) -> MediaType:
    """Read the value of a Content-Type header (RFC 2045 §5.1); never raises."""
    # The library's parser is quadratic, and what is longer is no media type of ours.
    text = text if len(text) <= _LONGEST else ""
    message = Message()
    message["Content-Type"] = text
    found: dict[str, str] = {}
    for name, value in (message.get_params() or [])[1:]:
        # In the form of RFC 2231 it is a tuple, which names nothing that we take.
        found.setdefault(name.lower(), str(value))
    return MediaType(message.get_content_type() if text else "", MappingProxyType(found))
