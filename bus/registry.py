"""Finds the dialects and channels that are installed; a broken one stops the start."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Generic, TypeVar

from bus.config import DeliverySettings, LimitSettings
from bus.errors import Misconfigured
from bus.ports import Channel, Dialect, EnvelopeSigner

DIALECTS = "bus.dialects"
CHANNELS = "bus.channels"

Part = TypeVar("Part")


class Registry(Generic[Part]):
    """Parts by name; asking for an unknown one names the nearest known."""

    def __init__(self, kind: str, parts: Mapping[str, Part]) -> None:
        self._kind = kind
        self._parts = dict(parts)

    def get(self, name: str) -> Part:
        """The part of that name; Raises Misconfigured CFG-002."""
        try:
            return self._parts[name]
        except KeyError:
            near = difflib.get_close_matches(name, self._parts, n=1)
            hint = f" ({near[0]}?)" if near else ""
            raise Misconfigured(f"{self._kind}: {name!r}{hint}", code="CFG-002") from None

    def names(self) -> tuple[str, ...]:
        """Every installed name, sorted."""
        return tuple(sorted(self._parts))

    def __contains__(self, name: object) -> bool:
        return name in self._parts


class DialectRegistry(Registry[Dialect]):
    """The installed dialects."""

    def recognise(self, body: bytes) -> Dialect | None:
        """The first dialect, by name, that recognises the body; special ones before general ones."""
        for name in self.names():
            if self._parts[name].recognises(body):
                return self._parts[name]
        return None


def dialects(limits: LimitSettings) -> DialectRegistry:
    """Load every dialect; Raises Misconfigured CFG-002 for a duplicate or broken one."""
    loaded = {name: dialect.limited(limits) for name, dialect in _load(DIALECTS).items()}
    return DialectRegistry("dialect", loaded)


def channels(settings: DeliverySettings, signer: EnvelopeSigner) -> Registry[Channel]:
    """Open every channel; Raises Misconfigured CFG-002 for a duplicate or broken one."""
    opened = {name: open_(settings, signer) for name, open_ in _load(CHANNELS).items()}
    return Registry("channel", opened)


def demand_channel(name: str) -> None:
    """Raise Misconfigured CFG-002 unless a channel of that name is installed; opens none."""
    points = metadata.entry_points(group=CHANNELS)
    Registry("channel", {point.name: point for point in points}).get(name)


def _load(group: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for point in _unique(metadata.entry_points(group=group)):
        if point.name in found:
            raise Misconfigured(f"{group}: {point.name} ×2", code="CFG-002")
        try:
            found[point.name] = point.load()
        except (ImportError, AttributeError) as error:
            raise Misconfigured(f"{group}: {point.name}: {error}", code="CFG-002") from error
    if not found:
        raise Misconfigured(f"{group}: none installed", code="CFG-002")
    return found


def _unique(points: Iterable[metadata.EntryPoint]) -> list[metadata.EntryPoint]:
    # An editable install beside its own egg-info lists each entry point twice, word for word.
    return sorted(set(points), key=lambda point: (point.name, point.value))
