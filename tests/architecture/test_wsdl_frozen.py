"""The contract does not move by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.endpoints.edoc.wsdl import wsdl as edoc_wsdl
from bus.endpoints.freeze import ADDRESS, EDOC, EDOC_ADDRESS, FORMS, freeze
from bus.endpoints.wsdl import wsdl

FOLDER = Path(__file__).resolve().parents[2] / "wsdl"


@pytest.mark.parametrize("name", sorted(FORMS))
def test_the_service_gives_out_the_frozen_wsdl(name: str) -> None:
    """What is generated equals the file under wsdl/, byte for byte.

    A deliberate change of the contract is frozen by `python -m bus.endpoints.freeze`.
    """
    assert (FOLDER / name).read_bytes() == wsdl(ADDRESS, FORMS[name])


def test_the_edoc_service_gives_out_the_frozen_wsdl() -> None:
    """The eDoc WSDL equals the file under wsdl/, byte for byte."""
    assert (FOLDER / EDOC).read_bytes() == edoc_wsdl(EDOC_ADDRESS)


def test_freezing_writes_every_form(tmp_path: Path) -> None:
    """Freezing writes exactly the files that are compared."""
    freeze(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*FORMS, EDOC}
