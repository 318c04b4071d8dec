"""bus check FILE: every problem of a document, without sending it; bus explain CODE."""

from __future__ import annotations

import re
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
    code: Annotated[str, typer.Argument(help="A code: SIG-002, E07, R12 or A05.")],
    json: output.JsonFlag = False,
) -> None:
    """Say what a code means and what cures it, in English and Vietnamese."""
    words = explanations()
    wanted = code.upper()
    texts = words.get(wanted)
    if texts is None:
        families = ", ".join(dict.fromkeys(re.match("[A-Z]+", each)[0] for each in sorted(words)))  # type: ignore[index]  # every code begins with letters
        raise typer.BadParameter(f"{code} is no code; codes begin with {families}")
    if json:
        told = dict(zip(("message", "messageVi", "hint", "hintVi"), texts, strict=True))
        output.emit({"code": wanted} | told)
        return
    typer.echo(f"{wanted} {texts[0]}\n  {texts[2]}\n{wanted} {texts[1]}\n  {texts[3]}")


def explanations() -> dict[str, tuple[str, str, str, str]]:
    """Every code the bus speaks in: errors, document rules, routing rules, agency list rules.

    Each with message and hint: (English, Vietnamese, hint, hint in Vietnamese).
    """
    from bus.agency_csv.report import RULES as LIST_RULES
    from bus.edxml.rules import RULES as DOCUMENT_RULES
    from bus.error_catalogue import CATALOGUE
    from bus.routing.rules import RULES as ROUTING_RULES

    documents = {r.id: (r.text, r.text_vi, r.hint, r.hint_vi) for r in DOCUMENT_RULES.values()}
    others = {
        code: (words.message, words.message_vi, words.hint, words.hint_vi)
        for table in (CATALOGUE, ROUTING_RULES, LIST_RULES)
        for code, words in table.items()
    }
    return documents | others
