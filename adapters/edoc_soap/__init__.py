"""eDoc 1.0 (CV 2803, with the spellings of CV 512): SOAP 1.1 blocks with files beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.edoc_soap.message import Message as Parts
from adapters.edoc_soap.message import is_edoc, take_apart
from adapters.edoc_soap.reading import read
from adapters.edoc_soap.required import missing_tags, secrecy
from adapters.edoc_soap.writing import write
from bus.config import LimitSettings
from bus.edxml import parser
from bus.edxml.catalogue import SchemaName, crowded, validate
from bus.errors import Defect, SchemaRejected
from bus.model import Message
from bus.ports import Parsed, Reading, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class EdocSoap:
    """The dialect of hubs and clients of eDoc 1.0 (port Dialect), in packed form."""

    name: str = "edoc_soap"
    family: str = "edoc"
    #: What all zipped attachments of one message may unpack to, bytes.
    unpacked_bytes: int = LimitSettings().unpacked_bytes

    def limited(self, limits: LimitSettings) -> EdocSoap:
        """Return the same dialect under the operator's limits."""
        return replace(self, unpacked_bytes=limits.unpacked_bytes)

    def recognises(self, body: bytes) -> bool:
        """Tell by the envelope and eDoc's namespace in the first kilobytes, without parsing."""
        return is_edoc(body)

    def parse(self, body: bytes) -> Parsed:
        """Parse a body that passed the byte scanner; tags that must be there are looked for at once.

        Raises NotWellFormed, or SchemaRejected when nothing in it can be read (E02) or there is
        too much to read (XSD).
        """
        root = parser.parse(body)
        if crowd := crowded(root):
            raise SchemaRejected(path=crowd[0].path, line=crowd[0].line, problems=crowd)
        message = take_apart(root)
        found = [validate(block, SchemaName.EDOC_INBOUND) for block in message.blocks]
        problems = tuple(problem for block in found for problem in block)
        return Parsed(
            content=message, problems=(*missing_tags(message), *secrecy(message), *problems)
        )

    def read(self, parsed: Parsed) -> Reading:
        """Translate to the canonical message; Raises LimitExceeded RCV-001 for a ZIP bomb."""
        if not isinstance(parsed.content, Parts):
            raise Defect(f"{self.name} was given what another dialect parsed.")
        return read(parsed.content, unpacked_bytes=self.unpacked_bytes)

    def write(self, message: Message) -> Written:
        """Translate from the canonical message."""
        return write(message)


DIALECT = EdocSoap()
