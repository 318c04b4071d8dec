"""A disk that is really full, under a real bus process, seen by senders over HTTP."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from support.outside import Answer, call, package, until
from support.running_bus import RunningBus, _toml, running_bus
from support.small_disk import SmallDisk, small_disk
from support.soap_edge import SOAP11, SOAP12

from bus.dev.nation import free_port
from bus.model import Attachment

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
#: Attachments of documents that go into a row, and into files of their own.
SMALL, LARGE = 60_000, 700_000
#: Bytes left: too few for the first file of a large document, its second one, its spooled request.
SPARES = pytest.mark.parametrize("spare", [0, 500_000, 1_500_000, 2_100_000])


@dataclass
class Cramped:
    """A bus whose data lie on a small disk, and what it has acknowledged."""

    bus: RunningBus
    disk: SmallDisk
    conf: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)
    acknowledged: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self) -> None:
        """Start `bus serve` where the disk is and wait until it answers."""
        log = self.conf.with_name("bus.log")
        command = [sys.executable, "-m", "bus", "-c", str(self.conf), "serve"]
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                self.disk.inside(command), env={**os.environ, **self.env}, stderr=out
            )
        until(lambda: self.process.poll() is not None or _alive(self.bus), 60)
        assert self.process.poll() is None, log.read_text(encoding="utf-8")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=60)

    def document(self, size: int) -> bytes:
        """A signed document with an attachment that no compression makes smaller."""
        number = next(self.numbers)
        noise = Attachment(
            content_id="a", name="a.bin", content=random.Random(number).randbytes(size)
        )
        letter = self.bus.letter("G09", "H57", number=number)
        return self.bus.signed(replace(letter, attachments=(noise,)))

    def send(self, content: bytes, soap: str = SOAP11) -> Answer:
        """Send from outside and remember what was acknowledged."""
        answer = call(self.bus, package(content), own=self.bus.own["G09"], soap=soap)
        if answer.status == 200:
            receipt = answer.root.find(".//{*}Receipt")
            assert receipt is not None
            self.acknowledged[receipt.findtext("{*}messageId") or ""] = (content, answer.body)
        return answer

    def check(self) -> list[dict[str, str]]:
        """What `bus db check` finds, run where the disk is."""
        done = self.disk.run(
            sys.executable, "-m", "bus", "-c", str(self.conf), "db", "check", "--json", env=self.env
        )
        assert done.returncode == 0, done.stderr + done.stdout
        found: list[dict[str, str]] = json.loads(done.stdout)
        return found

    def everything_is_there(self) -> None:
        """Each acknowledged document is fetched from its recipient's mailbox byte for byte."""
        client = self.bus.client("H57")
        for message_id, (content, _) in self.acknowledged.items():
            assert until(lambda id_=message_id: _fetched(client, id_)) == content


def _receipts_stand(cramped: Cramped) -> None:
    """Each acknowledged document is known: sent again, it gets its first receipt."""
    for content, first in list(cramped.acknowledged.values()):
        assert _receipt(cramped.send(content)) in first


def _fetched(client: object, message_id: str) -> bytes | None:
    from bus.errors import NotFound

    try:
        return client.get_message(message_id).content  # type: ignore[attr-defined]
    except NotFound:
        return None


def _alive(bus: RunningBus) -> bool:
    assert bus.address is not None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{bus.address[1]}/healthz", timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module", params=["spool on the disk", "spool elsewhere"])
def cramped(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Cramped]:
    """A bus on a disk of 96 MB, where arriving bodies are spooled to the same disk or not."""
    folder = tmp_path_factory.mktemp("cramped")
    with running_bus(folder, serve=False) as bus:
        pass
    with small_disk(folder / "disk", 96) as disk:
        shutil.copy(folder / "bus.sqlite3", disk.seen / "bus.sqlite3")
        spool = disk.folder / "tmp" if "on the" in request.param else folder / "tmp"
        for place in (disk.seen / "tmp", folder / "tmp"):
            place.mkdir()
        bus.address = ("127.0.0.1", free_port())
        conf = folder / "small.toml"
        conf.write_text(_toml(_sections(bus, disk)), encoding="utf-8")
        made = Cramped(bus, disk, conf, {"TMPDIR": str(spool)})
        try:
            made.start()
            yield made
        finally:
            made.stop()


def _sections(bus: RunningBus, disk: SmallDisk) -> dict[str, dict[str, object]]:
    assert bus.address is not None
    return {
        "server": {"port": bus.address[1]},
        "store": {
            "url": f"sqlite:///{disk.folder / 'bus.sqlite3'}",
            "bodies": disk.folder / "bodies",
        },
        "trust": {
            "key_file": bus.folder / "bus.key.pem",
            "certificate_file": bus.folder / "bus.pem",
        },
        "routing": {"file": bus.folder / "routes.toml", "watch": False},
        # what a killed bus was delivering is taken up again when its lease has ended
        "delivery": {"poll_s": 0.1, "lease_s": 3.0},
        "log": {"level": "warning"},
    }


