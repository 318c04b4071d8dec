"""Messages that the SDK of the national axis publishes: checked, accepted, carried, nothing lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pybase64
import pytest
from support.outside import until
from support.running_bus import NATION, TOKEN, RunningBus, agency, running_bus

from bus.client import ExchangeClient
from bus.inspection import inspect_file, tools
from bus.model import DeliveryState, Document, FieldFate, Message, RecipientState

#: What reference notes on these files predict: junk before the declaration, a signature in the
#: wrong namespace (SHA-1, cut-off certificate, unknown transform), a code of no known form.
PREDICTED = {
    "edoc_new": ("E01", "SIG-LEGACY", "E19", "E16"),
    "edoc_update": ("SIG-LEGACY", "E19"),
    "edoc_replacement": ("SIG-LEGACY", "E19"),
}
STATUSES = (
    "status",
    "status_inbox_01",
    "status_rejection_02",
    "status_acceptance_03",
    "status_assignment_04",
    "status_processing_05",
    "status_finish_06",
    "status_cancellation_13",
    "status_change-acceptance_15",
    "status_change-rejection_16",
)
NAMES = pytest.mark.parametrize("name", [*PREDICTED, *STATUSES])


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A bus whose agencies are those of the samples: all may use tokens and legacy signatures."""
    lenient = next(one for one in NATION if one.code == TOKEN[0]).policy
    agencies = (
        agency("G22", policy=lenient),
        agency("H41", policy=lenient, dialect="qcvn102_dotnet"),
        agency("002.00.20.H13", policy=lenient),
        agency("H14"),
        agency("G17", dialect="qcvn102_dotnet"),
    )
    with running_bus(tmp_path_factory.mktemp("samples"), agencies=agencies) as running:
        yield running


@pytest.fixture
def sample(samples: Path, name: str) -> Path:
    """One file."""
    return samples / "vxp-sdk" / f"{name}.edxml"


def read(bus: RunningBus, content: bytes, dialect: str = "qcvn102_java") -> Message:
    """The canonical message."""
    found = bus.app.parts.dialects.get(dialect)
    return found.read(found.parse(content)).message


@NAMES
def test_a_sample_passes_check(bus: RunningBus, sample: Path, name: str) -> None:
    """`bus check` accepts it with exactly the predicted warnings and an empty loss list."""
    report = inspect_file(sample, tools(bus.app.settings))
    assert report.acceptable is True
    assert tuple(dict.fromkeys(p.rule for p in report.problems)) == PREDICTED.get(name, ())
    print(f"{name}: losses {report.losses}")
    assert report.losses == ()


@NAMES
def test_a_sample_is_accepted_and_kept_as_it_came(bus: RunningBus, sample: Path, name: str) -> None:
    """Sent by an agency that may use legacy signatures it gets a receipt with those warnings."""
    content = sample.read_bytes()
    trimmed = content[content.index(b"<") :]
    sender = bus.app.database.directory.find(str(read(bus, trimmed).sender.organ_id))
    assert sender is not None
    receipt = ExchangeClient(bus.url, token=(sender.code, TOKEN[1])).send_package(content).receipt
    assert receipt.warnings == PREDICTED.get(name, ())
    assert receipt.digest == hashlib.sha256(trimmed).hexdigest()
    store = bus.app.database.store
    assert store.body(receipt.message_id) == trimmed
    assert pybase64.b64encode(content) in store.evidence(receipt.message_id)[0]
    for copy in receipt.recipients:
        arrived(bus, receipt.message_id, copy, read(bus, trimmed))


def arrived(bus: RunningBus, message_id: str, copy: RecipientState, message: Message) -> None:
    """Every registered recipient gets the same message in its own dialect; others are parked."""
    agency = bus.app.database.directory.find(copy.recipient)
    if agency is None:
        assert (copy.state, copy.reason) == (DeliveryState.PARKED, "RTE-002")
        return
    client = bus.client(agency.code)
    until(lambda: any(one.message_id == message_id for one in client.list_pending().items))
    fetched = client.get_message(message_id)
    assert fetched.dialect == agency.dialect
    found = read(bus, fetched.content, fetched.dialect)
    assert said(found, fetched.dialect) == said(message, fetched.dialect)


def said(message: Message, dialect: str = "qcvn102_java") -> Message:
    """What a message says: files packed anew have other bytes on the wire, the bus adds its mark.

    The .NET dialect has no ZIP around a file: the file itself is what must be the same.
    """
    if not isinstance(message, Document):
        return replace(message, extensions=())
    files = tuple(replace(item, wire_sha256="") for item in message.attachments)
    if dialect == "qcvn102_dotnet":
        files = tuple(
            replace(item, zipped=False, content_type=None, manifest=None) for item in files
        )
    return replace(message, attachments=files, extensions=())


@NAMES
@pytest.mark.parametrize("dialect", ["qcvn102_java", "qcvn102_dotnet"])
def test_a_sample_round_trips_without_loss(bus: RunningBus, sample: Path, dialect: str) -> None:
    """Read, written in either dialect and read again it says the same."""
    content = sample.read_bytes()
    message = read(bus, content[content.index(b"<") :])
    written = bus.app.parts.dialects.get(dialect).write(message)
    print(f"{sample.name} as {dialect}: losses {written.losses}")
    assert [loss for loss in written.losses if loss.fate is FieldFate.LOST] == []
    assert dialect == "qcvn102_dotnet" or written.losses == ()
    assert said(read(bus, written.content, dialect), dialect) == said(message, dialect)
