"""The `bus` command run inside the test process: same parsing, same edge, no second interpreter."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bus import cli


@dataclass(frozen=True)
class Done:
    """How a command ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Done:
    """Run one command as if it were typed in `cwd` with further variables."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.callback(_restore, dict(os.environ), sys.argv)
        os.environ.update(env or {})
        sys.argv = ["bus", *words]
        if cwd is not None:
            stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            cli.main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
    assert isinstance(code, int)
    return Done(code, out.getvalue(), err.getvalue())


def _restore(environ: dict[str, str], argv: list[str]) -> None:
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = argv
