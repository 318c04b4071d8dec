"""`bus serve` as a process: reload by saving the file, by SIGHUP and by command; signals; health."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from bus.dev.nation import ROUTES, Nation, found, free_port

HOLD = '[[route]]\nnote = "hold all"\nhold = true\n'
BAD = '[[route]]\nrecipient = "NOBODY"\ndeliver = true\nvia = "pigeon"\n'


@dataclass
class Serving:
    """One `bus serve` and the commands beside it."""

    nation: Nation
    process: subprocess.Popen[bytes]

    def bus(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a bus command with the same settings."""
        env = os.environ | {"BUS_CONF": str(self.nation.conf)}
        command = [sys.executable, "-m", "bus", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def running_version(self) -> int:
        """The version the node says it runs."""
        nodes = json.loads(self.bus("routes", "status", "--json").stdout)["nodes"]
        return max((node["routes_version"] for node in nodes), default=0)

    def active(self) -> int:
        """The version the store says is active."""
        return int(json.loads(self.bus("routes", "status", "--json").stdout)["active"])


def until(holds: Callable[[], bool], patience_s: float = 40.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A served nation without agencies."""
    nation = found(tmp_path_factory.mktemp("serve"), free_port())
    env = os.environ | {"BUS_CONF": str(nation.conf)}
    with (nation.folder / "bus.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "bus", "serve"], env=env, stderr=log)
    bus = Serving(nation, process)
    try:
        until(lambda: ready(nation) is not None)
        yield bus
    finally:
        process.kill()
        process.wait()


def ready(nation: Nation) -> int | None:
    """The HTTP status of /healthz, None when nobody answers."""
    try:
        with urllib.request.urlopen(f"{nation.base_url}/healthz", timeout=2) as answer:
            return int(answer.status)
    except OSError:
        return None


def test_saving_the_file_reloads_it(serving: Serving) -> None:
    """A saved routing file becomes the running version without any command."""
    before = serving.active()
    serving.nation.routes.write_text(HOLD, encoding="utf-8")
    until(lambda: serving.running_version() > before)
    assert serving.active() == serving.running_version()


def test_a_bad_file_never_replaces_the_running_table(serving: Serving) -> None:
    """A bad table is refused with every reason, by command and by saving, and the old one stays."""
    serving.nation.routes.write_text(HOLD + "# ok\n", encoding="utf-8")
    until(lambda: serving.bus("routes", "export").stdout == HOLD + "# ok\n")
    before = serving.active()
    serving.nation.routes.write_text(BAD, encoding="utf-8")
    refused = serving.bus("routes", "reload", "--json")
    assert refused.returncode == 1
    told = json.loads(refused.stderr)
    assert told["code"] == "RTE-004"
    assert told["problems"]
    serving.process.send_signal(signal.SIGHUP)
    time.sleep(3)
    assert serving.active() == serving.running_version() == before


def test_sighup_reloads_the_file(serving: Serving) -> None:
    """SIGHUP reads the routing file again."""
    text = ROUTES + "# again\n"
    serving.nation.routes.write_text(text, encoding="utf-8")
    serving.process.send_signal(signal.SIGHUP)
    until(lambda: serving.bus("routes", "export").stdout == text)
    until(lambda: serving.running_version() == serving.active())


def test_rollback_makes_an_older_version_the_running_one(serving: Serving) -> None:
    """`bus routes rollback` takes effect in the serving process."""
    older = serving.active()
    serving.nation.routes.write_text(HOLD + "# newer\n", encoding="utf-8")
    until(lambda: serving.running_version() > older)
    assert serving.bus("routes", "rollback", str(older), "--json").returncode == 0
    until(lambda: serving.running_version() == older)


def test_ready_names_what_it_looked_at(serving: Serving) -> None:
    """/readyz answers 200 with the facts behind it."""
    with urllib.request.urlopen(f"{serving.nation.base_url}/readyz", timeout=5) as answer:
        assert answer.status == 200
        assert b"routes" in answer.read()


def test_sigterm_ends_the_process_cleanly(serving: Serving) -> None:
    """SIGTERM stops the bus with exit code 0 and no stack trace in its log."""
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(timeout=60) == 0
    log = (serving.nation.folder / "bus.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
