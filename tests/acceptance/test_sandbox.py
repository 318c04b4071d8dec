"""`bus dev --sandbox` as an integrator has it: credentials, a partner, and plain words."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from support import edoc_client
from support.outside import until
from support.running_dev import Running, bus_dev

from bus import registry
from bus.client import ExchangeClient
from bus.config import LimitSettings
from bus.dev import letters, sandbox
from bus.edxml import provenance
from bus.errors import SchemaRejected
from bus.model import Document, Kind, Organization, StatusMessage

HOME = Path("var/sandbox/Z01")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One sandbox for all tests that do not end it."""
    with bus_dev(tmp_path_factory.mktemp("sandbox"), "--sandbox") as up:
        yield up


def service(running: Running) -> str:
    """The address it printed."""
    line = next(line for line in running.lines if line.strip().startswith("dịch vụ / service"))
    return line.split()[-1]


def token(running: Running) -> tuple[str, str]:
    """The integrator's token."""
    code, _, secret = (running.folder / HOME / "token").read_text().strip().partition(":")
    return code, secret


def post(running: Running, body: bytes, **headers: str) -> requests.Response:
    """Send bytes with the token."""
    usual = {"Content-Type": "text/xml; charset=utf-8",
             "Authorization": f"Bearer {':'.join(token(running))}"}  # fmt: skip
    return requests.post(service(running), data=body, headers=usual | headers, timeout=60)


def explanation(running: Running, correlation_id: str) -> str:
    """Everything printed up to the line that names a request's correlation id."""
    seen = len(running.lines)
    running.read_until(correlation_id)
    return "\n".join(running.lines[seen:])


def letter(number: int, **changes: Any) -> bytes:
    """An unsigned letter to the partner."""
    you = Organization(organ_id=sandbox.YOU, name=sandbox.YOUR_NAME)
    partner = Organization(organ_id=sandbox.PARTNER, name=sandbox.PARTNER_NAME)
    made = letters.letter(number, you, (partner,), "V/v thử kết nối")
    written = registry.dialects(LimitSettings()).get("qcvn102_java").write(replace(made, **changes))
    return written.content


def test_credentials_are_for_the_integrator_alone(running: Running) -> None:
    """Key and token can be read by their owner only, and no secret is printed."""
    for name in ("key.pem", "token"):
        assert (running.folder / HOME / name).stat().st_mode & 0o777 == 0o600
    assert token(running)[1] not in "\n".join(running.lines)


def test_the_key_is_one_that_every_stack_can_sign_with(running: Running) -> None:
    """RSA: several old stacks know no other signature."""
    certificate = x509.load_pem_x509_certificate((running.folder / HOME / "cert.pem").read_bytes())
    assert isinstance(certificate.public_key(), rsa.RSAPublicKey)


def test_a_wrong_letter_is_explained_in_plain_words(running: Running) -> None:
    """Rule, place, what stands there, what should and what to do, in both languages."""
    answer = post(running, (running.folder / "var/sandbox/send-wrong.xml").read_bytes())
    told = explanation(running, answer.headers["X-Correlation-Id"])
    assert "✗ SendPackage  HTTP 500  DOC-001 · check" in told
    assert "✗ E07" in told
    assert re.search(r"ở đâu / where  /edXML/\S+/PromulgationDate  dòng / line \d", told)
    assert re.search(r"có / found  “\d\d/\d\d/\d{4}”", told)
    assert "cần / expected  yyyy/MM/dd" in told
    assert "vi: Ngày bị thiếu, không có thật hoặc nằm trong tương lai." in told
    assert "en: A date is missing, is no day of the calendar" in told
    assert "nên làm / do  Hãy ghi ngày theo mẫu yyyy/MM/dd" in told
    assert "Write the date as yyyy/MM/dd in Vietnam time." in told
    assert "✗ E09" in told
    assert "(trống / empty)" in told


