"""Gives parked recipients another chance when the table or the directory has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from bus import errors, logs
from bus.journey.route import decide, primary
from bus.model import Delivery, DeliveryState, NewDelivery, NewMessage
from bus.ports import Directory, MessageStore, RouteDecision, RouteQuery, Routes, RoutesSource

LOG = logs.get("rerouting")
_PAGE = 500
#: Makes the report to the sender of a copy that will not arrive.
Tell: TypeAlias = Callable[[Delivery], NewMessage | None]
#: After a change everything is asked once more, seconds later: the directory's answers may be half
#: a second old, and messages routed before the change may be stored after it.
SETTLE_S = 2.0
#: And from then on so often, seconds, for whatever took longer than that.
ROUND_S = 60.0


@dataclass(frozen=True, slots=True)
class _Straight:
    """A table that delivers everything as registered."""

    version: int
    row: int

    def decide(self, query: RouteQuery) -> RouteDecision:  # noqa: ARG002 - the port's signature
        return RouteDecision(action="deliver", row=self.row)


def reroute_parked(store: MessageStore, directory: Directory, routes: Routes, tell: Tell) -> int:
    """Ask the table again for every parked delivery and record the answer; gives how many moved on.

    What is rejected now is reported to its sender by `tell`: the receipt said that it is parked.
    What stays parked has the reason why it does now; the record names the version that decided.
    """
    moved, after = 0, 0
    while page := store.parked(limit=_PAGE, after=after):
        for delivery in page:
            after = delivery.delivery_id
            answer = _ask(delivery, directory, routes)
            told = (answer.recipient, answer.state, answer.reason)
            if told != (delivery.recipient, delivery.state, delivery.reason):
                ended = replace(delivery, state=answer.state, reason=answer.reason)
                notice = tell(ended) if answer.state is DeliveryState.REJECTED else None
                store.reroute(
                    delivery.delivery_id, answer, routes_version=routes.version, notice=notice
                )
                moved += answer.state is not DeliveryState.PARKED
    if moved:
        LOG.info("parked deliveries moved on", count=moved, routes_version=routes.version)
    return moved


def _ask(delivery: Delivery, directory: Directory, routes: Routes) -> NewDelivery:
    asked = delivery.requested
    # Copies and reports of the bus go to whom they were made for: no row is asked for them.
    table = _Straight(routes.version, delivery.row) if asked is None else routes
    query = RouteQuery(
        topic=delivery.topic,
        priority=delivery.priority,
        sender=delivery.sender,
        recipient=primary(asked or delivery.recipient, directory),
    )
    return decide(query, table, directory)[0]


class Rerouter:
    """Watches the running table version and the directory's, and reroutes when either moves."""

    def __init__(
        self,
        store: MessageStore,
        directory: Directory,
        routes: RoutesSource,
        *,
        tell: Tell,
        directory_version: Callable[[], int],
        poll_s: float,
    ) -> None:
        self._store, self._directory, self._routes = store, directory, routes
        self._tell = tell
        self._directory_version = directory_version
        self._poll_s = poll_s
        self._seen: tuple[int, int] | None = None
        self._again_at_s = 0.0
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
        """Reroute if anything changed since the last look; what goes wrong is tried again later."""
        try:
            routes = self._routes.current()
            seen = (routes.version, self._directory_version())
            changed = seen != self._seen
            if changed or time.monotonic() >= self._again_at_s:
                reroute_parked(self._store, self._directory, routes, self._tell)
                self._seen = seen
                self._again_at_s = time.monotonic() + (SETTLE_S if changed else ROUND_S)
        except errors.BusError as error:
            LOG.warning("rerouting is tried again", code=error.code, detail=error.detail)

    def _run(self) -> None:
        while not self._stopping:
            self.look()
            self._wake.wait(self._poll_s)
            self._wake.clear()
