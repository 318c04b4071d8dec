"""A whole bus for tests: real store, real keys, real sockets when asked, agencies registered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bus import config
from bus.app import App
from bus.client import ExchangeClient
from bus.clock import SystemClock
from bus.db import open_database, schema
from bus.dev import letters
from bus.installation import make_own_key
from bus.model import (
    Agency,
    AgencyState,
    CodeSystem,
    Document,
    Organization,
    PolicyMode,
    TrustPolicy,
)
from bus.reload import ReloadParts, propose
from bus.trust import keys, pki, xmldsig
from bus.trust.keys import OwnKey
from tests.support import command_line

DELIVER_ALL = "[[route]]\ndeliver = true\n"


def agency(code: str, **changes: Any) -> Agency:
    """A live agency with a mailbox and a signature policy, with changes."""
    usual = Agency(
        code=code,
        name=f"Cơ quan {code}",
        codes=((CodeSystem.QD20, code), (CodeSystem.QCVN102, f"000.00.00.{code}")),
        state=AgencyState.LIVE,
        dialect="qcvn102_java",
        channel="mailbox",
    )
    return replace(usual, **changes)


NATION = (
    agency("G09"),
    agency("H17", dialect="qcvn102_dotnet"),
    agency("H57"),
    agency("H29", state=AgencyState.LOCKED),
    agency("G22", policy=TrustPolicy(mode=PolicyMode.TOKEN, allow_legacy_signature=True,
           token_sha256="2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683")),
)  # fmt: skip
#: The token of G22; its digest is above.
TOKEN = ("G22", "key")


@dataclass
class RunningBus:
    """One bus with its agencies' keys."""

    app: App
    folder: Path
    own: dict[str, OwnKey] = field(default_factory=dict)
    address: tuple[str, int] | None = None

    @property
    def url(self) -> str:
        """Address of the exchange service."""
        assert self.address is not None
        return f"http://{self.address[0]}:{self.address[1]}/services/exchange"

    def client(self, code: str, **options: Any) -> ExchangeClient:
        """The exchange service as one agency's program."""
        return ExchangeClient(self.url, own=self.own[code], **options)

    def letter(self, sender: str, *to: str, number: int = 1, **changes: Any) -> Document:
        """A letter from one agency to others."""
        made = letters.letter(
            number,
            Organization(organ_id=sender, name=f"Cơ quan {sender}"),
            tuple(Organization(organ_id=code, name=f"Cơ quan {code}") for code in to),
            "V/v kết nối, liên thông phần mềm quản lý văn bản",
        )
        return replace(made, **changes)

    def signed(self, document: Document, *, by: str | None = None) -> bytes:
        """The document in the Java dialect, signed by its sender or another agency."""
        xml = self.app.parts.dialects.get("qcvn102_java").write(document).content
        return xmldsig.sign_document(xml, self.own[by or str(document.sender.organ_id)])

    @property
    def conf(self) -> Path:
        """The settings file for commands run beside the bus."""
        return self.folder / "bus.toml"

    def command(self, *words: str) -> command_line.Done:
        """Run a bus command as an operator of this bus would."""
        return command_line.run("--conf", str(self.conf), *words)

    def json(self, *words: str) -> Any:
        """What a successful command says to machines."""
        done = self.command(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def reload(self, text: str) -> int:
        """Make a table the active one and load it now."""
        database = self.app.database
        report = propose(
            text,
            "test",
            "",
            ReloadParts(
                store=database.routes,
                directory=database.directory,
                channels=frozenset({"mailbox", "soap"}),
                clock=SystemClock(),
            ),
        )
        self.app.routes.load_now()
        return report.version or 0


@contextmanager
def running_bus(
    folder: Path, *, agencies: tuple[Agency, ...] = NATION, serve: bool = True, **sections: Any
) -> Iterator[RunningBus]:
    """A bus below `folder`; `sections` change settings, such as limits={"depth": 10}."""
    settings = _settings(folder, sections)
    make_own_key(settings)
    schema.upgrade(settings.store)
    app = App(settings, open_database(settings.store))
    bus = RunningBus(app=app, folder=folder)
    _register(bus, agencies)
    bus.reload(DELIVER_ALL)
    try:
        if serve:
            bus.address = app.start()
        yield bus
    finally:
        app.stop()


def _settings(folder: Path, sections: dict[str, Any]) -> config.Settings:
    base: dict[str, dict[str, Any]] = {
        "server": {"port": 0},
        "store": {"url": f"sqlite:///{folder / 'bus.sqlite3'}", "bodies": folder / "bodies"},
        "trust": {"key_file": folder / "bus.key.pem", "certificate_file": folder / "bus.pem"},
        "routing": {"file": folder / "routes.toml", "watch": False, "poll_s": 0.1},
        "delivery": {"poll_s": 0.1, "first_delay_s": 0.1, "max_delay_s": 0.5, "lease_s": 2.0},
        "log": {"level": "error"},
    }
    for name, changes in sections.items():
        base[name] = base.get(name, {}) | changes
    (folder / "bus.toml").write_text(_toml(base), encoding="utf-8")
    return config.Settings(**base)  # type: ignore[arg-type]  # pydantic reads the sections


def _toml(sections: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        for key, value in values.items():
            plain = str(value) if isinstance(value, Path) else value
            lines.append(f"{key} = {json.dumps(plain)}")
    return "\n".join(lines) + "\n"


def _register(bus: RunningBus, agencies: tuple[Agency, ...]) -> None:
    directory = bus.app.database.directory
    directory.import_agencies(agencies, replace=True)
    now = datetime.now(UTC)
    authority = pki.create_authority("test authority", now)
    for one in agencies:
        own = pki.issue_own(authority, one.code, now)
        bus.own[one.code] = own
        directory.bind_key(keys.make_binding(one.code, own.certificate_der, now))
