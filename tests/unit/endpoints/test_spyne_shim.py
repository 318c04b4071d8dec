"""Spyne on every supported Python."""

from __future__ import annotations

import subprocess
import sys


def test_spyne_loads_without_a_warning() -> None:
    """A fresh interpreter that treats warnings as errors can load the endpoints' spyne."""
    code = "import bus.endpoints.spyne_shim as shim; print(shim.Application.__module__)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("spyne.application", "")


def test_the_bundled_six_is_replaced_by_the_installed_one() -> None:
    """Whatever spyne imports from its own copy of six comes from the real one."""
    import six

    from bus.endpoints import spyne_shim

    assert spyne_shim.Application
    assert sys.modules["spyne.util.six"] is six
