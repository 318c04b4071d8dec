"""bus check FILE: every problem of a document, without sending it; bus explain CODE."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bus.cli import output, parts


def check(
    files: Annotated[list[Path], typer.Argument(help="edXML files, as a vendor wrote them.")],
    json: output.JsonFlag = False,
) -> None:
    """Validate documents and list every problem with path, line and cure; exit 1 if one is refused."""
    from bus.inspection import inspect_file, tools

    with parts.directory_if_any() as (current, directory):
        instruments = tools(current, directory)
        reports = {str(path): inspect_file(path, instruments) for path in files}
    if json:
        output.emit(reports)
    else:
        for name, report in reports.items():
            verdict = "accepted" if report.acceptable else "REFUSED"
            typer.echo(f"{name}: {verdict} ({report.dialect or 'unknown dialect'})")
            output.problems(report.problems)
            for loss in report.losses:
                typer.echo(f"  loss {loss.fate.value} {loss.path} {loss.note}")
    if not all(report.acceptable for report in reports.values()):
        raise typer.Exit(output.REFUSED)


def explain(
    code: Annotated[str, typer.Argument(help="An error code or rule id, such as SIG-002 or E07.")],
    json: output.JsonFlag = False,
) -> None:
    """Say what a code means and what cures it, in English and Vietnamese."""
    from bus.edxml import rules
    from bus.error_catalogue import CATALOGUE

    wanted = code.upper()
    entry = CATALOGUE.get(wanted)
    if entry is not None:
        texts = [entry.message, entry.message_vi, entry.hint, entry.hint_vi]
    elif wanted in rules.RULES:
        sample = rules.problem(wanted)
        texts = [sample.message, sample.message_vi, sample.hint, sample.hint_vi]
    else:
        known = ", ".join(sorted([*CATALOGUE, *rules.RULES]))
        raise typer.BadParameter(f"unknown code; known: {known}")
    if json:
        output.emit(dict(zip(("message", "messageVi", "hint", "hintVi"), texts, strict=True)))
        return
    typer.echo(f"{wanted} {texts[0]}\n  {texts[2]}\n{wanted} {texts[1]}\n  {texts[3]}")
