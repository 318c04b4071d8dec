"""The world in which signatures are made and judged."""

from __future__ import annotations

import pytest

from tests.support import pki


@pytest.fixture
def world() -> pki.World:
    """Agencies with keys of every standing, and the bus's keyring."""
    return pki.world()
