"""bus dev --sandbox: what an integrator sees while writing a program against the bus."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bus.cli import output

if TYPE_CHECKING:
    from bus.dev.sandbox import Sandbox
    from bus.dev.troupe import Troupe
    from bus.dev.verdicts import Event

Say = Callable[[str], None]


def run(folder: Path, port: int, dialect: str, *, once: bool, json: bool) -> None:
    """Keep a sandbox up and explain what arrives, or with `once` prove that it works and end."""
    from bus.dev import sandbox

    def say(line: str) -> None:
        typer.echo(output.tame(line), err=json)

    made = sandbox.found(folder, port, dialect)
    processes = sandbox.troupe(made, say)
    try:
        processes.start()
        sandbox.write_examples(made, int(time.time()) % 1_000_000 * 10)
        if once:
            _prove(made, processes, say, json=json)
        else:
            _stay_up(made, processes, say, json=json)
    finally:
        say("stopping …")
        processes.stop()


def _welcome(made: Sandbox, say: Say, *, json: bool) -> None:
    if json:
        _line({"event": "ready", **_facts(made)})
        return
    facts = _facts(made)
    say("")
    say("Hộp thử đã sẵn sàng. Mọi yêu cầu gửi đến được giải thích ngay tại đây.")
    say("The sandbox is up. Whatever you send is explained here.")
    say("")
    for name, value in _labels(facts):
        say(f"  {name:<28} {value}")
    say("")
    say("Thử lần lượt từ cửa sổ khác / Try these one after the other, in a second terminal:")
    for step in facts["commands"]:
        say(f"  # {step['vi']} / {step['en']}")
        say(f"  {step['command']}")
    say("")


def _labels(facts: dict[str, Any]) -> list[tuple[str, str]]:
    you, partner, files = facts["agency"], facts["partner"], facts["files"]
    return [
        ("WSDL", facts["wsdl"]),
        ("dịch vụ / service", facts["service"]),
        ("eDoc 1.0", facts["eDoc"]),
        ("cơ quan của bạn / you", f"{you['code']}  {you['name']}  ({you['dialect']})"),
        ("đối tác / partner", f"{partner['code']}  {partner['name']}: 01 → 03 → văn bản / letter → 06"),
        ("khóa / key", files["key"]),
        ("chứng thư / certificate", files["certificate"]),
        ("mã truy cập / token", f"{files['token']}  (Authorization: Bearer …)"),
        ("chứng thư của trục / bus's", files["busCertificate"]),
    ]  # fmt: skip


def _facts(made: Sandbox) -> dict[str, Any]:
    """Everything an integrator needs; secrets by the names of their files only."""
    from bus.app import EDOC_PATH
    from bus.dev import sandbox
    from bus.dev.sample import shown

    nation = made.nation
    return {
        "wsdl": f"{nation.url}?wsdl",
        "service": nation.url,
        "eDoc": f"{nation.base_url}{EDOC_PATH}",
        "agency": {"code": sandbox.YOU, "name": sandbox.YOUR_NAME, "dialect": made.dialect},
        "partner": {"code": sandbox.PARTNER, "name": sandbox.PARTNER_NAME},
        "files": {
            "key": shown(made.home / "key.pem"),
            "certificate": shown(made.home / "cert.pem"),
            "token": shown(made.token_file),
            "busCertificate": shown(made.home / "bus.pem"),
            "settings": shown(nation.conf),
        },
        "commands": _commands(made),
    }


def _commands(made: Sandbox) -> list[dict[str, str]]:
    from bus.dev.sample import command, shown

    nation = made.nation
    proof = (
        "--url", nation.url,
        "--key", shown(made.home / "key.pem"), "--cert", shown(made.home / "cert.pem"),
        "--bus-cert", shown(made.home / "bus.pem"),
    )  # fmt: skip
    steps = (
        ("trục nhận ra bạn là ai", "whom the bus takes you for", _curl(made, "ping")),
        ("văn bản sai: lý do hiện ở đây", "a wrong letter: told here", _curl(made, "send-wrong")),
        ("văn bản đúng, không ký", "a right letter, unsigned", _curl(made, "send")),
        ("thư trả lời đang chờ", "the answers that wait", _curl(made, "pending")),
        ("văn bản có chữ ký số", "a signed letter",
         command("send", shown(made.file("letter.edxml")), *proof)),
        ("nhận về và xác nhận", "fetch and acknowledge",
         command("receive", shown(made.file("inbox")), *proof)),
    )  # fmt: skip
    return [{"vi": vi, "en": en, "command": line} for vi, en, line in steps]


def _curl(made: Sandbox, name: str) -> str:
    from bus.dev.sample import shown

    token = shlex.quote(shown(made.token_file))
    body = shlex.quote(f"@{shown(made.file(name + '.xml'))}")
    return (
        f'curl -sS -H "Authorization: Bearer $(cat {token})" '
        f"-H 'Content-Type: text/xml; charset=utf-8' --data-binary {body} {made.nation.url}"
    )


def _prove(made: Sandbox, processes: Troupe, say: Say, *, json: bool) -> None:
    from bus.dev import sandbox

    _welcome(made, say, json=json)
    sandbox.prove(made)
    for event in processes.so_far():
        _tell(event, json=json)
    say("mọi thứ hoạt động / everything works")


def _stay_up(made: Sandbox, processes: Troupe, say: Say, *, json: bool) -> None:
    last: object = None
    try:
        _welcome(made, say, json=json)
        say("What happens is told here; Ctrl-C ends it.")
        for event in processes.go_on():
            # a program that polls asks the same again and again; people read it once
            now = (event["event"], event.get("operation"), event.get("count"))
            if json or event["event"] != "asked" or now != last:
                _tell(event, json=json)
            last = now
    except KeyboardInterrupt:
        return


def _tell(event: Event, *, json: bool) -> None:
    from bus.dev.explaining import explain

    if json:
        _line(event)
        return
    for line in explain(event):
        typer.echo(output.tame(line))


def _line(event: object) -> None:
    typer.echo(dumps(event, ensure_ascii=False))
