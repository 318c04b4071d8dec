"""Founds the small nation on disk: keys, agencies, settings, routes, store."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bus import agency_csv
from bus.clock import SystemClock
from bus.config import Settings, load
from bus.db import open_database, schema
from bus.installation import make_key, make_own_key
from bus.model import Agency, AgencyState, CodeSystem, TrustPolicy
from bus.trust import keys

ROUTES = """# Bảng định tuyến của bản chạy thử: mọi văn bản đến đúng nơi nhận.
# The routing table of the trial nation: every document goes where it is addressed.

[[route]]
note = "everything as addressed"
deliver = true
"""

REDIRECT = """
# Đơn vị {old} đã sáp nhập: từ phiên bản này văn bản gửi {old} được chuyển cho {new}.
# {old} was merged: from this version on what is sent to it goes to {new}.
[[route]]
topic = "edoc.#"
recipient = "{old}"
redirect_to = "{new}"
note = "merged unit"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    """One sample agency: what its own process needs to know."""

    code: str
    name: str
    dialect: str
    #: 0 for agencies that fetch from their mailbox; the port of its own SOAP service otherwise.
    push_port: int
    folder: str
    url: str
    bus_certificate: str
    #: Certificates of every partner, to check their signatures: code → PEM file.
    partners: dict[str, str]
    #: Whether it answers every document with one of its own.
    echoes: bool = False

    def save(self, path: Path) -> None:
        """Write the file its process is started with."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def open(cls, path: Path) -> Citizen:
        """Read it back."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nation:
    """Where everything is, and how it is reached."""

    folder: Path
    conf: Path
    routes: Path
    settings: Settings
    base_url: str
    citizens: tuple[Citizen, ...]

    @property
    def url(self) -> str:
        """Address of the exchange service."""
        return f"{self.base_url}/services/exchange"


#: The call must be signed; the document may be.
SIGNED_CALLS = TrustPolicy(require_document_signature=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One agency of a nation as the bus has it registered."""

    code: str
    #: Its code of QCVN 102:2016.
    old: str
    name: str
    dialect: str
    channel: str = "mailbox"
    policy: TrustPolicy = SIGNED_CALLS
    key: Literal["ec", "rsa"] = "ec"
    echoes: bool = False
    #: Whether it is a process of ours; False for whoever brings a program of their own.
    acts: bool = True


MEMBERS = (
    Member(code="G09", old="000.00.00.G09", name="Bộ Nội vụ", dialect="qcvn102_java"),
    Member(
        code="H17",
        old="000.00.00.H17",
        name="Ủy ban nhân dân thành phố Đà Nẵng",
        dialect="qcvn102_dotnet",
    ),
    Member(
        code="H57",
        old="000.00.00.H57",
        name="Ủy ban nhân dân thành phố Huế",
        dialect="qcvn102_java",
        channel="soap",
    ),
)


def found(folder: Path, port: int, members: tuple[Member, ...] = MEMBERS) -> Nation:
    """Lay out a nation below `folder`; what an earlier run left there is kept and used again."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    push_port = free_port()
    conf = folder / "conf"
    conf.mkdir(exist_ok=True)
    (conf / "bus.toml").write_text(_settings_text(folder, port), encoding="utf-8")
    (conf / "routes.toml").write_text(ROUTES, encoding="utf-8")
    settings = load(conf / "bus.toml")
    make_own_key(settings)
    for member in members:
        _make_agency_key(folder / member.code, member.key)
    agencies = tuple(_agency(member, push_port) for member in members)
    (conf / "agencies.csv").write_text(agency_csv.write(agencies), encoding="utf-8")
    schema.upgrade(settings.store)
    _register(settings, agencies, folder)
    base_url = f"http://127.0.0.1:{port}"
    return Nation(
        folder=folder,
        conf=conf / "bus.toml",
        routes=conf / "routes.toml",
        settings=settings,
        base_url=base_url,
        citizens=tuple(
            _citizen(
                member, folder, base_url, push_port if member.channel == "soap" else 0, members
            )
            for member in members
            if member.acts
        ),
    )


def usual_port(wanted: int = 8080) -> int:
    """`wanted` if a server could listen there on 127.0.0.1 now, else a free port."""
    with socket.socket() as probe:
        # As servers do: an old connection that lingers on the port is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
    return wanted


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _settings_text(folder: Path, port: int) -> str:
    def quoted(path: Path) -> str:
        return json.dumps(str(path))

    return f"""# Settings of the trial nation; conf/README.md explains every one.
[server]
port = {port}
[store]
url = {json.dumps("sqlite:///" + str(folder / "bus.sqlite3"))}
bodies = {quoted(folder / "bodies")}
[trust]
key_file = {quoted(folder / "bus.key.pem")}
certificate_file = {quoted(folder / "bus.cert.pem")}
[routing]
file = {quoted(folder / "conf" / "routes.toml")}
[delivery]
first_delay_s = 1.0
max_delay_s = 10.0
lease_s = 5.0
poll_s = 0.5
[log]
level = "warning"
"""


def _make_agency_key(home: Path, kind: Literal["ec", "rsa"]) -> None:
    home.mkdir(exist_ok=True, mode=0o700)
    if (home / "key.pem").exists():
        return
    make_key(home / "key.pem", home / "cert.pem", home.name, kind=kind)


def _agency(member: Member, push_port: int) -> Agency:
    return Agency(
        code=member.code,
        name=member.name,
        codes=((CodeSystem.QD20, member.code), (CodeSystem.QCVN102, member.old)),
        state=AgencyState.LIVE,
        policy=member.policy,
        dialect=member.dialect,
        channel=member.channel,
        address=f"http://127.0.0.1:{push_port}/?wsdl" if member.channel == "soap" else None,
    )


def _register(settings: Settings, agencies: tuple[Agency, ...], folder: Path) -> None:
    database = open_database(settings.store)
    try:
        database.directory.import_agencies(agencies, replace=True)
        bound = {binding.fingerprint for binding in database.directory.keys(None)}
        for agency in agencies:
            certificate = (folder / agency.code / "cert.pem").read_bytes()
            binding = keys.make_binding(agency.code, certificate, SystemClock().now())
            if binding.fingerprint not in bound:
                database.directory.bind_key(binding)
    finally:
        database.close()


def _citizen(
    member: Member, folder: Path, base_url: str, push_port: int, members: tuple[Member, ...]
) -> Citizen:
    return Citizen(
        code=member.code,
        name=member.name,
        dialect=member.dialect,
        push_port=push_port,
        folder=str(folder / member.code),
        url=f"{base_url}/services/exchange",
        bus_certificate=str(folder / "bus.cert.pem"),
        partners={other.code: str(folder / other.code / "cert.pem") for other in members},
        echoes=member.echoes,
    )
