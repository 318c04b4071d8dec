"""`bus dev` as a person has it: a letter to send by hand, and an end without leftovers."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.running_dev import Running, bus_dev

from bus.dev.nation import usual_port


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One trial nation for all tests that do not end it."""
    with bus_dev(tmp_path_factory.mktemp("dev")) as up:
        yield up


def test_the_printed_command_sends_the_sample_letter(running: Running) -> None:
    """The command works as printed, and the recipient has the letter a moment later."""
    command = next(line for line in running.lines if " send " in line and "letter.edxml" in line)
    letter = (running.folder / "var/dev/letter.edxml").read_bytes()
    assert b"SignatureValue" not in letter
    done = subprocess.run(
        command, shell=True, cwd=running.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("stored as ")
    received = running.read_until("nhận / received")
    assert "H17" in received
    assert "digest ✓" in received


def test_the_printed_trace_command_shows_the_letter(running: Running) -> None:
    """The trace command works as printed when the id of the receipt is filled in."""
    send = next(line for line in running.lines if " send " in line and "letter.edxml" in line)
    again = subprocess.run(
        send, shell=True, cwd=running.folder, capture_output=True, text=True, check=False
    )
    message_id = again.stdout.split()[2].rstrip(",")
    trace = next(line for line in running.lines if "messages trace" in line)
    done = subprocess.run(
        trace.replace("MESSAGE_ID", message_id),
        shell=True,
        cwd=running.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "H17" in done.stdout


def test_a_second_nation_in_the_folder_is_refused(running: Running) -> None:
    """`bus dev` in an occupied folder ends at once, names the owner and changes nothing."""
    conf = running.folder / "var/dev/conf/bus.toml"
    before = conf.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "bus", "dev", "--once"],
        cwd=running.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "CFG-011" in done.stderr
    assert str(running.process.pid) in done.stderr
    assert conf.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM or a closed terminal: exit 0, no stack trace, no process left."""
    with bus_dev(tmp_path) as up:
        up.process.send_signal(number)
        rest, _ = up.process.communicate(timeout=60)
        assert up.process.returncode == 0
        assert "Traceback" not in rest
        assert not up.leftovers()
    for log in up.folder.rglob("*.log"):
        assert "Traceback" not in log.read_text(encoding="utf-8")


def test_nothing_outlives_a_killed_nation(tmp_path: Path) -> None:
    """SIGKILL of `bus dev` ends the bus and every agency, and the folder is free again."""
    with bus_dev(tmp_path) as up:
        assert len(up.family) >= 4
        up.process.kill()
        assert not up.leftovers()
        again = subprocess.run(
            [sys.executable, "-m", "bus", "dev", "--once", "--port", "0"],
            cwd=up.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert again.returncode == 0, again.stderr


def test_an_interrupted_start_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM in the middle of the story ends every process that was started so far."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bus", "dev", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Running(process, tmp_path)
    running.read_until("starting three agencies")
    running.family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert not running.leftovers()


def test_the_usual_port_gives_way_to_whoever_has_it() -> None:
    """A free port is taken as it is; one with a listener is passed over."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert usual_port(port) != port
    assert usual_port(port) == port
