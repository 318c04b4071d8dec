"""The commands as an operator types them: a new bus in an empty folder, then everything beside it."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support import command_line
from support.outside import until
from support.running_bus import RunningBus, agency

from adapters.qcvn102_java import DIALECT
from bus import errors
from bus.agency_csv.report import RULES as LIST_RULES
from bus.cli.check import explanations
from bus.client import ExchangeClient
from bus.dev import letters
from bus.dev.nation import free_port
from bus.edxml.rules import RULES as DOCUMENT_RULES
from bus.error_catalogue import CATALOGUE
from bus.installation import make_key
from bus.model import Organization
from bus.routing.rules import RULES as ROUTING_RULES
from bus.trust import keys

DELIVER_ALL = "[[route]]\ndeliver = true\n"


@dataclass
class Folder:
    """An operator's folder and terminal."""

    path: Path
    port: int

    @property
    def url(self) -> str:
        """Where the bus is served."""
        return f"http://127.0.0.1:{self.port}/services/exchange"

    @property
    def env(self) -> dict[str, str]:
        """The variables of the terminal."""
        return os.environ | {"BUS_SERVER__PORT": str(self.port), "BUS_URL": self.url}

    def run(self, *words: str, code: int = 0) -> command_line.Done:
        """Type one command that ends with this exit code."""
        done = command_line.run(*words, env=self.env, cwd=self.path)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done

    def spawn(self, *words: str, code: int = 0) -> Any:
        """The same in a process of its own; what it says to machines."""
        done = subprocess.run(
            [sys.executable, "-m", "bus", *words, "--json"],
            cwd=self.path,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return json.loads(done.stderr if code else done.stdout)

    def json(self, *words: str) -> Any:
        """What a command says to machines."""
        return json.loads(self.run(*words, "--json").stdout)

    def refusal(self, *words: str, code: int) -> dict[str, Any]:
        """The error of a command that fails, as machines read it; people get one line a language."""
        told = json.loads(self.run(*words, "--json", code=code).stderr)
        assert told["hint"]
        assert told["hintVi"]
        lines = self.run(*words, code=code).stderr.strip().splitlines()
        first = [line for line in lines if line.startswith(f"{told['code']} ")]
        assert len(first) == 2
        assert told["hint"] in first[0]
        assert told["hintVi"] in first[1]
        assert "Traceback" not in "".join(lines)
        return dict(told)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A bus made and served with nothing but its commands; H01 and H02 are on it."""
    place = Folder(tmp_path_factory.mktemp("operator"), free_port())
    made = place.spawn("init", str(place.path))
    assert {Path(one).name for one in made} >= {"bus.toml", "routes.toml", "agencies.csv"}
    assert place.spawn("agencies", "import", "conf/agencies.csv")["added"] > 50
    for code in ("H01", "H02"):
        make_key(place.path / f"{code}.key", place.path / f"{code}.pem", code)
        place.json("agencies", "register", code, "--name", f"Cơ quan {code}", "--dialect",
                   "qcvn102_java", "--channel", "mailbox", "--state", "live")  # fmt: skip
        place.json("keys", "bind", code, f"{code}.pem")
    assert place.spawn("routes", "reload")["version"] >= 1
    assert {one["verdict"] for one in place.spawn("doctor")} <= {"ok", "warn"}
    with (place.path / "log").open("wb") as log:
        served = subprocess.Popen(
            [sys.executable, "-m", "bus", "serve"], cwd=place.path, env=place.env, stderr=log
        )
    try:
        until(lambda: is_up(place))
        yield place
    finally:
        served.terminate()
        assert served.wait(timeout=60) == 0


def is_up(folder: Folder) -> bool:
    """Whether the bus answers."""
    try:
        with urllib.request.urlopen(folder.url.replace("services/exchange", "healthz"), timeout=2):
            return True
    except OSError:
        return False


def letter(folder: Folder, number: int, *to: str) -> Path:
    """A file with an unsigned letter of H01."""
    sender = Organization(organ_id="H01", name="Cơ quan H01")
    made = letters.letter(
        number, sender, tuple(Organization(organ_id=one, name=one) for one in to), "V/v thử"
    )
    file = folder.path / f"letter-{number}.edxml"
    file.write_bytes(DIALECT.write(made).content)
    return file


def test_from_an_empty_folder_to_a_delivered_document(folder: Folder) -> None:
    """Init, import, reload, doctor, serve, send, receive: the file that arrives is the one signed."""
    proof = ("--key", "H01.key", "--cert", "H01.pem")
    sent = folder.spawn("send", str(letter(folder, 1, "H02")), *proof)
    again = folder.json("send", str(letter(folder, 1, "H02")), *proof)
    message_id = sent["receipt"]["message_id"]
    assert (sent["duplicate"], again["duplicate"]) == (False, True)
    assert again["receipt"]["message_id"] == message_id
    until(
        lambda: folder.json("messages", "show", message_id)["deliveries"][0]["state"] == "available"
    )
    mine = ("--key", "H02.key", "--cert", "H02.pem")
    (received,) = folder.spawn("receive", "in", *mine)
    assert received["message_id"] == message_id
    assert b"SignatureValue" in (folder.path / received["file"]).read_bytes()
    assert folder.json("receive", "in", *mine) == []
    assert folder.json("messages", "show", message_id)["deliveries"][0]["state"] == "done"


def test_a_clerk_believes_no_answer_but_the_bus_s(folder: Folder) -> None:
    """With --bus-cert a receipt or a listing that another key signed is refused."""
    file = str(letter(folder, 9, "H02"))
    proof = ("--key", "H01.key", "--cert", "H01.pem")
    bus = ("--bus-cert", bus_certificate(folder))
    assert folder.json("send", file, *proof, *bus)["receipt"]["message_id"]
    other = ("--bus-cert", "H02.pem")
    folder.refusal("send", file, *proof, *other, code=3)
    folder.refusal("receive", "in", *proof, *other, code=3)


def bus_certificate(folder: Folder) -> str:
    """Where the bus's certificate lies."""
    (found,) = [
        str(p) for p in folder.path.rglob("*.pem") if "bus" in p.name and "key" not in p.name
    ]
    return found


def test_every_reading_command_speaks_json(folder: Folder) -> None:
    """`--json` of every command that looks at something is one JSON value."""
    file = str(letter(folder, 2, "H02"))
    sent = folder.json("send", file, "--key", "H01.key", "--cert", "H01.pem")
    message_id = sent["receipt"]["message_id"]
    for words in (
        ("check", file),
        ("doctor",),
        ("messages", "list"),
        ("messages", "trace", message_id),
        ("routes", "check"),
        ("routes", "explain", file),
        ("routes", "history"),
        ("routes", "status"),
        ("agencies", "find", "co quan"),
        ("agencies", "show", "H01"),
        ("keys", "list"),
        ("keys", "policy", "H01"),
        ("db", "upgrade"),
        ("db", "check"),
        ("db", "stats"),
        ("adapters", "list"),
    ):
        assert folder.json(*words) is not None, words


def test_the_exit_code_says_who_must_act(folder: Folder) -> None:
    """1: the message is refused; 2: the command or a setting is wrong; 3: try again later."""
    broken = folder.path / "broken.edxml"
    broken.write_text("<a>\n<b>")
    folder.run("check", str(broken), code=1)
    proof = ("--key", "H01.key", "--cert", "H01.pem")
    refused = folder.refusal("send", str(broken), *proof, code=1)
    assert (refused["code"], refused["line"]) == ("XML-001", 2)
    assert folder.refusal("messages", "show", "0" * 32, code=1)["code"] == "STO-003"
    assert folder.spawn("messages", "show", "0" * 32, code=1)["code"] == "STO-003"
    assert folder.refusal("messages", "shw", code=2)["code"] == "CLI-001"
    assert folder.refusal("--conf", "nowhere.toml", "doctor", "now", code=2)["code"] == "CLI-001"
    assert folder.refusal("agencies", "import", "nowhere.csv", code=2)["code"] == "CFG-004"
    away = ("send", str(letter(folder, 3, "H02")), *proof, "--url", "http://127.0.0.1:9/x")
    told = folder.refusal(*away, code=3)
    assert folder.spawn(*away, code=3)["code"] == told["code"]
    assert (told["code"], told["retryable"]) == ("DLV-001", True)


def test_a_bad_list_is_refused_with_every_line(folder: Folder) -> None:
    """An agency list with several mistakes is refused whole; each is named with line and rule."""
    file = folder.path / "bad.csv"
    file.write_text("code,name,state\nX 1,Xã,live\nX2,,live\nX3,Xã,maybe\n", encoding="utf-8")
    told = folder.refusal("agencies", "import", str(file), "--keep", code=2)
    assert [(p["rule"], p["line"]) for p in told["problems"]] == [
        ("A04", 2),
        ("A03", 3),
        ("A07", 4),
    ]


# Routes


def test_nodes_that_are_silent_are_shown_as_such(folder: Folder) -> None:
    """Old versions of processes that ended an hour ago are no cause for alarm."""
    (store,) = folder.path.rglob("*.sqlite3")
    hour_ago = int((time.time() - 3600) * 1_000_000)
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute("INSERT INTO nodes VALUES ('gone', 1, ?)", (hour_ago,))
    told = {n["node"]: n["silent"] for n in folder.json("routes", "status")["nodes"]}
    lines = folder.run("routes", "status").stdout.splitlines()
    with closing(sqlite3.connect(store)) as raw, raw:
        raw.execute("DELETE FROM nodes WHERE node = 'gone'")
    assert told.pop("gone") is True
    assert list(told.values()) == [False]
    assert ["silent" in line for line in lines if "gone" in line] == [True]


def test_routes_are_checked_changed_and_rolled_back(folder: Folder) -> None:
    """Check changes nothing; import, reload and rollback make versions; export gives them back."""
    before = folder.json("routes", "status")["active"]
    table = folder.path / "other.toml"
    hold = '[[route]]\nsender = "H01"\nrecipient = "H02"\nhold = true\n' + DELIVER_ALL
    table.write_text(hold, encoding="utf-8")
    assert folder.json("routes", "check", str(table))["version"] is None
    assert folder.json("routes", "status")["active"] == before
    held = folder.json("routes", "import", str(table), "--note", "thử giữ lại")["version"]
    assert held > before
    until(lambda: {n["routes_version"] for n in folder.json("routes", "status")["nodes"]} == {held})
    assert folder.run("routes", "export").stdout == hold
    assert folder.json("routes", "history")[0]["note"] == "thử giữ lại"
    file = letter(folder, 4, "H02")
    steps = folder.json("routes", "explain", str(file))["recipients"]["H02"]
    assert steps[0]["decides"] is True
    sent = folder.json("send", str(file), "--key", "H01.key", "--cert", "H01.pem")
    assert sent["receipt"]["recipients"][0]["state"] == "held"
    folder.json("routes", "rollback", str(before))
    until(lambda: folder.run("routes", "export").stdout != hold)
    table.write_text('[[route]]\nrecipient = "NOBODY"\nhold = 1\nfoo = 2\n', encoding="utf-8")
    told = folder.refusal("routes", "import", str(table), code=1)
    assert told["code"] == "RTE-004"
    assert len(told["problems"]) >= 2
    assert folder.refusal("routes", "rollback", "9999", code=1)["code"] == "CFG-010"


# Explain


def test_every_code_is_explained_in_both_languages() -> None:
    """Errors, document rules, routing rules and list rules all have words and a cure."""
    known = explanations()
    assert set(known) == {*CATALOGUE, *DOCUMENT_RULES, *ROUTING_RULES, *LIST_RULES}
    assert all(all(texts) for texts in known.values())


@pytest.mark.parametrize("code", ["SIG-002", "e07", "R12", "a05", "SIG-LEGACY"])
def test_explain_says_what_a_code_means(folder: Folder, code: str) -> None:
    """`bus explain` takes a code of any family, in any case."""
    told = folder.json("explain", code)
    assert told["code"] == code.upper()
    assert told["message"] in folder.run("explain", code).stdout


def test_an_unknown_code_is_a_wrong_command_line(folder: Folder) -> None:
    """What is no code is refused with the families there are."""
    told = folder.refusal("explain", "ZZZ-999", code=2)
    assert "SIG" in told["message"]


# Progress


def on_a_terminal(folder: Folder, *words: str) -> bytes:
    """What a command writes to standard error when that is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bus", *words],
        cwd=folder.path,
        env=folder.env | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while piece := os.read(ours, 65536):
            written += piece
    except OSError:
        # The terminal is gone with the process.
        pass
    finally:
        os.close(ours)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 0, written
    return written


def test_long_work_shows_a_bar_on_a_terminal_only(folder: Folder) -> None:
    """Importing a long list and checking the store draw a bar; a pipe gets nothing of it."""
    rows = "\n".join(f"Y{number},Xã {number},trial" for number in range(600))
    (folder.path / "long.csv").write_text(f"code,name,state\n{rows}\n", encoding="utf-8")
    bar = "━".encode()
    assert bar in on_a_terminal(folder, "agencies", "import", "long.csv", "--keep")
    assert bar in on_a_terminal(folder, "db", "check")
    assert folder.run("agencies", "import", "long.csv", "--keep").stderr == ""
    assert folder.run("db", "check").stderr == ""


# Beside a running bus


def test_binding_and_revoking_take_effect_at_once(bus: RunningBus) -> None:
    """A certificate opens the door within a second of `keys bind`, and not after `keys revoke`."""
    bus.app.database.directory.register(agency("K01"))
    make_key(bus.folder / "k.key", bus.folder / "k.pem", "K01")
    client = ExchangeClient(
        bus.url, own=keys.load_own_key(bus.folder / "k.key", bus.folder / "k.pem")
    )
    with pytest.raises(errors.SignatureRejected) as caught:
        client.ping()
    assert caught.value.code == "SIG-005"
    bound = bus.json("keys", "bind", "K01", str(bus.folder / "k.pem"))
    time.sleep(1)
    assert client.ping().agency == "K01"
    bus.json("keys", "revoke", bound["fingerprint"])
    time.sleep(1)
    with pytest.raises(errors.SignatureRejected) as caught:
        client.ping()
    assert caught.value.code == "SIG-007"


def test_a_changed_policy_takes_effect_at_once(bus: RunningBus) -> None:
    """After `keys policy` an unsigned document in a signed call is refused, then taken again."""
    document = bus.letter("G09", "H57", number=1)
    unsigned = DIALECT.write(document).content
    assert bus.client("G09").send_document(unsigned).duplicate is False
    bus.json("keys", "policy", "G09", "--document-signature")
    time.sleep(1)
    with pytest.raises(errors.SignatureRejected):
        bus.client("G09").send_document(unsigned)
    assert bus.client("G09").send_document(bus.signed(document)).duplicate is True
    secret = bus.folder / "secret"
    secret.write_text("mật khẩu")
    bus.json("keys", "policy", "G09", "--no-document-signature", "--mode", "token",
             "--token-file", str(secret))  # fmt: skip
    time.sleep(1)
    token = ExchangeClient(bus.url, token=("G09", "mật khẩu"))
    assert token.send_document(unsigned).duplicate is True
    other = replace(document, document_id="khác")
    assert token.send_document(DIALECT.write(other).content).duplicate is False
