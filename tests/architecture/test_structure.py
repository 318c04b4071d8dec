"""The shape of the project is part of its promise: layers, sizes, names, style and types."""

from __future__ import annotations

import ast
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
SOURCES = sorted(
    path
    for folder in ("bus", "adapters")
    for path in (ROOT / folder).rglob("*.py")
    if "resources" not in path.parts and "migrations" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
TOP_LEVEL = {
    "setup.cfg", "setup.py", "bus", "schemas", "wsdl", "adapters", "tests", "conf", "Makefile",
    "README.md", "CHANGELOG.md", "LICENSE",
}  # fmt: skip
BROAD_EXCEPT = {"bus/worker.py", "bus/endpoints/edge.py", "bus/cli/__init__.py"}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_only_point_down_the_journey() -> None:
    """Every import contract of setup.cfg is kept."""
    run(str(BIN / "lint-imports"), "--config", "setup.cfg", "--no-cache")


def test_the_style_is_kept() -> None:
    """Ruff finds nothing to say."""
    run(str(BIN / "ruff"), "check", "--no-cache", ".")


def test_the_layout_is_kept() -> None:
    """Ruff's formatter would change no file."""
    run(str(BIN / "ruff"), "format", "--no-cache", "--check", ".")


def test_the_types_hold() -> None:
    """Mypy in strict mode accepts bus and adapters."""
    run(str(BIN / "mypy"), "--no-incremental")


def test_no_function_is_longer_than_fifty_lines() -> None:
    """A function of bus or adapters fits on one screen."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({lines_of(node)})"
        for path in SOURCES
        for node in functions(path)
        if lines_of(node) > 50
    ]
    assert not long


def test_functions_are_short_as_a_habit() -> None:
    """Half of all functions have at most ten lines."""
    sizes = [lines_of(node) for path in SOURCES for node in functions(path)]
    assert statistics.median(sizes) <= 10


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    """A module of bus or adapters is read in one sitting; the pipeline in one minute."""
    sizes = {
        str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCES
    }
    assert not {name: size for name, size in sizes.items() if size > 400}
    assert sizes["bus/pipeline.py"] <= 110


def test_no_drawer_for_odds_and_ends() -> None:
    """No module is named for not having a subject."""
    names = {"utils", "util", "helpers", "common", "manager", "base", "misc"}
    assert not [p for p in SOURCES if p.stem in names]


def test_broad_handlers_stand_only_at_the_three_edges() -> None:
    """`except Exception` is written in the worker loop, the WSGI edge and the CLI edge only."""
    found = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"})
    }
    assert found <= BROAD_EXCEPT


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_every_test_promises_something(path: Path) -> None:
    """Every test has a docstring of one sentence."""
    silent = [
        node.name
        for node in functions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent


def test_test_files_have_unique_names() -> None:
    """Two test files never share a name, so a report names one file."""
    names = [path.name for path in TESTS]
    assert len(names) == len(set(names))


def test_the_top_level_is_fixed() -> None:
    """The top level holds what a newcomer was told it holds."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        [git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    top = {name.split("/")[0] for name in listed if name and not name.startswith(".")}
    assert top == TOP_LEVEL


def test_every_setting_is_explained() -> None:
    """Every settings field carries a sentence."""
    from bus import config

    silent = [
        f"{section}.{name}"
        for section, field in config.Settings.model_fields.items()
        for name, inner in field.default.__class__.model_fields.items()
        if not (inner.description or "").rstrip().endswith(".")
    ]
    assert not silent


def test_every_error_code_has_words_in_both_languages() -> None:
    """Every code in the catalogue is complete, and every error class uses one of them."""
    from bus import errors
    from bus.error_catalogue import CATALOGUE

    for code, entry in CATALOGUE.items():
        for text in (entry.message, entry.message_vi, entry.hint, entry.hint_vi):
            assert text.endswith("."), code

    def walk(cls: type[errors.BusError]) -> Iterator[type[errors.BusError]]:
        yield cls
        for child in cls.__subclasses__():
            yield from walk(child)

    assert {cls.code for cls in walk(errors.BusError)} <= CATALOGUE.keys()
