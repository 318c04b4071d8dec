"""One running bus for each module of promises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.running_bus import NATION, RunningBus, agency, running_bus

from bus.model import PolicyMode, TrustPolicy

#: A clearing-house for G09, an agency nobody bound a key to, and the usual nation.
AGENCIES = (
    *NATION,
    agency("CLR", speaks_for=("G09", "H17")),
    agency("BARE", dialect=None, channel=None),
    agency(
        "STRICT", policy=TrustPolicy(mode=PolicyMode.SIGNATURE, require_document_signature=True)
    ),
)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A whole bus with real sockets, shared by one module."""
    with running_bus(tmp_path_factory.mktemp("bus"), agencies=AGENCIES) as running:
        yield running
