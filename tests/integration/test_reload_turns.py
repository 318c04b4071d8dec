"""Reloads that overlap: the file as it is now wins, whoever was first."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from bus.db import open_database
from bus.dev.nation import ROUTES, found, free_port


def test_a_reload_that_waits_its_turn_reads_the_file_as_it_is_then(tmp_path: Path) -> None:
    """A reload held off by another stores the text written meanwhile, not the one before."""
    nation = found(tmp_path, free_port())
    nation.routes.write_text(ROUTES + "# older\n", encoding="utf-8")
    folder = os.open(nation.routes.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        reload = subprocess.Popen(
            [sys.executable, "-m", "bus", "routes", "reload"],
            env=os.environ | {"BUS_CONF": str(nation.conf)},
            stdout=subprocess.DEVNULL,
        )
        time.sleep(4)
        nation.routes.write_text(ROUTES + "# newer\n", encoding="utf-8")
    finally:
        os.close(folder)
    assert reload.wait(timeout=60) == 0
    database = open_database(nation.settings.store)
    try:
        assert database.routes.text(database.routes.active()) == ROUTES + "# newer\n"
    finally:
        database.close()