def test_the_partner_answers_a_right_letter(running: Running) -> None:
    """Statuses 01 and 03, a letter that answers, status 06: told live and waiting in the mailbox."""
    client = ExchangeClient(service(running), token=token(running))
    before = {one.message_id for one in client.list_pending().items}
    content = letter(4711)
    receipt = client.send_package(content).receipt
    running.read_until(f"✓ SendPackage  edoc.new.cong-van  {receipt.message_id}")
    for words in ("nhận / received", "status sent 01", "status sent 03", "reply sent", "sent 06"):
        assert running.read_until(words).split()[1] == "Z02"

    def new() -> list[Any]:
        items = [one for one in client.list_pending().items if one.message_id not in before]
        return sorted(items, key=lambda one: one.message_id) if len(items) == 4 else []

    dialect = registry.dialects(LimitSettings()).get("qcvn102_java")
    kinds, codes = [], []
    for one in until(new):
        fetched = client.get_message(one.message_id)
        said = dialect.read(dialect.parse(fetched.content)).message
        kinds.append(one.kind)
        if isinstance(said, StatusMessage):
            codes.append(str(said.code))
            about = said.response_for
        else:
            assert isinstance(said, Document)
            (about,) = said.response_for
            assert "cong-van-4711.pdf" in (said.content or "")
        assert about.document_id == _document_id(content)
    assert kinds == [Kind.STATUS, Kind.STATUS, Kind.DOCUMENT, Kind.STATUS]
    assert codes == ["01", "03", "06"]


def _document_id(content: bytes) -> str:
    dialect = registry.dialects(LimitSettings()).get("qcvn102_java")
    said = dialect.read(dialect.parse(content)).message
    assert isinstance(said, Document)
    return str(said.document_id)


def test_a_wrong_token_is_explained_and_not_repeated(running: Running) -> None:
    """The refusal names what to present; what was presented is printed nowhere."""
    answer = post(running, b"<x/>" * 3, Authorization="Bearer Z01:bi-mat-khong-duoc-in")
    explanation(running, answer.headers["X-Correlation-Id"])
    ping = (running.folder / "var/sandbox/ping.xml").read_bytes()
    answer = post(running, ping, Authorization="Bearer Z01:bi-mat-khong-duoc-in")
    told = explanation(running, answer.headers["X-Correlation-Id"])
    assert "AUT-001" in told
    assert "Hãy ký thông điệp, hoặc gửi kèm mã truy cập" in told
    assert "bi-mat" not in "\n".join(running.lines)


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"<a><b></a>", {}, "XML-001"),
        (b"<a/>", {}, "SVC-001"),
        (b"<a/>", {"Content-Type": "application/json"}, "SVC-008"),
        (b"x", {"Content-Encoding": "gzip"}, "SVC-010"),
        (b"", {}, "RCV-005"),
    ],
)
def test_whatever_is_wrong_is_told(
    running: Running, body: bytes, headers: dict[str, str], code: str
) -> None:
    """Wherever a request ends, its code and what to do appear."""
    answer = post(running, body, **headers)
    told = explanation(running, answer.headers["X-Correlation-Id"])
    assert code in told
    assert "nên làm / do" in told


def test_a_wrong_address_is_told(running: Running) -> None:
    """A mistyped path is explained, too, although no service was reached."""
    answer = requests.post(service(running).replace("exchange", "exchanges"), data=b"x", timeout=30)
    assert answer.status_code == 404
    line = running.read_until("POST /services/exchanges")
    assert "HTTP 404  SVC-011" in line
    assert running.read_until("vi: ").startswith("vi: Không có gì tại địa chỉ này.")


def test_the_older_profile_is_explained_too(running: Running) -> None:
    """Reports of the eDoc 1.0 service are told like faults, and its documents are answered."""
    old = edoc_client.OldClient(service(running).replace("exchange", "eDoc"), *token(running))
    refused = old.send(edoc_client.letter("Z01", "Z02", subject=""))
    assert not refused.succeeded
    told = explanation(running, refused.headers["X-Correlation-Id"])
    assert "✗ SendDocument" in told
    assert all(f"✗ {code}" in told for code in refused.codes)
    assert "Trích yếu bị thiếu" in told
    assert old.send(
        edoc_client.letter("Z01", "Z02", number=7), body=edoc_client.manifest()
    ).succeeded
    running.read_until("✓ SendDocument")
    running.read_until("reply sent")
    wrong = replace(old, token="sai").ask("GetTraces")
    assert "M.Check" in explanation(running, wrong.headers["X-Correlation-Id"])


