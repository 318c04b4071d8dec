"""How much a serving process grows for one large message."""

from __future__ import annotations

import http.client
from pathlib import Path

import corpus
from rich.console import Console
from rich.table import Table
from traffic import post, served

_LARGE = 20_000_000


def report(
    console: Console,
    place: Path,
    keys: Path,
    sink_port: int,
    letters: corpus.Corpus,
    *,
    quick: bool,
) -> None:
    """Print the peak growth of each stack as a multiple of the request."""
    if not Path("/proc/self/clear_refs").exists():
        console.print("Memory: not measured, this system has no /proc/PID/clear_refs.")
        return
    table = Table(title="Peak memory for one message", title_justify="left", min_width=72)
    for heading in ("stack", "document", "growth", "growth : request"):
        table.add_column(heading, justify="left" if heading == "stack" else "right")
    for stack in ("bus", "floor") if quick else ("bus", "naive", "floor"):
        grown, sent = _growth(stack, place / f"memory-{stack}", keys, sink_port, letters)
        table.add_row(
            stack, f"{_LARGE // 1_000_000} MB", f"{grown / 1e6:.0f} MB", f"{grown / sent:.1f}×"
        )
    console.print(table)


def _growth(
    stack: str, folder: Path, keys: Path, sink_port: int, letters: corpus.Corpus
) -> tuple[int, int]:
    with served(stack, folder, keys, sink_port) as process:
        line = http.client.HTTPConnection("127.0.0.1", process.port, timeout=120)
        large = letters.request(_LARGE)
        for body in [letters.request(20_000) for _ in range(10)]:
            post(line, body)
        process.forget_peak()
        before = process.memory("VmRSS")
        status, answer = post(line, large)
        if status != 200:
            raise RuntimeError(answer[:600].decode(errors="replace"))
        line.close()
        return process.memory("VmHWM") - before, len(large)
