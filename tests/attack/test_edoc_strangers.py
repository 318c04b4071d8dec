"""An agency with a token of its own that counts through the numbers of other agencies' documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.edoc_client import OldClient, envelope, letter, manifest
from support.multipart import Piece
from support.outside import until
from support.running_bus import RunningBus, agency, running_bus

from bus.model import PolicyMode, TrustPolicy

SENDER, RECEIVER, STRANGER = "H58.07", "H58.01", "H58.02"


def client(bus: RunningBus, code: str, *, called: str | None = None) -> OldClient:
    """One agency's program, its token shown under another code where one is given."""
    return OldClient(bus.url.replace("exchange", "eDoc"), called or code, f"token of {code}")


def by_token(code: str) -> TrustPolicy:
    digest = hashlib.sha256(f"token of {code}".encode()).hexdigest()
    return TrustPolicy(mode=PolicyMode.TOKEN, token_sha256=digest)


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[RunningBus]:
    """A bus that keeps a letter with one file for the receiver."""
    agencies = tuple(
        agency(code, dialect="edoc_soap", policy=by_token(code))
        for code in (SENDER, RECEIVER, STRANGER)
    )
    with running_bus(tmp_path, agencies=agencies) as running:
        yield running


def test_a_guessed_number_opens_and_takes_nothing(bus: RunningBus) -> None:
    """To a stranger another's document does not exist, and it waits on for whom it is meant."""
    file = Piece("bí mật".encode(), "a.txt", "text/plain")
    sent = client(bus, SENDER).send(
        letter(SENDER, RECEIVER), [file], body=manifest(**{"a.txt": "a.txt"})
    )
    number, receiver, stranger = (
        sent.text("DocumentId"),
        client(bus, RECEIVER),
        client(bus, STRANGER),
    )
    until(lambda: receiver.ask("GetPendingDocumentIds").texts("DocumentId") == [number])
    for operation in ("GetDocument", "ConfirmReceived"):
        guessed = stranger.ask(operation, DocumentId=number)
        absent = stranger.ask(operation, DocumentId=9**9)
        assert guessed.codes == absent.codes == ["M.DOCUMENT"]
        told = [str(one.text("Description")) for one in (guessed, absent)]
        assert told[0] == told[1].replace(str(9**9), str(number))
        assert guessed.files == {}
    assert client(bus, STRANGER, called=RECEIVER).ask("GetDocument", DocumentId=number).codes == [
        "M.CheckPermission"
    ]
    meant = f"<OrganId>{RECEIVER}</OrganId><DocumentId>{number}</DocumentId>"
    for operation in ("GetDocument", "ConfirmReceived"):
        request = envelope(stranger.key_info(), f"<{operation}>{meant}</{operation}>")
        assert stranger.post(operation, request).codes == ["M.CheckPermission"]
    assert receiver.ask("GetPendingDocumentIds").texts("DocumentId") == [number]
    fetched = receiver.ask("GetDocument", DocumentId=number)
    assert [content for _, content in fetched.files.values()] == [file.content]
