"""One example program: generated, compiled and run as a process, its lines read."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bus.edxml.dates import write_instant
from tests.clients import evidence
from tests.clients.live_bus import LiveBus
from tests.clients.matrix import Client

EXAMPLES = Path(__file__).resolve().parents[2] / "wsdl" / "examples"
ATTACHMENT_BYTES = 1024 * 1024
#: Longest time a generator with its compiler, or one exchange, may take, seconds.
BUILD_S, RUN_S = 600, 120
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """What came of one cell: `why` is empty when all is well."""

    seconds: float
    why: str = ""
    #: Everything the program printed, for the report of a failure.
    said: str = ""

    @property
    def green(self) -> bool:
        """Whether every promise held."""
        return not self.why

    @property
    def told(self) -> dict[str, list[str]]:
        """The steps it reported: name → values."""
        lines = (line.split(" ") for line in self.said.splitlines())
        return {words[1]: words[2:] for words in lines if words[0] == "ok" and words[1:]}


def missing_tools(client: Client) -> tuple[str, ...]:
    """The programs a client needs and the machine lacks."""
    return tuple(tool for tool in client.needs if shutil.which(tool) is None)


def build(client: Client, bus: LiveBus, folder: Path) -> Outcome:
    """Generate and compile a client from the served WSDL."""
    folder.mkdir(parents=True)
    command = [str(EXAMPLES / client.folder / "build"), f"{bus.url}?wsdl", str(folder)]
    outcome = _process(command, _environment({}), BUILD_S)
    if not outcome.green:
        return outcome
    text = _generated(folder) if client.generated else ""
    lost = [words for words in client.generated if words.format(url=bus.url) not in text]
    return Outcome(outcome.seconds, f"not generated: {lost}" if lost else "", outcome.said)


def run(client: Client, bus: LiveBus, folder: Path, version: str, mode: str) -> Outcome:
    """One exchange by a built client, then the questions to the bus's store."""
    work = folder.parent / f"{folder.name}-{version}-{mode}"
    work.mkdir()
    facts = order(bus, work, version, mode)
    last = max((e.seq for e in bus.database.store.events(after=0, limit=100_000)), default=0)
    outcome = carry_out(client, folder, facts)
    if not outcome.green:
        return outcome
    try:
        if mode == "fault":
            evidence.check_fault(bus.database, outcome.told, facts, after=last)
        else:
            evidence.check_exchange(bus.database, outcome.told, facts)
    except evidence.Untrue as untrue:
        return replace(outcome, why=str(untrue))
    return outcome


def carry_out(client: Client, folder: Path, facts: dict[str, str]) -> Outcome:
    """Let a built client make the exchange that `order` described; its word only."""
    command = [str(EXAMPLES / client.folder / "run"), str(folder)]
    return _process(command, _environment(facts), RUN_S)


def order(bus: LiveBus, work: Path, version: str, mode: str) -> dict[str, str]:
    """What the contract in wsdl/examples/README.md hands to `run`, new every time."""
    number = next(_numbers)
    proof = bus.proof(mode)
    timestamp = write_instant(datetime.now(UTC))
    attachment = work / "attachment.bin"
    # Every byte value is in it, and zeros, which careless string functions stop at.
    attachment.write_bytes(bytes(range(256)) + secrets.token_bytes(ATTACHMENT_BYTES - 256))
    return proof | {
        "EXCHANGE_URL": bus.url,
        "EXCHANGE_SOAP": version,
        "EXCHANGE_MODE": mode,
        "EXCHANGE_DOCUMENT_ID": f"{proof['EXCHANGE_AGENCY']},{timestamp[:10]},{number}/UBND-VP",
        "EXCHANGE_NUMBER": str(number),
        "EXCHANGE_SUBJECT": f"V/v kết nối, liên thông phần mềm <quản lý> văn bản & điều hành số {number}",
        "EXCHANGE_TIMESTAMP": timestamp,
        "EXCHANGE_BAD_DATE": f"{2000 + number % 1000}/02/30",
        "EXCHANGE_ATTACHMENT": str(attachment),
        "EXCHANGE_FETCHED": str(work / "fetched.xml"),
    }


def _environment(facts: dict[str, str]) -> dict[str, str]:
    usual = {"EXCHANGE_PYTHON": sys.executable, "LC_ALL": "C.UTF-8", "NO_PROXY": "127.0.0.1"}
    return os.environ | usual | facts


def _process(command: list[str], env: dict[str, str], patience_s: float) -> Outcome:
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, timeout=patience_s, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(patience_s, f"no end after {patience_s} s")
    except OSError as error:
        return Outcome(0.0, f"{command[0]}: {error.strerror}")
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    why = "" if done.returncode == 0 else f"exit status {done.returncode}"
    return Outcome(time.monotonic() - started, why, out + err)


def _generated(folder: Path) -> str:
    sources = (p for p in folder.rglob("*") if p.is_file() and p.suffix in _SOURCES)
    return "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in sources)


_SOURCES = {".cs", ".h", ".cpp", ".java", ".txt", ".js", ".ts", ".php"}
