"""The QCVN 102 family as a dialect: one reader for all, one writing flavour each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bus.config import LimitSettings
from bus.edxml import parser
from bus.edxml.catalogue import SchemaName, crowded, violations
from bus.edxml.codec.flavour import Flavour
from bus.edxml.codec.reader import read
from bus.edxml.codec.skeleton import Skeleton, take_apart
from bus.edxml.codec.writer import write
from bus.errors import Defect, SchemaRejected
from bus.model import Message
from bus.ports import Parsed, Reading, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Qcvn102:
    """A dialect of the family `qcvn102` (port Dialect); each reads the bytes of every other."""

    name: str
    flavour: Flavour
    #: Whether a body is this dialect's own; the dialects of the family must not overlap.
    recogniser: Callable[[bytes], bool]
    #: What all zipped attachments of one message may unpack to, bytes.
    unpacked_bytes: int = LimitSettings().unpacked_bytes

    @property
    def family(self) -> str:
        """The family: all its dialects read each other's bytes."""
        return "qcvn102"

    def limited(self, limits: LimitSettings) -> Qcvn102:
        """Return the same dialect under the operator's limits."""
        return replace(self, unpacked_bytes=limits.unpacked_bytes)

    def recognises(self, body: bytes) -> bool:
        """Tell by root, namespace and marks in the first kilobytes, without parsing."""
        return self.recogniser(body)

    def parse(self, body: bytes) -> Parsed:
        """Parse a body that passed the byte scanner, and validate it by the tolerant schema.

        Raises NotWellFormed, or SchemaRejected when nothing in it can be read (E02) or there
        is too much to read (XSD).
        """
        skeleton = take_apart(parser.parse(body))
        if crowd := crowded(skeleton.root):
            # Each child would be read and looked up before the message is refused anyway.
            raise SchemaRejected(path=crowd[0].path, line=crowd[0].line, problems=crowd)
        problems = violations(skeleton.root, SchemaName.QCVN102_INBOUND)
        return Parsed(content=skeleton, problems=problems)

    def read(self, parsed: Parsed) -> Reading:
        """Translate to the canonical message; Raises LimitExceeded RCV-001 for a ZIP bomb."""
        if not isinstance(parsed.content, Skeleton):
            raise Defect(f"{self.name} was given what another family parsed.")
        return read(parsed.content, unpacked_bytes=self.unpacked_bytes)

    def write(self, message: Message) -> Written:
        """Translate from the canonical message in this dialect's flavour."""
        return write(message, flavour=self.flavour)
