"""Measure the bus beside a naive stack and beside the floor, interleaved in one run.

`python tests/bench/run.py [--quick]`. Every stack gets the same bytes; rounds alternate between the
stacks, so that a drift of the machine hits all of them. Compare ratios, not figures of two runs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import corpus
import latency
import memory
import reloading
from floor import Floor
from naive import Naive
from ours import Ours
from rich.console import Console
from rich.table import Table
from traffic import Rate, in_process, over_http, served

SIZES = (20_000, 200_000)
STACKS = ("bus", "naive", "floor")
CONSOLE = Console()


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    #: Longest time of one stack's turn, seconds.
    turn_s: float
    #: Most messages of one turn, by size of the document.
    most: dict[int, int]
    clients: int = 8
    latency_messages: int = 100


FULL = Plan(3, 3.0, {20_000: 400, 200_000: 150})
QUICK = Plan(1, 0.8, {20_000: 100, 200_000: 40}, latency_messages=30)

Results = dict[tuple[str, int], list[float]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run everything and print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="less than a minute, rougher figures")
    plan = QUICK if options.parse_args(arguments).quick else FULL
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lienthong-bench-") as folder, ExitStack() as stack:
        place = Path(folder)
        keys = place / "keys"
        corpus.make_keys(keys)
        letters = corpus.Corpus(corpus.load_key(keys, corpus.SENDER))
        sink = stack.enter_context(served("sink", place / "sink", keys))
        _in_process(place, keys, sink.port, letters, plan)
        _over_http(place, keys, sink.port, letters, plan)
        latency.report(CONSOLE, place, keys, sink.port, letters, plan.latency_messages)
        reloading.report(CONSOLE, place, keys, letters, quick=plan is QUICK)
        memory.report(CONSOLE, place, keys, sink.port, letters, quick=plan is QUICK)
    CONSOLE.print(f"{time.monotonic() - started:.0f} s in all")


def _in_process(
    place: Path, keys: Path, sink_port: int, letters: corpus.Corpus, plan: Plan
) -> None:
    sink = ("127.0.0.1", sink_port)
    folder = place / "in-process"
    folder.mkdir()
    ours, naive, floor = Ours(folder, keys, sink), Naive(folder, keys), Floor(folder, keys)
    turns: dict[str, tuple[Any, Any]] = {
        "bus": (ours.wsgi, ours.deliver),
        "naive": (naive.wsgi, lambda: naive.deliver(sink)),
        "floor": (floor.wsgi, lambda: floor.deliver(sink)),
    }
    accepted: Results = {}
    processor: Results = {}
    delivered: Results = {}
    for number in range(plan.rounds + 1):
        for size in SIZES:
            for name in _order(number):
                rates = _turn(turns[name], letters, size, plan, warming=number == 0)
                if number:
                    accepted.setdefault((name, size), []).append(rates[0].per_second)
                    processor.setdefault((name, size), []).append(rates[0].cpu_ms)
                    delivered.setdefault((name, size), []).append(rates[1].per_second)
    for one in (ours, naive, floor):
        one.close()
    CONSOLE.print(_table("Accept, in process, one thread (messages/s)", accepted))
    CONSOLE.print(_table("Accept, in process: processor time (ms/message)", processor, cost=True))
    title = f"Push over SOAP, {len(corpus.PUSHED)} receivers a message, one thread (pushes/s)"
    CONSOLE.print(_table(title, delivered))


def _turn(
    stack: tuple[Any, Any], letters: corpus.Corpus, size: int, plan: Plan, *, warming: bool
) -> tuple[Rate, Rate]:
    accept, deliver = stack
    number = 5 if warming else plan.most[size]
    requests = [letters.request(size, *corpus.PUSHED) for _ in range(number)]
    accepted = in_process(accept, requests, plan.turn_s)
    started = time.perf_counter()
    carried = deliver()
    if carried != accepted.done * len(corpus.PUSHED):
        raise RuntimeError(f"{accepted.done} accepted, {carried} pushes")
    return accepted, Rate(carried, time.perf_counter() - started)


def _over_http(place: Path, keys: Path, sink_port: int, letters: corpus.Corpus, plan: Plan) -> None:
    results: Results = {}
    names = ("bus", "bus+delivery", "naive", "floor")
    with ExitStack() as stack:
        ports = {
            name: stack.enter_context(served(name, place / name, keys, sink_port)).port
            for name in names
        }
        for number in range(plan.rounds + 1):
            for size in SIZES:
                count = 8 if number == 0 else plan.most[size]
                requests = [letters.request(size) for _ in range(count)]
                for name in _order(number, names):
                    rate = over_http(ports[name], requests, plan.turn_s, plan.clients)
                    if number:
                        results.setdefault((name, size), []).append(rate.per_second)
    title = f"Accept over HTTP, {plan.clients} clients on the same machine (messages/s)"
    CONSOLE.print(_table(title, results, names))


def _order(number: int, names: Sequence[str] = STACKS) -> list[str]:
    """Another stack begins each round."""
    first = number % len(names)
    return [*names[first:], *names[:first]]


def _table(
    title: str, results: Results, names: Sequence[str] = STACKS, *, cost: bool = False
) -> Table:
    """Medians of the rounds and how often the bus is better than naive, and the floor than the bus."""
    table = Table(title=title, title_justify="left", min_width=72)
    table.add_column("document")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("bus : naive", justify="right", style="bold")
    table.add_column("floor : bus", justify="right", style="bold")
    for size in SIZES:
        middle = {name: statistics.median(results[name, size]) for name in names}
        gain, gap = middle["bus"] / middle["naive"], middle["floor"] / middle["bus"]
        figures = (f"{middle[name]:.2f}" if cost else f"{middle[name]:.0f}" for name in names)
        gain, gap = (1 / gain, 1 / gap) if cost else (gain, gap)
        table.add_row(f"{size // 1000} KB", *figures, f"{gain:.1f}×", f"{gap:.1f}×")
    return table


if __name__ == "__main__":
    main()
