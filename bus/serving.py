"""One bus as a process: it runs until a signal, or the end of standard input, asks it to stop."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable

from bus.app import App


def serve(bus: App, *, while_stdin: bool, on_start: Callable[[str], None]) -> None:
    """Run `bus` until SIGTERM or SIGINT, with `while_stdin` also until standard input ends.

    SIGHUP reloads the routing file. `on_start` is told the address once connections are accepted.
    Raises Misconfigured CFG-001 when the address cannot be listened on.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, lambda *_: bus.watcher.trigger())
    if while_stdin:
        threading.Thread(target=_outlast_stdin, args=(stop,), daemon=True).start()
    try:
        host, port = bus.start()
        # What stands now stays: the collector need not walk through it again and again.
        gc.freeze()
        on_start(f"http://{host}:{port}")
        stop.wait()
    finally:
        bus.stop()


def _outlast_stdin(stop: threading.Event) -> None:
    """Set `stop` when whoever holds the other end of standard input is gone."""
    # Not sys.stdin: its lock, held by a thread that waits, kills the interpreter at its end.
    while os.read(0, 4096):
        pass
    stop.set()
