"""The bus of a sandbox: `bus serve` that tells every answer as a line of JSON on standard output."""

from __future__ import annotations

import json

from bus import config, logs
from bus.app import build
from bus.dev.verdicts import Event
from bus.dev.witness import Witness
from bus.serving import serve
from bus.web.server import WebServer


def main() -> None:
    """Serve with the settings of BUS_CONF until standard input ends."""
    settings = config.load()
    logs.configure(settings.log)
    bus = build(settings)
    bus.server = WebServer(Witness(bus.door, _tell), settings.server)
    serve(bus, while_stdin=True, on_start=lambda _: None)


def _tell(event: Event) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)  # noqa: T201 - its voice


if __name__ == "__main__":
    main()
