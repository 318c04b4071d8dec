"""A letter to send by hand, and the command that sends it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from bus import registry
from bus.config import LimitSettings
from bus.dev import letters
from bus.dev.nation import Nation
from bus.model import Organization

LETTER = "letter.edxml"


def write_letter(nation: Nation, number: int) -> Path:
    """Write an unsigned letter of the first agency to the second, with `number` in its DocumentId."""
    sender, recipient, *_ = (Organization(organ_id=c.code, name=c.name) for c in nation.citizens)
    document = letters.letter(number, sender, (recipient,), "V/v gửi thử văn bản điện tử")
    dialect = registry.dialects(LimitSettings()).get(nation.citizens[0].dialect)
    path = nation.folder / LETTER
    path.write_bytes(dialect.write(document).content)
    return path


def send_command(nation: Nation) -> str:
    """The line for a shell in this folder that signs the letter as its sender and sends it."""
    home = Path(nation.citizens[0].folder)
    return command(
        "send", shown(nation.folder / LETTER), "--url", nation.url,
        "--key", shown(home / "key.pem"), "--cert", shown(home / "cert.pem"),
        "--bus-cert", shown(nation.folder / "bus.cert.pem"),
    )  # fmt: skip


def command(*words: str) -> str:
    """A line for a shell that runs this installation's `bus` with these words."""
    started_as = Path(sys.argv[0])
    program = [shown(started_as)] if started_as.name == "bus" else [sys.executable, "-m", "bus"]
    return shlex.join([*program, *words])


def shown(path: Path) -> str:
    """A path as a person in this folder would type it."""
    here = Path.cwd()
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - symbolic links stay as they are
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
