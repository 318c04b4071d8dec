"""A directory and a topic table of national size, or of a part of it."""

from __future__ import annotations

from collections.abc import Sequence

from bus.model import Agency, AgencyState, CodeSystem

#: The units of the 2025 directory, and the rows a national table may have.
UNITS = 111_000
ROWS = 100_000
_PROVINCES = 63


def agencies(units: int) -> list[Agency]:
    """Provinces and the units below them; every tenth is connected."""
    provinces = [_agency(f"N{n:02}", None, connected=True) for n in range(_PROVINCES)]
    below = range(units - _PROVINCES)
    return [
        *provinces,
        *(_agency(f"N{n % 63:02}.{n}", f"N{n % 63:02}", connected=n % 10 == 0) for n in below),
    ]


def table(named: Sequence[Agency]) -> str:
    """A row of its own for each agency, then one for everybody else."""
    rows = [
        f'[[route]]\ntopic = "{"edoc.#" if at % 2 else "#"}"\nrecipient = "{each.code}"\n'
        f"{'hold' if at % 3 == 0 else 'deliver'} = true\n"
        for at, each in enumerate(named)
    ]
    return "".join(rows) + "[[route]]\ndeliver = true\n"


def _agency(code: str, parent: str | None, *, connected: bool) -> Agency:
    return Agency(
        code=code,
        name=f"Ủy ban nhân dân {code}",
        codes=((CodeSystem.QD20, code), (CodeSystem.QCVN102, f"000.00.{code}")),
        parent=parent,
        state=AgencyState.LIVE,
        dialect="qcvn102_java" if connected else None,
        channel="mailbox" if connected else None,
    )
