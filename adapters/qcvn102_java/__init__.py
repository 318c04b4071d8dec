"""QCVN 102:2016 as the Java SDK of the national axis writes it: the default of its family."""

from __future__ import annotations

from bus.edxml.codec import JAVA, Qcvn102, is_edxml, is_serialised_by_dotnet


def recognises(body: bytes) -> bool:
    """Whether a body is QCVN 102 edXML without the marks of another dialect of the family."""
    return is_edxml(body) and not is_serialised_by_dotnet(body)


DIALECT = Qcvn102(name="qcvn102_java", flavour=JAVA, recogniser=recognises)