def test_a_terminal_cannot_be_steered(running: Running) -> None:
    """Control characters in a value are printed as a mark, not sent to the terminal."""
    forged = ">\u202eGiả\u0085mạo<".encode()
    content = re.sub(rb">\d{4}/\d\d/\d\d<", forged, letter(4712), count=1)
    client = ExchangeClient(service(running), token=token(running))
    with pytest.raises(SchemaRejected) as caught:
        client.send_package(content)
    told = explanation(running, caught.value.correlation_id)
    assert "\u202e" not in told
    assert "\u0085" not in told
    assert "Giả" in told


def test_the_printed_commands_work_as_printed(running: Running) -> None:
    """Each of the six, in their order, typed into a shell in the folder."""
    if shutil.which("curl") is None and not os.environ.get("CI"):
        pytest.skip("curl is not installed")
    commands = [
        line.strip() for line in running.lines if "--data-binary" in line or " --key " in line
    ]
    assert len(commands) == 6
    outputs = []
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=running.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        outputs.append(done.stdout)
    ping, wrong, right, pending, sent, received = outputs
    assert ">Z01<" in ping
    assert "ExchangeFault" in wrong
    assert "messageId>" in right
    assert "ListPendingResponse" in pending
    assert sent.startswith("stored as ")
    assert " received" in received
    assert list((running.folder / "var/sandbox/inbox").iterdir())


def test_machines_get_one_object_a_line(tmp_path: Path) -> None:
    """`--json`: first everything that a program needs, then every event as it happens."""
    with bus_dev(tmp_path, "--sandbox", "--json", up='"event": "ready"') as up:
        ready = json.loads(up.lines[-1])
        assert ready["wsdl"].endswith("?wsdl")
        assert ready["agency"]["code"] == "Z01"
        secret = (up.folder / ready["files"]["token"]).read_text().strip()
        assert secret not in up.lines[-1]
        body = (up.folder / "var/sandbox/send-wrong.xml").read_bytes()
        headers = {"Content-Type": "text/xml", "Authorization": f"Bearer {secret}"}
        requests.post(ready["service"], data=body, headers=headers, timeout=60)
        refused = json.loads(up.read_until('"refused"'))
        assert (refused["code"], refused["stage"], refused["http"]) == ("DOC-001", "check", 500)
        assert {one["rule"] for one in refused["problems"]} == {"E07", "E09"}
        for one in refused["problems"]:
            assert one["messageVi"]
            assert one["hintVi"]
            assert one["expected"]
            assert one["line"] > 0
        body = (up.folder / "var/sandbox/send.xml").read_bytes()
        requests.post(ready["service"], data=body, headers=headers, timeout=60)
        accepted = json.loads(up.read_until('"accepted"'))
        assert accepted["recipients"][0]["code"] == "Z02"
        assert json.loads(up.read_until('"replied"'))["agency"] == "Z02"


def test_the_answers_come_in_the_dialect_asked_for(tmp_path: Path) -> None:
    """An integrator who speaks the .NET dialect gets the partner's letter in it, by the bus."""
    with bus_dev(tmp_path, "--sandbox", "--dialect", "qcvn102_dotnet") as up:
        post(up, (up.folder / "var/sandbox/send.xml").read_bytes())
        up.read_until("sent 06")
        client = ExchangeClient(service(up), token=token(up))
        items = until(lambda: len(found := client.list_pending().items) == 4 and found)
        (reply,) = [one for one in items if one.kind is Kind.DOCUMENT]
        fetched = client.get_message(reply.message_id)
        assert fetched.dialect == "qcvn102_dotnet"
        assert provenance.read(fetched.content) is not None


def test_an_unknown_dialect_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    """Exit 2 with the name, before anything is made."""
    done = subprocess.run(
        [sys.executable, "-m", "bus", "dev", "--sandbox", "--dialect", "klingon"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "klingon" in done.stderr
    assert not list(tmp_path.rglob("key.pem"))


def test_it_ends_cleanly_and_keeps_its_credentials(tmp_path: Path) -> None:
    """Ctrl-C: exit 0, no process left; the next run has the same token, key and mailbox."""
    with bus_dev(tmp_path, "--sandbox") as up:
        first = token(up)
        up.process.send_signal(signal.SIGINT)
        rest, _ = up.process.communicate(timeout=60)
        assert up.process.returncode == 0
        assert "Traceback" not in rest
        assert not up.leftovers()
    for log in up.folder.rglob("*.log"):
        assert "Traceback" not in log.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "bus", "dev", "--sandbox", "--once", "--port", "0"],
        cwd=up.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "everything works" in done.stdout
    assert token(up) == first
