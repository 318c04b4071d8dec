"""Holds the table a node routes by and follows the active version."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bus import logs, routing
from bus.config import RoutingSettings
from bus.errors import BusError, Defect, RoutesRefused
from bus.ports import Clock, Directory, Routes, RoutesStore
from bus.reload.loading import load

LOG = logs.get("reload")

#: How often a node says that it is there, seconds.
ALIVE_S = 5.0


class RoutesHolder:
    """Holds the active table of one node; implements `bus.ports.RoutesSource`."""

    def __init__(
        self,
        store: RoutesStore,
        directory: Directory,
        settings: RoutingSettings,
        *,
        node: str,
        clock: Clock,
        on_switch: Callable[[int], None],
    ) -> None:
        self._store = store
        self._directory = directory
        self._poll_s = settings.poll_s
        self._node = node
        self._clock = clock
        self._on_switch = on_switch
        self._routes: Routes = routing.compile_rows((), directory, 0)
        self._announced: int | None = None
        self._reported_s = 0.0
        self._unusable: int | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        #: Why the newest version does not run here; None while all is well.
        self.trouble: str | None = None

    def current(self) -> Routes:
        """The active version; one attribute read, atomic."""
        return self._routes

    def load_now(self) -> int:
        """Load the active version before serving starts; the version.

        Raises RoutesRefused or NotFound when it cannot be used, StoreUnavailable.
        """
        self._switch(self._store.active())
        return self._routes.version

    def start(self) -> None:
        """Begin to look for new versions in the background."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="routes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; the table stays. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def refresh(self) -> bool:
        """Look once for a new version; whether this node switched.

        Never raises for the store's or the table's faults: the running table stays,
        `trouble` says why, and the log says it once. What failed for the moment is tried
        again at the next look, a version that cannot be used is not.
        """
        try:
            return self._refresh()
        except BusError as error:
            if self.trouble != error.message:
                LOG.warning(
                    "routes not switched",
                    code=error.code,
                    running=self._routes.version,
                    detail=error.message,
                )
            self.trouble = error.message
            return False

    def _refresh(self) -> bool:
        version = self._store.active()
        if version == self._unusable:
            return False
        switched = version != self._routes.version
        if switched:
            try:
                self._switch(version)
            except (RoutesRefused, Defect):
                self._unusable = version
                raise
        self._announce()
        self._unusable = None
        self.trouble = None
        return switched

    def _switch(self, version: int) -> None:
        before = self._routes.version
        self._routes = load(self._store, version, self._directory)
        LOG.info("routes switched", version=version, before=before, node=self._node)

    def _announce(self) -> None:
        """Tell the store and the listener of the running version, again until both took it."""
        version = self._routes.version
        if self._announced != version:
            self._report(version)
            self._on_switch(version)
            self._announced = version
        elif time.monotonic() - self._reported_s > ALIVE_S:
            self._report(version)

    def _report(self, version: int) -> None:
        self._store.report_node(self._node, version, now=self._clock.now())
        self._reported_s = time.monotonic()

    def _run(self) -> None:
        self.refresh()
        while not self._stop.wait(self._poll_s):
            self.refresh()
