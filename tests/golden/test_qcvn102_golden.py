"""Our own samples of each dialect: request → canonical message → answer, byte for byte."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import zipfile
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

import adapters
from adapters.qcvn102_dotnet import DIALECT as DOTNET
from adapters.qcvn102_java import DIALECT as JAVA
from bus.edxml.codec import Qcvn102
from bus.model import Message, Severity

DIALECTS = {dialect.name: dialect for dialect in (JAVA, DOTNET)}
ADAPTERS = Path(adapters.__file__).parent
GOLDEN = Path(__file__).parent
SAMPLES = sorted(
    path.relative_to(ADAPTERS) for name in DIALECTS for path in (ADAPTERS / name).glob("samples/*")
)
EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=str)


def load(sample: Path) -> tuple[Qcvn102, bytes, Path]:
    dialect = DIALECTS[sample.parts[0]]
    return dialect, (ADAPTERS / sample).read_bytes(), GOLDEN / dialect.name / sample.stem


def plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8")
    raise TypeError(type(value))


def shown(message: Message) -> str:
    fields = {"kind": type(message).__name__, **dataclasses.asdict(message)}
    return json.dumps(fields, default=plain, ensure_ascii=False, indent=2) + "\n"


@EVERY
def test_samples_read_as_agreed(sample: Path) -> None:
    """Each sample is recognised by its own dialect, reads without loss, and means what is on file."""
    dialect, content, golden = load(sample)
    assert [d.name for d in DIALECTS.values() if d.recognises(content)] == [dialect.name]
    parsed = dialect.parse(content)
    reading = dialect.read(parsed)
    assert not [item for item in reading.problems if item.severity is Severity.REJECT]
    assert (parsed.problems, reading.losses) == ((), ())
    assert shown(reading.message) == golden.with_suffix(".json").read_text(encoding="utf-8")


@EVERY
@pytest.mark.parametrize("target", DIALECTS)
def test_samples_are_written_as_agreed(sample: Path, target: str) -> None:
    """Each sample is written in either dialect as is on file, compared as canonical XML."""
    dialect, content, golden = load(sample)
    message = dialect.read(dialect.parse(content)).message
    written = DIALECTS[target].write(message).content
    agreed = golden.with_name(f"{golden.name}.{target}.edxml").read_bytes()
    assert canonical(written) == canonical(agreed)


def canonical(content: bytes) -> bytes:
    root = etree.fromstring(content)
    for payload in root.iter("{*}ContentTransferEncoded"):
        wire = base64.b64decode(payload.text or "")
        if wire.startswith(b"PK"):
            # Deflate may differ between machines; the file in the ZIP may not.
            with zipfile.ZipFile(io.BytesIO(wire)) as archive:
                (entry,) = archive.infolist()
                payload.text = f"{entry.filename}: {archive.read(entry).hex()}"
    return etree.tostring(root, method="c14n")


@EVERY
def test_either_dialect_reads_the_other(sample: Path) -> None:
    """Dialects of the family read each other's bytes to the same message."""
    _, content, _ = load(sample)
    first, second = (item.read(item.parse(content)).message for item in DIALECTS.values())
    assert first == second
