"""Bodies in memory and on disk, and the calls made with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Defect
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
