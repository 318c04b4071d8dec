"""Reload: a new topic table is proposed in a child process, and every node switches to it."""

from bus.reload.holder import RoutesHolder
from bus.reload.loading import load
from bus.reload.proposing import Past, ReloadParts, ReloadReport, propose, rehearse, rollback
from bus.reload.watcher import RELOAD_COMMAND, RoutesFileWatcher

__all__ = [
    "RELOAD_COMMAND",
    "Past",
    "ReloadParts",
    "ReloadReport",
    "RoutesFileWatcher",
    "RoutesHolder",
    "load",
    "propose",
    "rehearse",
    "rollback",
]
