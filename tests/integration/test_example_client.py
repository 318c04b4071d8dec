"""The Python example of the integrator's kit, and whether the questions to the store can fail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import evidence, example
from tests.clients.live_bus import LiveBus, live_bus
from tests.clients.matrix import CLIENTS, MODES, VERSIONS

ZEEP = next(client for client in CLIENTS if client.folder == "python")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBus]:
    with live_bus(tmp_path_factory.mktemp("live") / "bus") as served:
        yield served


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What `build` would make; the libraries of the example are in this environment already."""
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "venv").symlink_to(sys.prefix)
    return folder


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", MODES)
def test_the_python_example_does_what_it_shows(
    bus: LiveBus, built: Path, version: str, mode: str
) -> None:
    """It sends, lists, fetches, acknowledges, checks signed replies, decodes the typed fault."""
    outcome = example.run(ZEEP, bus, built, version, mode)
    assert outcome.green, outcome
    assert ("verify" in outcome.told) is (mode == "signed")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUBJECT", "V/v ket noi"),
        ("NUMBER", "0"),
        ("TIMESTAMP", "2020/01/01 00:00:00"),
        ("RECIPIENT", "H17"),
        ("DOCUMENT_ID", "G09,2020/01/01,0/UBND-VP"),
        ("SOAP", "1.2"),
        ("MODE", "signed"),
        ("MODE", "mtom"),
    ],
)
def test_a_difference_is_seen(
    bus: LiveBus, built: Path, tmp_path: Path, name: str, value: str
) -> None:
    """A value that is not the one in the bus's store turns a cell red, whatever the client says."""
    facts = example.order(bus, tmp_path, "1.1", "plain")
    outcome = example.carry_out(ZEEP, built, facts)
    evidence.check_exchange(bus.database, outcome.told, facts)
    with pytest.raises(evidence.Untrue):
        evidence.check_exchange(bus.database, outcome.told, facts | {f"EXCHANGE_{name}": value})


def test_one_changed_byte_is_seen(bus: LiveBus, built: Path, tmp_path: Path) -> None:
    """An attachment or a fetched message that differs in one byte turns a cell red."""
    facts = example.order(bus, tmp_path, "1.1", "plain")
    outcome = example.carry_out(ZEEP, built, facts)
    for name in ("ATTACHMENT", "FETCHED"):
        path = Path(facts[f"EXCHANGE_{name}"])
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(evidence.Untrue):
            evidence.check_exchange(bus.database, outcome.told, facts)
        path.write_bytes(content)
    evidence.check_exchange(bus.database, outcome.told, facts)
