"""bus dev: the whole main job on this machine, to see it, to check it, or to build against it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bus.cli import output

if TYPE_CHECKING:
    from bus.dev.nation import Nation
    from bus.dev.story import Story

Say = Callable[[str], None]


def dev(
    once: Annotated[
        bool, typer.Option("--once", help="Check every hop, then stop: exit 0 or non-zero.")
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="For integrators: an agency, key and token of your own, a partner that answers, "
            "and an explanation of everything you send.",
        ),
    ] = False,
    dialect: Annotated[
        str, typer.Option(help="With --sandbox: what your program speaks (bus adapters list).")
    ] = "qcvn102_java",
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Data.  [default: var/dev, with --sandbox var/sandbox]"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port of the bus; 0 takes a free one.  [default: 8080 if free]"),
    ] = None,
    json: output.JsonFlag = False,
) -> None:
    """Run a bus and three sample agencies, exchange signed documents, print the timeline, stay up."""
    from bus.cli import sandbox as trial
    from bus.dev.nation import free_port, usual_port
    from bus.dev.occupancy import occupied

    # SIGINT too: a shell that starts us in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    where = folder or Path("var/sandbox" if sandbox else "var/dev")
    with occupied(where):
        chosen = usual_port() if port is None else port or free_port()
        if sandbox:
            trial.run(where, chosen, dialect, once=once, json=json)
        else:
            _nation(where, chosen, once=once, json=json)


def _nation(folder: Path, port: int, *, once: bool, json: bool) -> None:
    from bus.dev.nation import found
    from bus.dev.story import Story

    def say(line: str) -> None:
        typer.echo(line, err=json)

    say(f"keys, agencies, routes and store in {folder} …")
    nation = found(folder, port)
    story = Story(nation, say)
    try:
        _tell(story, nation, say, json=json)
        if not once:
            _stay_up(story, say)
    finally:
        say("stopping …")
        story.stop()


def _tell(story: Story, nation: Nation, say: Say, *, json: bool) -> None:
    from bus.dev.sample import write_letter
    from bus.dev.timeline import COLUMNS, rows

    # Numbers of letters differ from run to run, for a nation outlives a run.
    number = int(time.time()) % 1_000_000
    story.start()
    story.tell_all(first_number=number)
    write_letter(nation, number + 2)
    if json:
        output.emit(story.events)
    else:
        output.table("Dòng thời gian / Timeline", COLUMNS, rows(story.events))
    _addresses(nation, say)


def _addresses(nation: Nation, say: Say) -> None:
    from bus.dev.sample import command, send_command, shown

    base = nation.base_url
    conf = shown(nation.conf)
    say(f"WSDL      {base}/services/exchange?wsdl")
    say(f"health    {base}/healthz   {base}/readyz   {base}/metrics")
    say(f"operator  {command('-c', conf, 'messages', 'list')}   (routes status, agencies find, …)")
    say("")
    say("Gửi thử một văn bản từ cửa sổ khác / Send a document yourself, in a second terminal:")
    say(send_command(nation))
    say(command("-c", conf, "messages", "trace") + " MESSAGE_ID")


def _stay_up(story: Story, say: Say) -> None:
    from bus.dev.timeline import line

    try:
        say("")
        say("What happens is told here; Ctrl-C ends it.")
        for event in story.go_on():
            if told := line(event):
                say(told)
    except KeyboardInterrupt:
        return
