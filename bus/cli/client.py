"""bus send, bus receive: the exchange service as an agency's clerk uses it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bus.cli import output

if TYPE_CHECKING:
    from bus.client import ExchangeClient
    from bus.trust.keys import OwnKey

Url = Annotated[
    str, typer.Option("--url", envvar="BUS_URL", help="Address of the exchange service.")
]
Key = Annotated[Path | None, typer.Option("--key", help="The agency's private key, PEM, 0600.")]
Cert = Annotated[Path | None, typer.Option("--cert", help="The agency's certificate, PEM.")]
Token = Annotated[
    Path | None, typer.Option("--token-file", help="File with CODE:TOKEN, mode 0600.")
]
BusCert = Annotated[
    Path | None,
    typer.Option("--bus-cert", help="Certificate of the bus, PEM: only its answers are believed."),
]
DEFAULT_URL = "http://127.0.0.1:8080/services/exchange"


def send(
    file: Annotated[Path, typer.Argument(help="edXML document or status message.")],
    url: Url = DEFAULT_URL,
    key: Key = None,
    cert: Cert = None,
    token_file: Token = None,
    bus_cert: BusCert = None,
    sign: Annotated[
        bool, typer.Option(help="Put a ds:Signature into a document that has none.")
    ] = True,
    json: output.JsonFlag = False,
) -> None:
    """Sign and send one message; prints the receipt."""
    from bus.trust import xmldsig

    own = _own_key(key, cert)
    body = _read(file)
    if own is not None and sign and b"SignatureValue" not in body and b"edXMLHeader" in body:
        body = xmldsig.sign_document(body, own)
    result = _client(url, own, token_file, bus_cert).send_package(body)
    if json:
        output.emit(result)
        return
    receipt = result.receipt
    again = " (already stored before)" if result.duplicate else ""
    typer.echo(f"stored as {receipt.message_id}{again}, topic {receipt.topic}")
    output.table(
        f"sha256 {receipt.digest}",
        ("recipient", "state", "reason"),
        [(r.recipient, r.state, r.reason) for r in receipt.recipients],
    )
    for warning in receipt.warnings:
        typer.echo(f"  ! {warning}: bus explain {warning}")


def receive(
    folder: Annotated[Path, typer.Argument(help="Where received messages are written.")] = Path(
        "received"
    ),
    url: Url = DEFAULT_URL,
    key: Key = None,
    cert: Cert = None,
    token_file: Token = None,
    bus_cert: BusCert = None,
    acknowledge: Annotated[bool, typer.Option(help="Acknowledge what was written.")] = True,
    json: output.JsonFlag = False,
) -> None:
    """Fetch everything that waits, urgent first; each file is on disk before it is acknowledged."""
    client = _client(url, _own_key(key, cert), token_file, bus_cert)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    seen: set[str] = set()
    skip = 0
    while page := [
        item
        for item in client.list_pending(offset=skip, limit=50).items
        if item.message_id not in seen
    ]:
        for item in page:
            seen.add(item.message_id)
            path = folder / _file_name(item.message_id)
            _write_durably(path, client.get_message(item.message_id).content)
            if acknowledge:
                client.acknowledge(item.message_id, done=True)
            written.append((item.message_id, item.kind, item.sender, item.subject, str(path)))
        skip += 0 if acknowledge else len(page)
    if json:
        output.emit([dict(zip(_COLUMNS, row, strict=True)) for row in written])
    else:
        output.table(f"{len(written)} received", _COLUMNS, written)


_COLUMNS = ("message_id", "kind", "sender", "subject", "file")


def _own_key(key: Path | None, cert: Path | None) -> OwnKey | None:
    from bus.trust.keys import load_own_key

    if key is None and cert is None:
        return None
    if key is None or cert is None:
        raise typer.BadParameter("--key and --cert go together")
    return load_own_key(key, cert)


def _client(
    url: str, own: OwnKey | None, token_file: Path | None, bus_cert: Path | None
) -> ExchangeClient:
    from bus.client import ExchangeClient
    from bus.clock import SystemClock
    from bus.trust.keys import make_binding

    token = None
    if token_file is not None:
        code, _, secret = _read(token_file).decode("utf-8").strip().partition(":")
        token = (code, secret)
    fingerprint = None
    if bus_cert is not None:
        fingerprint = make_binding("bus", _read(bus_cert), SystemClock().now()).fingerprint
    return ExchangeClient(url, own=own, token=token, bus_fingerprint=fingerprint)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error


def _file_name(message_id: str) -> str:
    """The file of one message; a server must not choose where on this machine it is written."""
    from bus.errors import PeerUnavailable

    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}", message_id, re.ASCII):
        raise PeerUnavailable(f"message id {message_id[:100]!r}", code="DLV-003")
    return f"{message_id}.xml"


def _write_durably(path: Path, content: bytes) -> None:
    import os

    # Acknowledged means the bus may forget: the file must survive a power cut first.
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    # Made anew, so that no link is followed, and readable by its owner only.
    with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
