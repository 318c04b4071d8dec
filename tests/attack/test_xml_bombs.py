"""Messages made to hurt: each is refused cheaply, before the parser builds anything."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bus.config import LimitSettings
from bus.edxml import limits, parser
from bus.edxml.possessive import SOUND
from bus.errors import BusError

LIMITS = LimitSettings()
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
ENTITY_BOMB = (
    HEAD
    + b'<!DOCTYPE a [<!ENTITY a "'
    + b"x" * 1000
    + b'">'
    + b"".join(b'<!ENTITY %c "%s">' % (i + 1, b"&%c;" % i * 10) for i in range(ord("a"), ord("j")))
    + b"]><a>&j;</a>"
)
EXTERNAL = HEAD + b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
#: name → (body, code)
BOMBS: dict[str, tuple[bytes, str]] = {
    "ten thousand levels": (b"<a>" * 10_000 + b"</a>" * 10_000, "RCV-002"),
    "never closed": (b"<a>" * 3_000_000, "RCV-002"),
    "entity bomb": (ENTITY_BOMB, "XML-002"),
    "external entity": (EXTERNAL, "XML-002"),
    "a million elements": (b"<a>" + b"<b/>" * 1_000_000 + b"</a>", "RCV-003"),
    "a million comments": (b"<a>" + b"<!---->" * 1_000_000 + b"</a>", "RCV-003"),
    "wrong charset": (HEAD + "<a>Đà Lạt</a>".encode().replace(b"\xc3", b"\xff"), "XML-003"),
    "truncated": (HEAD + b"<a>\n <b>text", "XML-001"),
    "open comments": (b"<a>" + b"<!--" * 2_000_000, "XML-001"),
    "open quotes": (b"<a b='" + b'"' * 2_000_000, "XML-001"),
    "open sections": (b"<a>" + b"<![CDATA[" * 1_000_000, "XML-001"),
    "hidden in UTF-7": (
        b'<?xml version="1.0" encoding="UTF-7"?><a>' + b"+ADw-b+AD4-" * 200_000 + b"</a>",
        "XML-003",
    ),
    "hidden in UTF-32": (("<a>" * 10_000).encode("utf-32"), "XML-003"),
}


def receive(body: bytes) -> None:
    limits.check(body, LIMITS)
    parser.parse(body)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name: str) -> None:
    """Each bomb is refused with its own code, and with a line and column."""
    body, code = BOMBS[name]
    with pytest.raises(BusError) as caught:
        receive(body)
    assert caught.value.code == code
    assert caught.value.line >= 1
    assert caught.value.column >= 1


def test_the_parser_alone_refuses_entities() -> None:
    """Without the scanner before it, the parser still resolves no entity and reads no file."""
    for body in (ENTITY_BOMB, EXTERNAL):
        with pytest.raises(BusError) as caught:
            parser.parse(body)
        assert caught.value.code == "XML-002"


MEASURE = textwrap.dedent(
    """
    import io
    from pathlib import Path
    from bus.config import LimitSettings
    from bus.edxml import limits, parser
    from bus.errors import BusError

    def kilobytes(name):
        text = Path("/proc/self/status").read_text()
        return int(text.partition(name + ":")[2].split()[0])

    parser.parse(b"<a/>")
    parts = io.BytesIO()
    parts.write(b"<a ")
    for number in range(1_000_000):
        parts.write(b'a%d="x" ' % number)
    parts.write(b"/>")
    body = parts.getvalue()
    before = kilobytes("VmRSS")
    try:
        limits.check(body, LimitSettings())
    except BusError as error:
        print(error.code, kilobytes("VmHWM") - before)
    """
)


@pytest.mark.skipif(not SOUND, reason="re keeps ways back before Python 3.11.5")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by /proc")
def test_a_million_attributes_cost_no_memory() -> None:
    """The refusal of a million attributes takes less than 50 MB beside the message."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, timeout=120
    )
    code, kilobytes = done.stdout.split()
    assert code == "RCV-003"
    assert int(kilobytes) < 50 * 1024
