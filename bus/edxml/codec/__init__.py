"""edXML ↔ model for QCVN 102:2016: one mapping table, read and written by data."""

from bus.edxml.codec.flavour import JAVA, Flavour, reordered
from bus.edxml.codec.qcvn102 import Qcvn102
from bus.edxml.codec.reader import read
from bus.edxml.codec.recognition import is_edxml, is_serialised_by_dotnet
from bus.edxml.codec.skeleton import Skeleton, take_apart
from bus.edxml.codec.writer import write

__all__ = [
    "JAVA",
    "Flavour",
    "Qcvn102",
    "Skeleton",
    "is_edxml",
    "is_serialised_by_dotnet",
    "read",
    "reordered",
    "take_apart",
    "write",
]
