"""What an operator mistypes is told as such, never as a defect of the bus."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.store_builders import new_message, query_of

from bus import cli
from bus.config import load
from bus.db import open_database
from bus.installation import install


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh bus with the example agencies, as the working folder."""
    install(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BUS_CONF", raising=False)
    assert run(monkeypatch, "agencies", "import", "conf/agencies.csv") == 0
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """One command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["bus", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("keys", "bind", "G09", "conf"), "CFG-001"),
        (("keys", "policy", "G09", "--token-file", "none"), "CFG-001"),
        (("receive", "conf/bus.toml/in"), "CFG-001"),
        (("agencies", "register", "G09", "--channel", "soup"), "CFG-002"),
        (("agencies", "register", "G09", "--parent", "NOBODY"), "CFG-008"),
    ],
    ids=["a folder for a file", "no such file", "a file for a folder", "channel", "parent"],
)
def test_a_mistake_is_told_with_a_code_and_a_cure(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: str,
) -> None:
    """Names of files and parts that do not exist are the caller's, with exit code 1 or 2."""
    assert folder.is_dir()
    assert run(monkeypatch, *words) in {1, 2}
    assert capsys.readouterr().err.startswith(code)


def test_a_recipient_is_found_under_any_of_its_codes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--to` takes any code of the directory, in any spelling."""
    database = open_database(load(folder / "conf" / "bus.toml").store)
    message = new_message("G09")
    assert database.store.accept(message, query_of(message))
    database.close()
    capsys.readouterr()
    assert run(monkeypatch, "messages", "list", "--json", "--to", "000.00.00.g09") == 0
    assert message.message_id in capsys.readouterr().out
    cancelled = ("messages", "cancel", message.message_id, "--to", "g09")
    assert run(monkeypatch, *cancelled) == 0
