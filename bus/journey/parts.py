"""The parts a journey works with, put together once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bus.config import DeliverySettings, LimitSettings
from bus.ports import (
    Channels,
    Clock,
    Dialects,
    Directory,
    MessageStore,
    RoutesSource,
    Signer,
    Verifier,
)


class Inspecting(Protocol):
    """The parts that look at a message without taking it."""

    @property
    def limits(self) -> LimitSettings:
        """What is refused before it is parsed."""

    @property
    def verifier(self) -> Verifier:
        """Judges signatures."""

    @property
    def directory(self) -> Directory:
        """Who the agencies are."""

    @property
    def dialects(self) -> Dialects:
        """The dialects installed."""

    @property
    def clock(self) -> Clock:
        """Tells the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything accept() and dispatch() hand to their steps."""

    limits: LimitSettings
    verifier: Verifier
    directory: Directory
    dialects: Dialects
    channels: Channels
    routes: RoutesSource
    store: MessageStore
    signer: Signer
    schedule: DeliverySettings
    clock: Clock
