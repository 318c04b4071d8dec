"""A bus to write a program against: an agency for it, and a partner that answers whatever it sends."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pybase64

from bus import registry
from bus.client import ExchangeClient
from bus.config import LimitSettings
from bus.dev import letters, nation
from bus.dev.nation import Member, Nation
from bus.dev.troupe import Troupe
from bus.dev.witness import OWN_CALLS
from bus.envelope.soap import SoapVersion
from bus.envelope.vocabulary import TNS
from bus.errors import Defect, PeerUnavailable, Rejected
from bus.model import Organization, PolicyMode, TrustPolicy

YOU, PARTNER = "Z01", "Z02"
YOUR_NAME, PARTNER_NAME = "Cơ quan thử nghiệm của bạn", "Cơ quan phúc đáp tự động"
#: The bus of a sandbox: tells on its standard output what it answers.
_SERVE = ("-m", "bus.dev.witnessed")
_DATE = re.compile(rb">([0-9]{4})/([0-9]{2})/([0-9]{2})<")
#: The partner's answers to one document: three statuses and a letter.
_ANSWERS = len(letters.DESCRIPTIONS) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Where everything of an integrator is."""

    nation: Nation
    dialect: str
    #: The agency's folder: its key (0600), certificate and token (0600, `CODE:SECRET`).
    home: Path

    @property
    def token_file(self) -> Path:
        """What goes behind `Authorization: Bearer`."""
        return self.home / "token"

    def file(self, name: str) -> Path:
        """A file to try things with."""
        return self.nation.folder / name


def found(folder: Path, port: int, dialect: str) -> Sandbox:
    """Lay out a sandbox below `folder`, or use the one an earlier run left there.

    Raises Misconfigured when `dialect` is not installed.
    """
    registry.dialects(LimitSettings()).get(dialect)
    home = folder.resolve() / YOU
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256(_secret(home / "token").encode()).hexdigest()
    policy = TrustPolicy(
        mode=PolicyMode.TOKEN, require_document_signature=False, token_sha256=digest
    )
    made = nation.found(
        folder,
        port,
        (
            Member(
                code=YOU,
                old=f"000.00.00.{YOU}",
                name=YOUR_NAME,
                dialect=dialect,
                policy=policy,
                # old stacks can sign with nothing else
                key="rsa",
                acts=False,
            ),
            Member(
                code=PARTNER,
                old=f"000.00.00.{PARTNER}",
                name=PARTNER_NAME,
                dialect="qcvn102_java",
                echoes=True,
            ),
        ),
    )
    # beside the key, where the example programs look for it
    shutil.copyfile(made.folder / "bus.cert.pem", home / "bus.pem")
    return Sandbox(nation=_quietly(made), dialect=dialect, home=home)


def troupe(sandbox: Sandbox, say: Callable[[str], None]) -> Troupe:
    """The processes of a sandbox: the bus, which tells what it answers, and the partner."""
    return Troupe(sandbox.nation, say, serve=_SERVE, telling=True)


def write_examples(sandbox: Sandbox, number: int) -> None:
    """Write documents and SOAP requests to send by hand; `number` makes their DocumentIds new.

    `letter.edxml` is unsigned, for `bus send`; `send.xml` and `send-wrong.xml` hold two further ones,
    the last with a date as people write it and no subject.
    """
    sandbox.file("letter.edxml").write_bytes(letter(sandbox, number))
    right, wrong = letter(sandbox, number + 1), wrong_letter(sandbox, number + 2)
    sandbox.file("send-wrong.edxml").write_bytes(wrong)
    for name, payload in (
        ("ping", f'<Ping xmlns="{TNS}"><recipient>{PARTNER}</recipient></Ping>'),
        ("pending", f'<ListPending xmlns="{TNS}"/>'),
        ("send", _package(right)),
        ("send-wrong", _package(wrong)),
    ):
        sandbox.file(f"{name}.xml").write_text(_envelope(payload), encoding="utf-8")


def letter(sandbox: Sandbox, number: int) -> bytes:
    """An unsigned letter of the integrator's agency to the partner, in the agency's dialect."""
    return _written(sandbox, number, "V/v gửi thử văn bản điện tử")


def wrong_letter(sandbox: Sandbox, number: int) -> bytes:
    """The same with two mistakes that are often made: no subject, and the day first in a date."""
    return _DATE.sub(rb">\3/\2/\1<", _written(sandbox, number, ""), count=1)


def prove(sandbox: Sandbox, patience_s: float = 60.0) -> None:
    """Send a wrong and a right letter with the token and wait for the partner's answers.

    Raises Defect when the bus does not behave as promised, PeerUnavailable when answers stay away.
    """
    code, _, secret = sandbox.token_file.read_text(encoding="ascii").strip().partition(":")
    client = ExchangeClient(sandbox.nation.url, token=(code, secret))
    number = int(time.time() * 10) % 10_000_000
    before = {item.message_id for item in client.list_pending(limit=500).items}
    try:
        client.send_package(wrong_letter(sandbox, number))
    except Rejected:
        client.send_package(letter(sandbox, number + 1))
    else:
        raise Defect("a wrong letter was accepted")
    deadline = time.monotonic() + patience_s
    while len(_new(client, before)) < _ANSWERS:
        if time.monotonic() > deadline:
            raise PeerUnavailable(f"{PARTNER}: only {len(_new(client, before))} answers")
        time.sleep(0.2)


def _new(client: ExchangeClient, before: set[str]) -> set[str]:
    return {item.message_id for item in client.list_pending(limit=500).items} - before


def _written(sandbox: Sandbox, number: int, subject: str) -> bytes:
    made = letters.letter(
        number,
        Organization(organ_id=YOU, name=YOUR_NAME),
        (Organization(organ_id=PARTNER, name=PARTNER_NAME),),
        subject,
    )
    return registry.dialects(LimitSettings()).get(sandbox.dialect).write(made).content


def _package(content: bytes) -> str:
    encoded = pybase64.b64encode(content).decode("ascii")
    return f'<SendPackage xmlns="{TNS}"><content>{encoded}</content></SendPackage>'


def _envelope(payload: str) -> str:
    namespace = SoapVersion.V11.namespace
    return f'<e:Envelope xmlns:e="{namespace}"><e:Body>{payload}</e:Body></e:Envelope>\n'


def _secret(file: Path) -> str:
    """The agency's token; made once, in a file nobody else can read."""
    if not file.exists():
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "w", encoding="ascii") as made:  # noqa: PTH123 - a descriptor, not a path
            made.write(f"{YOU}:{secrets.token_urlsafe(24)}\n")
    return file.read_text(encoding="ascii").strip().partition(":")[2]


def _quietly(made: Nation) -> Nation:
    """The partner's own calls are marked, so that only the integrator's are told."""
    citizens = tuple(replace(each, url=f"{each.url}?{OWN_CALLS}") for each in made.citizens)
    return replace(made, citizens=citizens)
