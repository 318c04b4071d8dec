"""How soon a message is there for its recipient after the bus has promised to keep it."""

from __future__ import annotations

import http.client
import statistics
import time
from datetime import datetime
from pathlib import Path

import corpus
import ours
from lxml import etree
from rich.console import Console
from rich.table import Table
from traffic import post, served

from bus.db import open_database
from bus.model import DeliveryState

_SIZE = 20_000
_PACE_S = 0.02


def report(
    console: Console, place: Path, keys: Path, sink_port: int, letters: corpus.Corpus, number: int
) -> None:
    """Send at a steady pace to a bus that delivers, and print p50 and p99."""
    folder = place / "latency"
    requests = [letters.request(_SIZE) for _ in range(number)]
    answers: list[float] = []
    with served("bus+delivery", folder, keys, sink_port) as bus:
        line = http.client.HTTPConnection("127.0.0.1", bus.port, timeout=60)
        promised = {}
        for body in requests:
            started = time.perf_counter()
            status, answer = post(line, body)
            answers.append(time.perf_counter() - started)
            if status != 200:
                raise RuntimeError(answer[:600].decode(errors="replace"))
            promised.update([_promise(answer)])
            time.sleep(_PACE_S)
        line.close()
        waits = _waits(folder, keys, promised)
    table = Table(
        title=f"Waiting, {_SIZE // 1000} KB, one sender at a steady pace (ms)",
        title_justify="left",
        min_width=72,
    )
    for heading in ("", "p50", "p99"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("request to signed receipt", *_percentiles(answers))
    table.add_row("receipt to available for the recipient", *_percentiles(waits))
    console.print(table)


def _promise(answer: bytes) -> tuple[str, datetime]:
    receipt = etree.fromstring(answer).find(f".//{{{corpus.EXCHANGE}}}Receipt")
    number = receipt.findtext(f"{{{corpus.EXCHANGE}}}messageId")
    at = receipt.findtext(f"{{{corpus.EXCHANGE}}}acceptedAt")
    return number, datetime.fromisoformat(at)


def _waits(folder: Path, keys: Path, promised: dict[str, datetime]) -> list[float]:
    database = open_database(ours.settings(folder, keys).store)
    try:
        end = time.monotonic() + 30
        waits = []
        for number, at in promised.items():
            copy = database.store.delivery(number, corpus.POLLING)
            while copy is None or copy.state is not DeliveryState.AVAILABLE:
                if time.monotonic() > end:
                    raise RuntimeError(f"{number} was not delivered")
                time.sleep(0.05)
                copy = database.store.delivery(number, corpus.POLLING)
            assert copy.updated_at is not None
            waits.append((copy.updated_at - at).total_seconds())
        return waits
    finally:
        database.close()


def _percentiles(seconds: list[float]) -> tuple[str, str]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"{cuts[49] * 1000:.1f}", f"{cuts[98] * 1000:.1f}"
