"""Runs the reload command when the routing file is saved or a signal asks for it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from queue import SimpleQueue

import watchfiles

from bus import logs
from bus.config import RoutingSettings

LOG = logs.get("reload")

#: What the watcher runs; the same command an operator types.
RELOAD_COMMAND = (sys.executable, "-m", "bus", "routes", "reload", "--json")
#: Longest time one reload may take, seconds; a national table takes some ten.
RELOAD_TIMEOUT_S = 600.0
#: Quiet time after the last write to the file before it is read, milliseconds.
DEBOUNCE_MS = 400


class RoutesFileWatcher:
    """Reloads the routing file in a child process when it is saved or a signal asks for it.

    The child parses, checks and stores; the serving process only ever sees the new
    version in the store, so neither a bad nor a huge file can touch it.
    """

    def __init__(
        self,
        settings: RoutingSettings,
        command: Sequence[str] = RELOAD_COMMAND,
        on_result: Callable[[int], None] | None = None,
    ) -> None:
        self._file = settings.file
        self._watch = settings.watch
        self._command = tuple(command)
        self._on_result = on_result or (lambda _code: None)
        # put() may interrupt itself: a signal handler can call trigger() at any point.
        self._wanted: SimpleQueue[str | None] = SimpleQueue()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to serve triggers, and to watch the file when the settings say so."""
        self._stop.clear()
        targets = [self._work]
        if self._watch and self._file.parent.is_dir():
            targets.append(self._follow)
        for target in targets:
            thread = threading.Thread(target=target, name="routes-file", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop watching and end a running child; idempotent."""
        self._stop.set()
        self._wanted.put(None)
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def trigger(self, reason: str = "signal") -> None:
        """Ask for a reload; returns at once and is safe in a signal handler."""
        self._wanted.put(reason)

    def _follow(self) -> None:
        """Watch the folder, not the file: editors and deployments replace files by renaming."""
        seen = self._digest()
        for _ in watchfiles.watch(
            self._file.parent,
            debounce=DEBOUNCE_MS,
            stop_event=self._stop,
            rust_timeout=1_000,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            digest = self._digest()
            if digest is not None and digest != seen:
                seen = digest
                self.trigger("file")

    def _digest(self) -> bytes | None:
        try:
            return sha256(self._file.read_bytes()).digest()
        except OSError:
            return None

    def _work(self) -> None:
        while not self._stop.is_set():
            reason = self._wanted.get()
            # Requests that came while a reload ran are answered by one more.
            while not self._wanted.empty() and reason is not None:
                reason = self._wanted.get()
            if reason is None or self._stop.is_set():
                return
            self._on_result(self._reload(reason))

    def _reload(self, reason: str) -> int:
        """Run the child; its exit code."""
        LOG.info("routes reload begins", reason=reason, file=str(self._file))
        try:
            # The command is fixed in the code, never taken from outside.
            self._child = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            LOG.warning("routes reload could not start", detail=str(error))
            return -1
        with self._child as child:
            if self._stop.is_set():
                child.terminate()
            return _result(child)


def _result(child: subprocess.Popen[bytes]) -> int:
    try:
        out, err = child.communicate(timeout=RELOAD_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
    said = (out.strip() or err.strip())[-4_000:].decode("utf-8", "replace")
    if child.returncode == 0:
        LOG.info("routes reload done", said=said)
    else:
        LOG.warning("routes reload refused", exit_code=child.returncode, said=said)
    return child.returncode
