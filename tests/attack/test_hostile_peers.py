"""What comes from a malicious server, agency or caller: names of files, forged origins, floods."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from lxml import etree

from bus import errors, logs
from bus.cli import client as commands
from bus.db.directory import SqlDirectory
from bus.edxml import provenance
from bus.edxml.catalogue import MOST_CHILDREN
from bus.endpoints import answers
from bus.envelope.vocabulary import new
from bus.model import Agency, Problem, Severity

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


class HostileServer:
    """A service that lists what it likes and never ends."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids
        self.asked = 0

    def list_pending(self, *, offset: int, limit: int) -> object:
        """The same page, whatever is asked."""
        self.asked += 1
        assert self.asked < 10, "the listing of a hostile server is read for ever"
        items = [
            SimpleNamespace(message_id=one, kind="document", sender="G09", subject="x")
            for one in self.ids
        ]
        return SimpleNamespace(items=items)

    def get_message(self, message_id: str) -> object:
        """One content for every id."""
        return SimpleNamespace(content=b"<evil/>")

    def acknowledge(self, message_id: str, *, done: bool) -> None:
        """Nothing is ever settled."""


@pytest.mark.parametrize(
    "name", ["../outside", "a/b", "..", "", "a\\b", "x\u202ey", "a" * 200, ".hidden"]
)
def test_a_server_cannot_choose_where_received_files_go(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message id that is no plain name is refused before anything is written."""
    folder = tmp_path / "in" / "received"
    monkeypatch.setattr(commands, "_client", lambda *_: HostileServer(name))
    with pytest.raises(errors.PeerUnavailable):
        commands.receive(folder)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_listing_that_never_shrinks_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that lists settled messages for ever cannot keep `bus receive` busy for ever."""
    monkeypatch.setattr(commands, "_client", lambda *_: HostileServer("a1", "a2"))
    commands.receive(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a1.xml", "a2.xml"]


def test_received_documents_are_private_and_follow_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user of the machine neither reads a document nor redirects where it is written."""
    target = tmp_path / "target"
    folder = tmp_path / "received"
    folder.mkdir()
    (folder / "a1.part").symlink_to(target)
    monkeypatch.setattr(commands, "_client", lambda *_: HostileServer("a1"))
    commands.receive(folder)
    assert not target.exists()
    assert stat.S_IMODE((folder / "a1.xml").stat().st_mode) == 0o600


def test_a_sender_cannot_forge_the_origin_of_a_rendering() -> None:
    """An Original that a sender put into its document is not what the bus signs as the origin."""
    forged = (
        f'<lt:Original xmlns:lt="{provenance.NAMESPACE}" messageId="m" sender="A01" '
        f'dialect="d" sha256="0"/>'
    )
    xml = (
        f'<edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLHeader><MessageHeader>{forged}'
        f"</MessageHeader>{forged}</edXMLHeader></edXMLEnvelope></edXML>"
    ).encode()
    origin = provenance.Origin(message_id="1", sender="G09", dialect="java", sha256="ff")
    marked = provenance.mark(xml, origin)
    assert provenance.read(marked) == origin
    assert b"A01" not in marked


def test_no_answer_grows_with_the_problems_of_a_message() -> None:
    """Neither the number of problems nor what they repeat of the message is unbounded."""
    root = new("CheckDocumentResponse")
    bad = Problem(
        rule="XSD", severity=Severity.REJECT, path="/p" * 2_500, value="v" * 5_000,
        message="m" * 5_000, message_vi="m" * 5_000,
    )  # fmt: skip
    answers.add_problems(root, [bad] * 2_000)
    assert len(root) == answers.MOST_PROBLEMS
    assert len(etree.tostring(root)) < 6_000 * answers.MOST_PROBLEMS


def test_an_error_repeats_no_more_than_a_line_of_what_was_sent() -> None:
    """A code of five megabytes comes back neither in the fault nor in the log."""
    error = errors.NotAuthorised("x" * 5_000_000, code="AUT-005")
    assert len(error.detail) <= errors.LONGEST_DETAIL
    assert len(error.message) < 2 * errors.LONGEST_DETAIL


def test_log_lines_cannot_be_forged() -> None:
    """Line ends, terminal escapes and bidirectional marks in a value are written as escapes."""
    event = logs.tame(
        None, "info", {"event": "refused", "detail": "a\nb\x1b[2J\x9b1m\u202ec", "n": 1}
    )
    assert event == {
        "event": "refused", "detail": "a\\nb\\x1b[2J\\x9b1m\\u202ec", "n": 1
    }  # fmt: skip
    assert len(logs.tame(None, "info", {"detail": "đ" * 100_000})["detail"]) <= 2_001


def test_no_terminal_escape_reaches_a_table() -> None:
    """A subject with control characters cannot steer the terminal of an operator."""
    from bus.cli.output import shown

    assert shown("a\x9b2Jb\u202ec\nd") == "a\ufffd2Jb\ufffdc\nd"


def test_the_directory_remembers_no_text_that_is_no_code(hostile_directory: SqlDirectory) -> None:
    """Strangers cannot fill the memory with look-ups of megabytes each."""
    assert hostile_directory.find("Z" * 60_000) is None
    assert hostile_directory.find("Z9") is None
    assert list(hostile_directory._snapshot.found) == ["z9"]


def test_a_crowd_is_refused_before_anything_else_is_looked_at() -> None:
    """More children than the limit end the reading of a message: no look-up for each of them."""
    from adapters.qcvn102_java import DIALECT

    to = "<To><OrganId>a</OrganId></To>" * (MOST_CHILDREN + 1)
    xml = (
        f'<edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLHeader><MessageHeader>{to}'
        "</MessageHeader></edXMLHeader></edXMLEnvelope></edXML>"
    ).encode()
    with pytest.raises(errors.SchemaRejected) as refusal:
        DIALECT.parse(xml)
    assert len(refusal.value.problems) == 1


@pytest.fixture
def hostile_directory(tmp_path: Path) -> SqlDirectory:
    from bus.config import StoreSettings
    from bus.db import open_database, schema

    settings = StoreSettings(url=f"sqlite:///{tmp_path / 'b.sqlite3'}", bodies=tmp_path / "bodies")
    schema.upgrade(settings)
    database = open_database(settings)
    yield database.directory
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET detail = 'x'",
        "DELETE FROM audit",
        "REPLACE INTO audit SELECT * FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
    ],
)
def test_no_statement_rewrites_the_audit(
    hostile_directory: SqlDirectory, tmp_path: Path, statement: str
) -> None:
    """What happened cannot be changed by a slip of the hand in a database shell."""
    hostile_directory.register(Agency(code="G09", name="Cơ quan"))
    with sqlite3.connect(tmp_path / "b.sqlite3") as raw:
        before = raw.execute("SELECT * FROM audit").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            raw.execute(statement)
        assert before
        assert raw.execute("SELECT * FROM audit").fetchall() == before
    raw.close()
