"""The processes of a nation: one bus and its agencies, and what they tell."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from bus.dev.nation import ROUTES, Citizen, Nation
from bus.errors import Defect, PeerUnavailable

Event = dict[str, Any]
#: Longest wait for one event, seconds; a killed bus needs a few to come back.
PATIENCE_S = 90.0
#: The usual bus: it tells nothing and is started again when it ends without being asked.
SERVE = ("-m", "bus", "serve", "--while-stdin")
_HOW_MANY = {1: "one agency", 3: "three agencies"}


class Supervised:
    """One process of the nation; `revive` starts it again when it ends without being asked."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path, *, revive: bool) -> None:
        self._command, self._env, self._log, self._revive = command, env, log, revive
        self._stopping = threading.Event()
        self.process = self._launch()
        if revive:
            threading.Thread(target=self._watch, daemon=True).start()

    @property
    def stdin(self) -> IO[bytes]:
        """Where the process takes its commands from."""
        if self.process.stdin is None:
            raise Defect("stdin")
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """What the process tells."""
        if self.process.stdout is None:
            raise Defect("stdout")
        return self.process.stdout

    def stop(self) -> None:
        """End the process, gently first."""
        self._stopping.set()
        if self.process.stdin:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                self._command,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C and a closed terminal reach us alone; we end the others in order, and
                # when we are killed, the end of their standard input ends them.
                start_new_session=True,
            )

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self.process.wait()
            if not self._stopping.wait(0.2):
                for pipe in (self.process.stdin, self.process.stdout):
                    if pipe:
                        pipe.close()
                self.process = self._launch()


class Troupe:
    """Runs a nation and keeps what its agencies, and with `telling` its bus, tell."""

    def __init__(
        self,
        nation: Nation,
        say: Callable[[str], None],
        serve: tuple[str, ...] = SERVE,
        *,
        telling: bool = False,
    ) -> None:
        self._serve = serve
        self._telling = telling
        self.nation = nation
        self.say = say
        self.events: list[Event] = []
        self._news: queue.Queue[Event] = queue.Queue()
        self._agencies: dict[str, Supervised] = {}
        self._bus: Supervised | None = None
        self._ending = False

    def start(self) -> None:
        """Start the bus, then the agencies; returns when all of them are ready."""
        env = os.environ | {"BUS_CONF": str(self.nation.conf), "PYTHONUNBUFFERED": "1"}
        self.say(f"starting the bus at {self.nation.base_url} …")
        self._bus = Supervised(
            [sys.executable, *self._serve],
            env,
            self.nation.folder / "bus.log",
            revive=not self._telling,
        )
        if self._telling:
            self._hear("bus", self._bus)
        self._wait_ready()
        self.reload(ROUTES)
        self.say(f"starting {_HOW_MANY[len(self.nation.citizens)]} …")
        for citizen in self.nation.citizens:
            self._start_agency(citizen, env)
        for citizen in self.nation.citizens:
            self.expect("ready", citizen.code)
            self.say(f"{citizen.code} {citizen.name}: {citizen.dialect}, {_habit(citizen)}")

    def stop(self) -> None:
        """Stop agencies, then the bus."""
        self._ending = True
        for agency in self._agencies.values():
            agency.stop()
        if self._bus:
            self._bus.stop()

    def expect(self, event: str, agency: str, facts: dict[str, object] | None = None) -> Event:
        """Wait for one event (or find it among those told already); Raises PeerUnavailable."""
        wanted = {"event": event, "agency": agency} | (facts or {})
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for told in self.events:
                if "used" not in told and all(told.get(k) == v for k, v in wanted.items()):
                    told["used"] = True
                    return told
            try:
                news = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise PeerUnavailable(f"{agency}: no {event} {facts or ''}") from None
            self.events.append(news)

    def go_on(self) -> Iterator[Event]:
        """What the agencies tell from now on, as it happens; never ends by itself."""
        while True:
            yield self._news.get()

    def so_far(self) -> Iterator[Event]:
        """What was told since, without waiting for more."""
        while True:
            try:
                yield self._news.get(timeout=0.5)
            except queue.Empty:
                return

    def reload(self, text: str) -> None:
        """Write the routing file and reload it as an operator does; returns when the bus runs it."""
        self.nation.routes.write_text(text, encoding="utf-8")
        env = os.environ | {"BUS_CONF": str(self.nation.conf)}
        done = subprocess.run(
            [sys.executable, "-m", "bus", "routes", "reload", "--wait", "30", "--json"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Defect(done.stderr.strip() or done.stdout.strip())

    def _start_agency(self, citizen: Citizen, env: dict[str, str]) -> None:
        home = Path(citizen.folder)
        citizen.save(home / "agency.json")
        agency = Supervised(
            [sys.executable, "-m", "bus.dev.agency", str(home / "agency.json")],
            env,
            home / "agency.log",
            revive=False,
        )
        self._agencies[citizen.code] = agency
        self._hear(citizen.code, agency)

    def _hear(self, name: str, teller: Supervised) -> None:
        threading.Thread(target=self._listen, args=(name, teller.stdout), daemon=True).start()

    def _listen(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            self._news.put(json.loads(line))
        if not self._ending:
            now = datetime.now(UTC).isoformat()
            told = f"the process ended; its log is below {self.nation.folder}"
            self._news.put({"at": now, "agency": name, "event": "trouble", "message": told})

    def _wait_ready(self, timeout_s: float = 40.0) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.nation.base_url}/healthz", timeout=2):  # noqa: S310 - loopback http
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise PeerUnavailable(f"{self.nation.base_url}; see {self.nation.folder / 'bus.log'}")


def _habit(citizen: Citizen) -> str:
    return f"pushed to port {citizen.push_port}" if citizen.push_port else "fetches its mailbox"
