"""Our own samples of eDoc 1.0: message → canonical message → eDoc and edXML, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

import adapters
from adapters.edoc_soap import DIALECT
from adapters.qcvn102_dotnet import DIALECT as DOTNET
from adapters.qcvn102_java import DIALECT as JAVA
from bus.edxml.catalogue import SchemaName, validate
from bus.model import FieldFate, Message, Severity
from tests.golden.test_qcvn102_golden import shown

FOLDER = Path(adapters.__file__).parent / "edoc_soap" / "samples"
GOLDEN = Path(__file__).parent / "edoc_soap"
EVERY = pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.iterdir()))
OTHERS = (JAVA, DOTNET)


def sample(name: str) -> bytes:
    return (FOLDER / f"{name}.xml").read_bytes()


def message(name: str) -> Message:
    return DIALECT.read(DIALECT.parse(sample(name))).message


@EVERY
def test_edoc_samples_read_as_agreed(name: str) -> None:
    """Each sample is recognised by this dialect alone, breaks no rule and means what is on file."""
    assert DIALECT.recognises(sample(name))
    assert not [other for other in OTHERS if other.recognises(sample(name))]
    parsed = DIALECT.parse(sample(name))
    reading = DIALECT.read(parsed)
    assert not [p for p in (*parsed.problems, *reading.problems) if p.severity is Severity.REJECT]
    lost = [loss for loss in reading.losses if loss.fate is not FieldFate.SUPPLIED]
    assert [loss.path.rpartition("/")[2] for loss in lost] in ([], ["Secret"])
    assert shown(reading.message) == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@EVERY
@pytest.mark.parametrize("target", [DIALECT, JAVA], ids=lambda dialect: dialect.name)
def test_edoc_samples_are_written_as_agreed(name: str, target: object) -> None:
    """Each sample is written again in eDoc and in edXML as is on file, compared as canonical XML."""
    written = target.write(message(name)).content
    agreed = (GOLDEN / f"{name}.{target.name}.xml").read_bytes()
    assert etree.tostring(etree.fromstring(written), method="c14n") == etree.tostring(
        etree.fromstring(agreed), method="c14n"
    )


def test_a_full_document_is_written_as_the_strict_schema_demands() -> None:
    """Every block of a document of CV 2803 fulfils the schema of what the bus writes."""
    parts = DIALECT.parse(DIALECT.write(message("document_2803")).content).content
    for block in parts.blocks:
        assert validate(block, SchemaName.EDOC_OUTBOUND) == ()
