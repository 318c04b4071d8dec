"""The wheel carries everything the bus needs, and works where no checkout is in sight."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ("bus", "adapters", "schemas", "wsdl", "conf", "setup.cfg", "setup.py", "README.md",
           "LICENSE")  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the project without the network."""
    source = tmp_path_factory.mktemp("source")
    for name in PROJECT:
        if (ROOT / name).is_dir():
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=leave)
        else:
            shutil.copy(ROOT / name, source / name)
    out = source / "out"
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content on a path of its own; third-party packages come from this environment."""
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python outside the checkout with the wheel's content in front of everything else."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BUS_")}
    return subprocess.run(
        [sys.executable, "-P", *words],
        cwd=folder,
        env=env | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("folder", ["schemas", "wsdl", "conf"])
def test_the_wheel_holds_every_resource(wheel: Path, folder: str) -> None:
    """Every schema, WSDL and example setting of the checkout is in the wheel, byte for byte."""
    with zipfile.ZipFile(wheel) as archive:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                inside = f"bus/resources/{path.relative_to(ROOT).as_posix()}"
                assert archive.read(inside) == path.read_bytes(), inside


def test_the_wheel_holds_migrations_and_samples(wheel: Path) -> None:
    """Every migration of the store and every sample of a dialect is in the wheel."""
    wanted = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("bus/db/migrations/**/*.py", "bus/db/migrations/*.mako",
                        "adapters/*/samples/*")
        for path in ROOT.glob(pattern)
    }  # fmt: skip
    with zipfile.ZipFile(wheel) as archive:
        assert wanted <= set(archive.namelist())
    assert wanted


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    """No tests and no top-level folder besides the two packages and the metadata."""
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"bus", "adapters"}


def test_the_bus_is_composed_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """The composition root and the frozen WSDL come from the wheel, not from the checkout."""
    done = run(
        installed, tmp_path, "-c",
        "import bus.app, importlib.resources as r; print(bus.app.__file__);"
        "print(len((r.files('bus.resources') / 'wsdl' / 'exchange-1.wsdl').read_bytes()))",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    origin, size = done.stdout.split("\n")[:2]
    assert Path(origin).is_relative_to(installed)
    assert int(size) == (ROOT / "wsdl" / "exchange-1.wsdl").stat().st_size


def test_a_document_is_checked_by_the_schema_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    """`bus check` validates a sample with the schemas and dialects that the wheel brought."""
    sample = installed / "adapters/qcvn102_java/samples/document_new.edxml"
    done = run(installed, tmp_path, "-m", "bus", "check", str(sample), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[str(sample)]["acceptable"] is True


def test_a_bus_is_laid_out_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    """`bus init` makes settings, key and store, which `bus db upgrade` finds up to date."""
    made = run(installed, tmp_path, "-m", "bus", "init", "--json")
    assert made.returncode == 0, made.stderr
    for name in ("bus.toml", "routes.toml", "agencies.csv"):
        assert (tmp_path / "conf" / name).read_bytes() == (ROOT / "conf" / name).read_bytes()
    imported = run(installed, tmp_path, "-m", "bus", "agencies", "import", "conf/agencies.csv")
    assert imported.returncode == 0, imported.stderr
    assert run(installed, tmp_path, "-m", "bus", "routes", "reload").returncode == 0
