"""What a national reload and a national import cost, and what traffic notices of them."""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import corpus
import ours
from rich.console import Console
from rich.table import Table
from support.nation_table import ROWS, UNITS, agencies, table
from traffic import post, served

from bus import agency_csv
from bus.config import StoreSettings

ROOT = Path(__file__).resolve().parents[2]
_SIZE = 20_000
_PACE_S = 0.02
_QUIET_S = 5.0


def report(
    console: Console, place: Path, keys: Path, letters: corpus.Corpus, *, quick: bool
) -> None:
    """Import a directory and reload a table while one sender goes on; print times and answers."""
    share = 10 if quick else 1
    folder = place / "reloading"
    listed = agencies(UNITS // share)
    text = table(listed[: ROWS // share])
    shown = Table(
        title=f"Reload of {ROWS // share:,} rows over {UNITS // share:,} agencies beside one sender",
        title_justify="left",
        min_width=72,
    )
    for heading in ("", "took (s)", "accept p50 (ms)", "p99", "longest pause"):
        shown.add_column(heading, justify="right" if heading else "left")
    with served("bus", folder, keys) as bus:
        file = folder / "national.toml"
        file.write_text(text, encoding="utf-8")
        units = folder / "agencies.csv"
        units.write_text(agency_csv.write(listed), encoding="utf-8")
        store = ours.settings(folder, keys).store
        for name, work in (
            ("nothing else", lambda: time.sleep(_QUIET_S)),
            (
                "import of the directory",
                lambda: _command(store, "agencies", "import", str(units), "--keep"),
            ),
            (
                "reload, until the bus runs it",
                lambda: _command(store, "routes", "reload", str(file), "--wait", "300"),
            ),
        ):
            shown.add_row(name, *_beside(bus.port, letters, work))
    console.print(shown)


def _beside(port: int, letters: corpus.Corpus, work: Callable[[], None]) -> tuple[str, ...]:
    answers: list[float] = []
    with _sending(port, letters, answers):
        started = time.perf_counter()
        work()
        took = time.perf_counter() - started
    cuts = statistics.quantiles(answers, n=100, method="inclusive")
    figures = (cuts[49], cuts[98], max(answers))
    return f"{took:.1f}", *(f"{seconds * 1000:.0f}" for seconds in figures)


@contextmanager
def _sending(port: int, letters: corpus.Corpus, answers: list[float]) -> Iterator[None]:
    end = threading.Event()
    failures: list[str] = []

    def send() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not end.is_set():
            body = letters.request(_SIZE)
            started = time.perf_counter()
            status, answer = post(line, body)
            answers.append(time.perf_counter() - started)
            if status != 200:
                failures.append(answer[:600].decode(errors="replace"))
                return
            time.sleep(_PACE_S)
        line.close()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
    if failures:
        raise RuntimeError(failures[0])


def _command(store: StoreSettings, *arguments: str) -> None:
    """One command of the bus on the served store, in a process of its own as an operator runs it."""
    environment = os.environ | {"BUS_STORE__URL": store.url, "BUS_STORE__BODIES": str(store.bodies)}
    done = subprocess.run(
        [sys.executable, "-m", "bus", *arguments, "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
