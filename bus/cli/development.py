"""bus dev: the whole main job on this machine, to see it or to check it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bus.cli import output


def dev(
    once: Annotated[
        bool, typer.Option(help="Check every hop, then stop: exit 0 or non-zero.")
    ] = False,
    folder: Annotated[Path, typer.Option("--dir", help="Data of the trial nation.")] = Path(
        "var/dev"
    ),
    port: Annotated[int, typer.Option(help="Port of the bus; 0 takes a free one.")] = 0,
    json: output.JsonFlag = False,
) -> None:
    """Run a bus and three sample agencies, exchange signed documents, print the timeline, stay up."""
    from bus.dev.nation import found, free_port
    from bus.dev.story import Story
    from bus.dev.timeline import COLUMNS, rows

    def say(line: str) -> None:
        typer.echo(line, err=json)

    nation = found(folder, port or free_port())
    story = Story(nation, say)
    try:
        story.start()
        story.tell_all(first_number=int(time.time()) % 1_000_000)
        if json:
            output.emit(story.events)
        else:
            output.table("Dòng thời gian / Timeline", COLUMNS, rows(story.events))
        _urls(nation.base_url, str(nation.conf), say)
        if not once:
            say("Ctrl-C ends it.")
            while True:
                time.sleep(3600)
    finally:
        story.stop()


def _urls(base: str, conf: str, say: Callable[[str], None]) -> None:
    lines = (
        f"WSDL      {base}/services/exchange?wsdl",
        f"health    {base}/healthz   {base}/readyz   {base}/metrics",
        f"operator  bus -c {conf} messages list   (routes status, agencies find, keys list)",
    )
    for line in lines:
        say(line)
