"""Real clients of every language against a live bus: `python tests/clients/run.py`.

Every client is generated from the served WSDL inside this run. The table shows each of them by
SOAP version and mode; the exit status is 1 when any cell is red.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rich.console import Console
from rich.table import Table

from tests.clients import example, senders, wss_forms
from tests.clients.live_bus import LiveBus, live_bus
from tests.clients.matrix import CLIENTS, MODES, VERSIONS, Client, cells

CONSOLE = Console(width=None if sys.stdout.isatty() else 150)


@dataclass
class Board:
    """The table as it fills, and what went wrong."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    failures: list[tuple[str, example.Outcome]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def fail(self, where: str, outcome: example.Outcome) -> str:
        """Remember a failure; the text of its cell."""
        self.failures.append((where, outcome))
        CONSOLE.print(f"  [red]✗[/red] {where}: {outcome.why}", highlight=False)
        return "[red]✗[/red]"

    def cannot(self, client: Client, reason: str) -> str:
        """Remember why a client cannot; the text of its cell, with a number that names the reason."""
        known = self.reasons.setdefault(f"{client.name}: {reason}", str(len(self.reasons) + 1))
        return f"[dim]cannot {known}[/dim]"


def try_client(client: Client, bus: LiveBus, folder: Path, board: Board) -> None:
    """Build one client and run every cell of its row."""
    lacking = example.missing_tools(client)
    built = (
        example.Outcome(0, f"not installed: {', '.join(lacking)} (tests/clients/install)")
        if lacking
        else example.build(client, bus, folder)
    )
    if not built.green:
        board.fail(f"{client.name}, generated and compiled", built)
    cellwise = []
    for version, mode in cells():
        reason = client.reason(version, mode)
        if reason:
            cellwise.append(board.cannot(client, reason))
        elif not built.green:
            cellwise.append("[red]✗[/red]")
        else:
            cellwise.append(_cell(client, bus, folder, version, mode, board))
    mark = f"{built.seconds:.0f} s" if built.green else "[red]✗[/red]"
    board.rows.append((client.name, mark, *cellwise))


def _cell(client: Client, bus: LiveBus, folder: Path, version: str, mode: str, board: Board) -> str:
    outcome = example.run(client, bus, folder, version, mode)
    where = f"{client.name}, SOAP {version}, {mode}"
    if not outcome.green:
        return board.fail(where, outcome)
    CONSOLE.print(f"  [green]✓[/green] {where} ({outcome.seconds:.1f} s)", highlight=False)
    return "[green]✓ ⇄[/green]" if "verify" in outcome.told else "[green]✓[/green]"


def show(board: Board) -> None:
    """Print failures in full, then the table and its legend."""
    for where, outcome in board.failures:
        CONSOLE.rule(f"[red]{where}: {outcome.why}")
        CONSOLE.print(outcome.said[-4000:], markup=False, highlight=False)
    table = Table(title="Clients generated from the served WSDL")
    table.add_column("client")
    table.add_column("build", justify="right")
    for version in VERSIONS:
        for mode in MODES:
            table.add_column(f"{version}\n{mode}", justify="center")
    for row in board.rows:
        table.add_row(*row)
    CONSOLE.print(table)
    CONSOLE.print("✓ done, and the bus's store holds what was sent; ⇄ replies' signatures checked")
    for reason, number in board.reasons.items():
        CONSOLE.print(f"cannot {number}: {reason}", highlight=False)


def try_wss_forms(bus: LiveBus, folder: Path) -> list[str]:
    """WS-Security by WSS4J and xmlsec1; where they and the bus disagree."""
    CONSOLE.print("[bold]WSS4J in every form it can sign, WSS4J and xmlsec1 on replies[/bold]")
    good = "requests, replies and faults, RSA and EC, SOAP 1.1 and 1.2"
    return _shown(wss_forms.wrong(bus, folder), good)


def try_rsa_bus(client: Client, folder: Path) -> list[str]:
    """A client that can check RSA only, against a bus that signs with RSA; what is wrong."""
    CONSOLE.print(f"[bold]{client.name} checks the replies of a bus with an RSA key[/bold]")
    # the client as it was built, under another name for what this run leaves
    again = folder / f"{client.folder}-rsa"
    again.symlink_to(folder / client.folder)
    with wss_forms.rsa_bus(folder / "bus-rsa") as bus:
        outcomes = {v: example.run(client, bus, again, v, "signed") for v in VERSIONS}
    wrong = [
        f"{client.name}, SOAP {version}: {outcome.why or 'replies not checked'}"
        for version, outcome in outcomes.items()
        if not outcome.green or "verify" not in outcome.told
    ]
    return _shown(wrong, "SOAP 1.1 and 1.2")


def _shown(wrong: list[str], good: str) -> list[str]:
    for words in wrong:
        CONSOLE.print(f"  [red]✗[/red] {words}", highlight=False)
    if not wrong:
        CONSOLE.print(f"  [green]✓[/green] {good}", highlight=False)
    return wrong


def try_senders(folder: Path, connections: int, documents: int) -> list[str]:
    """Many senders at once; what was mixed up between them."""
    CONSOLE.print(f"[bold]{connections} parallel senders, {documents:,} distinct documents[/bold]")
    with live_bus(folder, **senders.policies()) as bus:
        load = senders.Load(bus, documents)
        seconds = load.send(connections)
        load.look_into_the_store()
    answers = f"{len(load.accepted):,} receipts, {len(load.refused):,} typed faults"
    CONSOLE.print(f"  {answers} in {seconds:.0f} s; every one belongs to its own request: ", end="")
    CONSOLE.print("[red]✗[/red]" if load.mixed else "[green]✓[/green]")
    for words in load.mixed[:20]:
        CONSOLE.print(f"  [red]✗[/red] {words}", highlight=False)
    return load.mixed


def _words() -> argparse.Namespace:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", help="folders under wsdl/examples with commas between; no senders")
    words.add_argument("--senders", type=int, default=200, help="connections at once; 0: none")
    words.add_argument("--documents", type=int, default=10_000, help="documents they send")
    asked = words.parse_args()
    known = {client.folder for client in CLIENTS}
    asked.names = set(asked.only.split(",")) if asked.only else known
    if asked.names - known:
        words.error(f"no such example: {', '.join(sorted(asked.names - known))}")
    return asked


def main() -> int:
    """Run what was asked for; 1 when a cell is red or anything was mixed up."""
    asked = _words()
    board, mixed, wrong = Board(), list[str](), list[str]()
    with tempfile.TemporaryDirectory(prefix="clients-") as name:
        folder = Path(name)
        with live_bus(folder / "bus") as bus:
            for client in CLIENTS:
                if client.folder in asked.names:
                    CONSOLE.print(f"[bold]{client.name}[/bold]")
                    try_client(client, bus, folder / client.folder, board)
            wrong = try_wss_forms(bus, folder / "wss") if "java" in asked.names else []
        for client in CLIENTS:
            if client.folder == "cpp" and client.folder in asked.names:
                wrong += try_rsa_bus(client, folder)
        if asked.senders and not asked.only:
            mixed = try_senders(folder / "busy", asked.senders, asked.documents)
    show(board)
    return 1 if board.failures or mixed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
