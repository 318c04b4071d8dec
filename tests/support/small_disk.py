"""A disk of a few megabytes that really fills up, seen only by the processes started on it.

It is a tmpfs with a size limit in a mount namespace of its own: made by root, or by anybody
where the kernel lets users have namespaces.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_HOLD = 'mount -t tmpfs -o "size=$2" small "$1" && echo held && exec cat'
#: How `unshare` and `nsenter` are asked for the namespace: as any user, else as root.
_WAYS = (
    (("unshare", "-Urm"), ("--user", "--preserve-credentials", "--mount")),
    (("unshare", "-m"), ("--mount",)),
)


@dataclass(frozen=True)
class SmallDisk:
    """A folder that is a small disk for processes inside, and how the test gets at it."""

    folder: Path
    holder: subprocess.Popen[str]
    enter: tuple[str, ...]

    @property
    def seen(self) -> Path:
        """The same folder for this process, which is outside; not to be resolved."""
        return Path(f"/proc/{self.holder.pid}/root{self.folder}")

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a command inside."""
        return ["nsenter", "--target", str(self.holder.pid), *self.enter, *command]

    def run(
        self, *command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end."""
        full = {**os.environ, **(env or {})}
        return subprocess.run(
            self.inside(command), env=full, capture_output=True, text=True, check=False
        )

    def fill(self, *, spare: int = 0) -> None:
        """Take all room but about `spare` bytes."""
        with (self.seen / "filler").open("ab", buffering=0) as filler:
            for piece in (1 << 20, 1 << 12):
                _pour(filler.fileno(), piece)
            size = filler.tell()
            filler.truncate(max(0, size - spare))

    def free(self) -> None:
        """Give back what fill() took."""
        (self.seen / "filler").unlink()

    def files(self) -> set[Path]:
        """Every file on the disk but the filler, relative to it."""
        return {
            path.relative_to(self.seen)
            for path in self.seen.rglob("*")
            if path.is_file() and path.name != "filler"
        }


def _pour(descriptor: int, piece: int) -> None:
    while True:
        try:
            os.write(descriptor, b"\1" * piece)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A new small disk at `folder`; the test is skipped where none can be had, but not in CI."""
    folder.mkdir()
    found = next((way for way in _WAYS if _works(way[0], folder)), None)
    if found is None:
        why = "neither this user nor root may have a mount namespace here"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    holder = _hold(found[0], folder, megabytes)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield SmallDisk(folder, holder, found[1])
    finally:
        holder.kill()
        holder.communicate()


def _works(unshare: Sequence[str], folder: Path) -> bool:
    """Whether a disk can be had in this way."""
    try:
        holder = _hold(unshare, folder, 1)
    except FileNotFoundError:
        return False
    told, _ = holder.communicate()
    return told == "held\n"


def _hold(unshare: Sequence[str], folder: Path, megabytes: int) -> subprocess.Popen[str]:
    """The process that keeps a namespace and its disk alive until its standard input ends."""
    return subprocess.Popen(
        [*unshare, "sh", "-c", _HOLD, "hold", str(folder), f"{megabytes}m"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
