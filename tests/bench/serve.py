"""Serve one stack in a process of its own: serve.py STACK FOLDER KEYS SINK_PORT; ends with stdin."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bus import cpus
from bus.config import LimitSettings, ServerSettings
from bus.web.intake import Intake
from bus.web.server import WebServer


def main() -> None:
    """Start, print the port, wait for the end of stdin, stop."""
    stack, folder, keys, port = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    folder.mkdir(parents=True, exist_ok=True)
    if stack == "sink":
        from sink import Sink

        receiver = Sink()
        receiver.start()
        _wait(receiver.port)
    elif stack.startswith("bus"):
        from ours import Ours

        ours = Ours(folder, keys, ("127.0.0.1", port), workers=2 if stack == "bus+delivery" else 0)
        port = ours.app.start()[1]
        gc.freeze()
        _wait(port)
        ours.close()
    else:
        _serve_plain(stack, folder, keys)


def _serve_plain(stack: str, folder: Path, keys: Path) -> None:
    from floor import Floor
    from naive import Naive

    opened = Floor(folder, keys) if stack == "floor" else Naive(folder, keys)
    settings = ServerSettings(port=0)
    intake = Intake(opened.wsgi, settings, LimitSettings())
    server = WebServer(intake, settings)
    # the same place on the machine as the bus has
    with cpus.choose().sharing():
        port = server.start()[1]
    gc.freeze()
    _wait(port)
    server.stop()
    intake.close()
    opened.close()


def _wait(port: int) -> None:
    print(port, flush=True)
    sys.stdin.read()


main()
