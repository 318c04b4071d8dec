"""The example configuration is true: it loads, it is complete, its examples work."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel
from support.memory_routes import MemoryDirectory

from bus import agency_csv, routing
from bus.config import Settings, load
from bus.model import AgencyState, CodeSystem, Severity

CONF = Path(__file__).resolve().parents[2] / "conf"


def examples() -> list[str]:
    """Every commented-out row of the example table."""
    text = (CONF / "routes.toml").read_text(encoding="utf-8")
    blocks = re.findall(r"(?m)^# \[\[route\]\]\n(?:# .+\n)+", text)
    return [re.sub(r"(?m)^# ", "", block) for block in blocks]


@pytest.fixture(scope="module")
def directory() -> MemoryDirectory:
    return MemoryDirectory(agency_csv.parse((CONF / "agencies.csv").read_text(encoding="utf-8")))


def test_the_example_settings_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As delivered, the file leaves every setting at its default."""
    monkeypatch.delenv("BUS_CONF", raising=False)
    assert load(CONF / "bus.toml") == Settings()


def test_every_setting_is_explained_with_its_default() -> None:
    """Each setting stands in the file with its sentence and its default, and no other does."""
    text = (CONF / "bus.toml").read_text(encoding="utf-8")
    shown = tomllib.loads(re.sub(r"(?m)^# ([a-z_]+ = )", r"\1", text))
    documented = {
        (name, key): value for name, table in shown.items() for key, value in table.items()
    }
    known = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        for key, each in section.model_fields.items():
            default = each.default
            known[name, key] = _as_toml(default)
            assert f"# {each.description}\n# {key} = " in text, f"[{name}] {key}"
    assert documented.keys() == known.keys()
    unset = {key for key, value in known.items() if value is None}
    assert {key: documented[key] for key in known.keys() - unset} == {
        key: known[key] for key in known.keys() - unset
    }


def _as_toml(value: object) -> object:
    """A default as the file spells it."""
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def test_the_example_table_delivers_everything(directory: MemoryDirectory) -> None:
    """As delivered, the table has one row and nothing to complain about."""
    table = routing.parse((CONF / "routes.toml").read_text(encoding="utf-8"), "routes.toml")
    assert [row.action for row in table.rows] == [routing.Action.DELIVER]
    assert routing.check(table, directory, {"mailbox", "soap"}) == ()


def test_the_commented_rows_work_together(directory: MemoryDirectory) -> None:
    """With every example switched on, the table is accepted without a warning."""
    text = "".join(examples()) + "[[route]]\ndeliver = true\n"
    table = routing.parse(text, "examples")
    assert {row.action for row in table.rows} == set(routing.Action)
    problems = routing.check(table, directory, {"mailbox", "soap"})
    assert [each for each in problems if each.severity is Severity.REJECT] == []
    assert problems == ()


def test_the_example_directory_is_whole(directory: MemoryDirectory) -> None:
    """33 central bodies and 63 provinces with both codes, 59 of them live; only the examples are connected."""
    level_one = [each for each in directory.agencies if re.fullmatch(r"[GH]\d\d", each.code)]
    assert len([each for each in level_one if each.code.startswith("H")]) == 63
    assert len([each for each in level_one if each.code.startswith("G")]) == 33
    assert sum(each.state is AgencyState.LIVE for each in level_one) == 34 + 25
    for each in level_one:
        assert each.codes == (
            (CodeSystem.QD20, each.code),
            (CodeSystem.QCVN102, f"000.00.00.{each.code}"),
        )
    assert sorted(directory.connected()) == ["Z01", "Z01.01", "Z02"]
    assert all(directory.find(each.parent) for each in directory.agencies if each.parent)


def test_the_example_directory_is_as_the_bus_would_write_it(directory: MemoryDirectory) -> None:
    """Export of the import is the same file, so that changes show as changes."""
    text = (CONF / "agencies.csv").read_text(encoding="utf-8")
    assert agency_csv.write(directory.agencies).replace("\r\n", "\n") == text


def test_every_command_the_operator_is_told_exists() -> None:
    """What the README and the example table tell the operator to type can be typed."""
    from bus.cli import app

    root = typer.main.get_command(app)
    told = "".join(
        (CONF / name).read_text(encoding="utf-8") for name in ("README.md", "routes.toml")
    )
    lines = re.findall(r"(?:`|\n)bus ([a-z]+)((?: [a-z]+)?)([^`\n]*)", told)
    assert len(lines) > 30
    for first, second, rest in lines:
        command = root.get_command(typer.Context(root), first)  # type: ignore[attr-defined]  # a group
        assert command, first
        if hasattr(command, "get_command"):
            command = command.get_command(typer.Context(command), second.strip())
            assert command, (first, second)
        options = {name for each in command.params for name in each.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) - {"--json"} <= options, (first, second, rest)
