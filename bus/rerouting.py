"""Gives parked recipients another chance when the table or the directory has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from bus import errors, logs
from bus.journey.route import decide, primary
from bus.model import DeliveryState, Kind
from bus.ports import Directory, MessageStore, RouteDecision, RouteQuery, Routes, RoutesSource

LOG = logs.get("rerouting")
_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Straight:
    """A table that delivers everything as registered."""

    version: int

    def decide(self, query: RouteQuery) -> RouteDecision:  # noqa: ARG002 - the port's signature
        return RouteDecision(action="deliver", row=0)


def reroute_parked(store: MessageStore, directory: Directory, routes: Routes) -> int:
    """Ask the table again for every parked delivery and record the answer; gives how many moved on.

    What stays parked keeps its row; the record names the version that moved the others.
    """
    moved, after = 0, 0
    while page := store.parked(limit=_PAGE, after=after):
        for delivery in page:
            after = delivery.delivery_id
            query = RouteQuery(
                topic=delivery.topic,
                priority=delivery.priority,
                sender=delivery.sender,
                recipient=primary(delivery.requested or delivery.recipient, directory),
            )
            # Reports of the bus go to the sender whatever the table says of documents.
            table = _Straight(routes.version) if delivery.kind is Kind.NOTICE else routes
            first = decide(query, table, directory)[0]
            if first.state is not DeliveryState.PARKED:
                store.reroute(delivery.delivery_id, first, routes_version=routes.version)
                moved += 1
    if moved:
        LOG.info("parked deliveries moved on", count=moved, routes_version=routes.version)
    return moved


class Rerouter:
    """Watches the running table version and the directory's, and reroutes when either moves."""

    def __init__(
        self,
        store: MessageStore,
        directory: Directory,
        routes: RoutesSource,
        *,
        directory_version: Callable[[], int],
        poll_s: float,
    ) -> None:
        self._store, self._directory, self._routes = store, directory, routes
        self._directory_version = directory_version
        self._poll_s = poll_s
        self._seen: tuple[int, int] | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rerouting", daemon=True)

    def start(self) -> None:
        """Begin to watch; what was parked before the start is asked again too."""
        self._thread.start()

    def wake(self, _version: int = 0) -> None:
        """Look now instead of at the next tick."""
        self._wake.set()

    def stop(self) -> None:
        """Stop watching; idempotent."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Reroute if anything changed since the last look; a busy store is asked again later."""
        try:
            routes = self._routes.current()
            seen = (routes.version, self._directory_version())
            if seen != self._seen:
                reroute_parked(self._store, self._directory, routes)
                self._seen = seen
        except errors.StoreUnavailable as error:
            LOG.warning("rerouting waits for the store", code=error.code, detail=error.detail)

    def _run(self) -> None:
        while not self._stopping:
            self.look()
            self._wake.wait(self._poll_s)
            self._wake.clear()
