"""Bodies in memory and on disk, and the calls made with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Defect, StoreUnavailable
from bus.web.answer import call
from bus.web.spool import Spool


@given(st.lists(st.binary(max_size=300)), st.integers(min_value=1, max_value=400))
def test_what_goes_in_comes_out(parts: list[bytes], memory: int) -> None:
    """Whatever the pieces and wherever memory ends, the content is the same, twice."""
    with Spool(memory_bytes=memory) as spool:
        for part in parts:
            spool.write(part)
        whole = b"".join(parts)
        assert spool.size == len(whole)
        assert spool.reader().read() == whole
        assert b"".join(spool.chunks(7)) == whole


def test_large_content_has_no_name(tmp_path: Path) -> None:
    """What is on disk cannot be found in the folder, and is gone with the spool."""
    with Spool(tmp_path, memory_bytes=10) as spool:
        spool.write(b"x" * 1000)
        assert list(tmp_path.iterdir()) == []
        reader = spool.reader()
    assert reader.closed


def test_small_content_never_touches_the_disk(tmp_path: Path) -> None:
    """Content within memory needs no folder at all."""
    with Spool(tmp_path / "missing", memory_bytes=10) as spool:
        spool.write(b"0123456789")
        assert spool.reader().read() == b"0123456789"


class Closing:
    """An iterable answer that tells whether it was closed."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts

    def close(self) -> None:
        """PEP 3333: must be called whatever happens."""
        self.closed = True


def test_an_iterable_answer_is_collected_and_closed() -> None:
    """A generated answer is run to its end in the thread and closed there."""
    result = Closing([b"a", b"b"])

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Closing:
        start_response("201 Created", [("X-A", "1")])(b"0")
        return result

    answer = call(app, {})
    assert (answer.status, answer.headers, answer.size) == (201, [("X-A", "1")], 3)
    assert isinstance(answer.body, Spool)
    assert answer.body.reader().read() == b"0ab"
    assert result.closed
    answer.close()


def test_a_list_after_write_keeps_its_order() -> None:
    """Bytes given to write() come before the returned ones."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])(b"first ")
        return [b"then"]

    answer = call(app, {})
    assert isinstance(answer.body, Spool)
    assert answer.body.reader().read() == b"first then"
    answer.close()


def test_an_application_must_start_its_answer() -> None:
    """Silence is a defect, and so is starting twice."""
    with pytest.raises(Defect):
        call(lambda _environ, _start: [b"x"], {})

    def twice(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    with pytest.raises(Defect):
        call(twice, {})


_TOO_LARGE = """
import resource, sys
from pathlib import Path
from bus.web.spool import Spool
limit, piece, memory = (int(word) for word in sys.argv[2:])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
refused = 0
with Spool(Path(sys.argv[1]), memory_bytes=memory) as spool:
    try:
        for _ in range(10):
            spool.write(b"x" * piece)
        spool.reader()
    except OSError:
        refused += 1
print(refused, end="")
"""


@pytest.mark.parametrize("piece", [100, 3000, 20_000])
def test_a_disk_that_takes_no_more_is_told_once(tmp_path: Path, piece: int) -> None:
    """Writing or reading back raises OSError where the disk ends; closing afterwards is quiet."""
    words = [str(tmp_path), str(9 * piece + piece // 2), str(piece), str(piece - 1)]
    done = subprocess.run(
        [sys.executable, "-c", _TOO_LARGE, *words], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1", "")


def test_an_answer_that_no_disk_takes_is_asked_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large answer that cannot be kept is a retryable error, not a defect."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"x" * 300_000

    with pytest.raises(StoreUnavailable):
        call(app, {})