@contextmanager
def full(cramped: Cramped, spare: int) -> Iterator[None]:
    """The disk with `spare` bytes left, then with room again."""
    cramped.disk.fill(spare=spare)
    try:
        yield
    finally:
        cramped.disk.free()


def refused(answer: Answer, soap: str) -> None:
    """A typed retryable fault of the asked version, without a receipt or an inside detail."""
    fault = answer.fault
    assert (fault["code"], fault["retryable"]) == ("STO-001", "true")
    assert answer.root.tag == f"{{{soap}}}Envelope"
    assert answer.status == 500
    assert int(answer.headers["Retry-After"]) >= 1
    assert b"Receipt" not in answer.body
    assert b"sqlite" not in answer.body.lower()


@VERSIONS
@SPARES
def test_large_documents_are_postponed_while_the_disk_is_full(
    cramped: Cramped, soap: str, spare: int
) -> None:
    """No receipt, a retryable fault, no file left; with room again the same request is accepted."""
    assert cramped.send(cramped.document(LARGE), soap).status == 200
    content = cramped.document(LARGE)
    before = cramped.disk.files()
    with full(cramped, spare):
        refused(cramped.send(content, soap), soap)
        assert cramped.disk.files() - before == set()
        assert cramped.check() == []
    assert cramped.send(content, soap).status == 200
    cramped.everything_is_there()
    assert cramped.check() == []


@VERSIONS
def test_small_documents_are_postponed_while_the_disk_is_full(cramped: Cramped, soap: str) -> None:
    """What still fits is stored whole, what does not is postponed, and nothing lies between."""
    with full(cramped, 0):
        for _ in range(200):
            content = cramped.document(SMALL)
            answer = cramped.send(content, soap)
            if answer.status != 200:
                break
        refused(answer, soap)
        assert cramped.check() == []
    assert cramped.send(content, soap).status == 200
    cramped.everything_is_there()
    assert cramped.check() == []


def test_a_full_disk_stops_no_reader_and_hides_no_verdict(cramped: Cramped) -> None:
    """Mailboxes are read, repeats get their first receipt, and wrong documents are told why."""
    content = cramped.document(SMALL)
    first = cramped.send(content)
    cramped.everything_is_there()
    with full(cramped, 0):
        while cramped.send(cramped.document(SMALL)).status == 200:
            pass
        assert _receipt(cramped.send(content)) == _receipt(first)
        assert cramped.bus.client("H57").list_pending().items
        wrong = cramped.send(content.replace(b"<edXML:Subject>", b"<edXML:Subject>changed "))
        assert (wrong.fault["code"], wrong.fault["retryable"]) == ("SIG-002", "false")


def test_many_senders_lose_nothing_while_the_disk_fills_and_empties(cramped: Cramped) -> None:
    """Six senders on a disk that is full again and again: each answer is true, and nothing is left over."""
    before = len(cramped.acknowledged)
    stop = threading.Event()
    with ThreadPoolExecutor(6) as senders:
        sent = [senders.submit(_insist, cramped, number, stop) for number in range(6)]
        for spare in (0, 300_000, 1_500_000, 0):
            with full(cramped, spare):
                time.sleep(0.6)
            time.sleep(0.3)
        stop.set()
        outcomes = Counter(one for future in sent for one in future.result())
    assert outcomes["postponed"] > 0
    assert outcomes["accepted"] == len(cramped.acknowledged) - before > 0
    cramped.everything_is_there()
    assert cramped.check() == []
    assert "Traceback" not in cramped.conf.with_name("bus.log").read_text(encoding="utf-8")


def _insist(cramped: Cramped, number: int, stop: threading.Event) -> list[str]:
    """Send documents of all sizes, each again and again until it is accepted; what the answers were."""
    outcomes: list[str] = []
    soap = (SOAP11, SOAP12)[number % 2]
    # few enough for the disk, on whatever machine
    while not stop.is_set() and outcomes.count("accepted") < 4:
        content = cramped.document((2_000, SMALL, LARGE)[number % 3])
        while not stop.is_set():
            answer = cramped.send(content, soap)
            if answer.status == 200:
                outcomes.append("accepted")
                break
            refused(answer, soap)
            outcomes.append("postponed")
            time.sleep(0.05)
    return outcomes


def _receipt(answer: Answer) -> bytes:
    found = re.search(rb"<[\w:]*Receipt\b.*</[\w:]*Receipt>", answer.body, re.DOTALL)
    assert found, answer.body[:2000]
    return found[0]


def test_a_bus_killed_on_a_full_disk_comes_back_with_everything(cramped: Cramped) -> None:
    """SIGKILL while the disk is full, a start while it still is: all that was acknowledged is there."""
    cramped.send(cramped.document(LARGE))
    with full(cramped, 0):
        while cramped.send(cramped.document(SMALL)).status == 200:
            pass
        cramped.process.kill()
        cramped.process.wait()
        cramped.start()
        # What was accepted last may reach its mailbox only when that can be written down.
        _receipts_stand(cramped)
    assert cramped.send(cramped.document(LARGE)).status == 200
    cramped.everything_is_there()
    assert cramped.check() == []
