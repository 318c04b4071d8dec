"""`bus dev` as a process: what it printed, and every process below it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: The line that says that everything is started and stays up.
UP = "Ctrl-C ends it"


@dataclass
class Running:
    """One `bus dev`, what it printed, and every process below it."""

    process: subprocess.Popen[str]
    folder: Path
    lines: list[str] = field(default_factory=list)
    family: list[psutil.Process] = field(default_factory=list)

    def read_until(self, words: str) -> str:
        """The next line that contains `words`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if words in line:
                return line.strip()
        raise AssertionError("\n".join(self.lines))

    def leftovers(self) -> list[psutil.Process]:
        """Processes below it that do not end by themselves within half a minute."""
        return psutil.wait_procs(self.family, timeout=30)[1]


@contextmanager
def bus_dev(folder: Path, *words: str, up: str = UP) -> Iterator[Running]:
    """Run `bus dev` below a folder with a space and Vietnamese letters, up and quiet."""
    home = folder / "bản thử nghiệm"
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "bus", "dev", "--port", "0", *words],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Running(process, home)
    try:
        running.read_until(up)
        running.family = psutil.Process(process.pid).children(recursive=True)
        yield running
    finally:
        process.kill()
        process.communicate()
        for child in running.family:
            if child.is_running():
                child.kill()
