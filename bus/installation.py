"""Lays out a new bus on disk: settings, routing file, key and certificate, empty store."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Literal

from bus.clock import SystemClock
from bus.config import Settings, load
from bus.db import schema
from bus.trust import pki

#: Clocks of others may be behind ours.
_A_DAY = timedelta(days=1)
_CONF_FILES = ("bus.toml", "routes.toml", "agencies.csv", "nginx.conf")


def install(folder: Path) -> list[Path]:
    """Make what a bus needs below `folder` and keep what is there; gives the paths made."""
    made: list[Path] = []
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    examples = resources.files("bus.resources") / "conf"
    for name in _CONF_FILES:
        target = conf / name
        if not target.exists():
            target.write_bytes((examples / name).read_bytes())
            made.append(target)
    settings = load(conf / "bus.toml", base=folder)
    made += make_own_key(settings)
    schema.upgrade(settings.store)
    return made


def make_own_key(settings: Settings) -> list[Path]:
    """Give the bus a key and a certificate, unless it has one."""
    trust = settings.trust
    if trust.key_file.exists():
        return []
    make_key(trust.key_file, trust.certificate_file, "lienthong-bus")
    return [trust.key_file, trust.certificate_file]


def make_key(
    key_file: Path, certificate_file: Path, name: str, *, kind: Literal["ec", "rsa"] = "ec"
) -> None:
    """Make a key (mode 0600) with a certificate of a throw-away authority, valid for a year.

    P-256, or RSA-2048 for stacks that sign with nothing else.
    """
    now = SystemClock().now()
    authority = pki.create_authority(f"{name} trial authority", now)
    key, certificate = pki.issue(authority, name, kind=kind, not_before=now - _A_DAY)
    pki.write_pair(key_file, certificate_file, key, certificate)
