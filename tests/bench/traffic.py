"""Calls in process and over HTTP, counted and timed; and the processes they go to."""

from __future__ import annotations

import http.client
import io
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import corpus

SERVE = Path(__file__).with_name("serve.py")
_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


@dataclass(frozen=True)
class Rate:
    """How many messages took how long."""

    done: int
    seconds: float
    #: Processor time of this process, all threads, in seconds; 0 when the work is elsewhere.
    cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        """Messages per second."""
        return self.done / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time for one message, milliseconds."""
        return self.cpu_s / self.done * 1000


def in_process(app: Callable[..., Any], requests: Sequence[bytes], seconds: float) -> Rate:
    """Call a WSGI application one request after the other, for at most `seconds`."""
    started, cpu = time.perf_counter(), time.process_time()
    done = 0
    for body in requests:
        _call(app, body)
        done += 1
        if time.perf_counter() - started > seconds:
            break
    return Rate(done, time.perf_counter() - started, time.process_time() - cpu)


def over_http(port: int, requests: Sequence[bytes], seconds: float, clients: int) -> Rate:
    """Send requests from several threads, each on a kept connection, for at most `seconds`."""
    left = iter(requests)
    lock = threading.Lock()
    failures: list[str] = []
    done = 0
    end = time.perf_counter() + seconds

    def client() -> None:
        nonlocal done
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() < end and not failures:
            with lock:
                body = next(left, None)
            if body is None:
                break
            status, answer = post(line, body)
            if status != 200:
                failures.append(f"HTTP {status}: {answer[:600].decode(errors='replace')}")
            with lock:
                done += 1
        line.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(failures[0])
    return Rate(done, time.perf_counter() - started)


def post(line: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """One call on a connection."""
    line.request("POST", corpus.PATH, body, _HEADERS)
    answer = line.getresponse()
    return answer.status, answer.read()


@dataclass
class Served:
    """A stack in a process of its own."""

    port: int
    pid: int

    def memory(self, name: str) -> int:
        """A figure of /proc/PID/status in bytes (VmRSS, VmHWM); 0 where there is no /proc."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0

    def forget_peak(self) -> None:
        """Let VmHWM begin again from now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@contextmanager
def served(stack: str, folder: Path, keys: Path, sink_port: int = 0) -> Iterator[Served]:
    """Serve a stack until the block ends."""
    process = subprocess.Popen(
        [sys.executable, str(SERVE), stack, str(folder), str(keys), str(sink_port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        said = process.stdout.readline().strip()
        if not said.isdigit():
            raise RuntimeError(f"{stack} did not start: {said or 'its own words are above'}")
        yield Served(int(said), process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _call(app: Callable[..., Any], body: bytes) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": corpus.PATH,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": _HEADERS["Content-Type"],
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_SOAPACTION": '""',
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    seen: list[str] = []
    answer = app(environ, lambda status, _headers, _error=None: seen.append(status))
    text = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    if not seen[0].startswith("200"):
        raise RuntimeError(f"{seen[0]}: {text[:600].decode(errors='replace')}")
