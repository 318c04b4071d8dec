"""Run beside the tests: how much memory a whole bus takes for one large request.

`python one_request.py FILE CONTENT_TYPE` prints the growth of the peak in bytes. The request is
made by another process, since memory that its making frees would hide what its reading takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def growth(folder: Path, content_type: str, body: bytes) -> int:
    """Peak growth in bytes of a fresh process that answers one request with success."""
    file = folder / "request"
    file.write_bytes(body)
    done = subprocess.run(
        [sys.executable, __file__, str(file), content_type],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
            # Large blocks go back to the system at once, so that the peak is what is really held.
            "MALLOC_MMAP_THRESHOLD_": "65536",
        },
    )
    return int(done.stdout.splitlines()[-1])


def _main(file: Path, content_type: str) -> None:
    from support.outside import post
    from support.running_bus import running_bus
    from support.soap_edge import PING, envelope

    with running_bus(file.parent) as bus, file.open("rb") as body:
        post(bus, envelope(PING), Authorization="Bearer G22:key")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _memory("VmRSS")
        status, answer = _asked(bus.app.wsgi, body, file.stat().st_size, content_type)
        if not status.startswith("200"):
            raise SystemExit(answer.decode())
        print(_memory("VmHWM") - before)


def _asked(wsgi: Any, body: Any, size: int, content_type: str) -> tuple[str, bytes]:
    """One request of G22, straight from the file: the status line and the body of the answer."""
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/services/exchange",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(size),
        "CONTENT_TYPE": content_type,
        "HTTP_AUTHORIZATION": "Bearer G22:key",
        "wsgi.input": body,
    }
    answer = b"".join(wsgi(environ, lambda status, _: told.append(status)))
    return told[0], answer


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(name)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
