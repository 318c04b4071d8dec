"""Many senders at once: nothing of one request ends up with another."""

from __future__ import annotations

from pathlib import Path

from tests.clients.live_bus import live_bus
from tests.clients.senders import Load, policies


def test_parallel_senders_never_see_each_other(tmp_path: Path) -> None:
    """Every body, receipt, fault and delivery of 50 parallel senders belongs to its own request."""
    with live_bus(tmp_path / "bus", **policies()) as bus:
        load = Load(bus, documents=600)
        load.send(connections=50)
        load.look_into_the_store()
    assert load.mixed == []
    assert len(load.accepted) + len(load.refused) == 600
    assert len(load.refused) == sum(n % 16 in {3, 7, 11} for n in range(1, 601))
