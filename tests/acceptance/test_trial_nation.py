"""The whole main job as `make run` shows it, and the same with the bus killed at every border."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support import crashing_bus

from bus.dev.nation import found, free_port
from bus.dev.story import Story


def test_dev_once_checks_every_hop_and_exits_zero(tmp_path: Path) -> None:
    """`bus dev --once` exchanges signed documents between three processes and finds nothing wrong."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bus",
            "dev",
            "--once",
            "--json",
            "--port",
            "0",
            "--dir",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    events = json.loads(done.stdout)
    kinds = Counter(event["event"] for event in events)
    assert kinds["sent"] == 2
    assert kinds["received"] == 3
    assert kinds["status"] == 9
    codes = [e["code"] for e in events if e["event"] == "status" and e["from"] == "H17"]
    assert codes == ["01", "03", "06"]


@pytest.mark.timeout(600)
def test_a_bus_killed_at_every_border_still_ends_right(tmp_path: Path) -> None:
    """SIGKILL before and after every step and store call, once each: nothing is lost or doubled."""
    markers = tmp_path / "markers"
    markers.mkdir()
    nation = found(tmp_path / "nation", free_port())
    story = Story(nation, print, serve=(crashing_bus.__file__, str(markers)))
    try:
        story.start()
        story.tell_all(first_number=1)
    finally:
        story.stop()
    assert {path.name for path in markers.iterdir()} == set(crashing_bus.BORDERS)
    received = Counter(
        (event["agency"], event["documentId"])
        for event in story.events
        if event["event"] == "received"
    )
    assert set(received.values()) == {1}
    assert len(received) == 3
