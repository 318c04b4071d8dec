"""What the bus counts, in a registry of its own (Prometheus text format)."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

#: Upper bounds of the accept histogram, seconds.
_ACCEPT_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one App; thread-safe, and shared with nothing outside it."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._accepted = Counter(
            "bus_accepted", "Messages accepted and stored.", ["kind"], registry=self._registry
        )
        self._duplicates = Counter(
            "bus_duplicates", "Repeats answered with the first receipt.", registry=self._registry
        )
        self._refused = Counter(
            "bus_refused", "Calls refused, by error code.", ["code"], registry=self._registry
        )
        self._delivered = Counter(
            "bus_deliveries", "Delivery attempts, by outcome.", ["outcome"], registry=self._registry
        )
        self._accept_seconds = Histogram(
            "bus_accept_seconds",
            "Time from the complete request to the durable commit.",
            buckets=_ACCEPT_BUCKETS,
            registry=self._registry,
        )

    def accepted(self, kind: str, seconds: float, *, duplicate: bool = False) -> None:
        """Count one accepted message of a kind (`edoc`, `status`), or the repeat of one."""
        self._accept_seconds.observe(seconds)
        if duplicate:
            self._duplicates.inc()
        else:
            self._accepted.labels(kind).inc()

    def refused(self, code: str) -> None:
        """Count one refusal by its error code."""
        self._refused.labels(code).inc()

    def delivered(self, outcome: str) -> None:
        """Count one attempt by its outcome (`done`, `available`, `retry`, `dead`)."""
        self._delivered.labels(outcome).inc()

    def watch(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        """Show `bus_<name>` as what `read` says whenever the metrics are asked for."""
        Gauge(f"bus_{name}", meaning, registry=self._registry).set_function(read)

    def render(self) -> bytes:
        """Everything in Prometheus text format, UTF-8."""
        return generate_latest(self._registry)
