"""Settings: conf/bus.toml, then BUS_* variables; frozen, and unknown keys are errors."""

from __future__ import annotations

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bus.errors import Misconfigured


class Section(BaseModel):
    """One table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ServerSettings(Section):
    """Where the bus listens."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8080, ge=0, le=65535)
    """TCP port; 0 takes a free one."""
    public_url: str | None = None
    """Address that clients reach the bus by; written into served WSDLs. None: as requested."""
    threads: int = Field(default=12, ge=1, le=256)
    """Threads that work on received requests."""
    share_cpu: bool = True
    """Whether threads that mostly run Python share one CPU (Linux): turns between CPUs cost more."""
    head_deadline_s: float = Field(default=30.0, gt=0)
    """Longest time the head of a request may take, and a connection may be idle, seconds."""
    body_deadline_s: float = Field(default=60.0, gt=0)
    """Longest time a request may take to arrive, seconds."""
    head_room: int = Field(default=512, ge=1)
    """Requests at once, arriving or waiting; one more ousts the slowest sender, or gets "busy"."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses and networks of TLS terminators; only these may name a client and its certificate."""
    client_certificate_header: str = Field(default="X-Client-Cert", pattern=r"^[A-Za-z0-9-]+$")
    """Header in which a terminator hands over the client's certificate (URL-escaped PEM, or RFC 9440)."""


class StoreSettings(Section):
    """Where messages are kept."""

    url: str = "sqlite:///var/bus.sqlite3"
    """SQLAlchemy address of the database."""
    bodies: Path = Path("var/bodies")
    """Folder for bodies too large for a row."""
    inline_bytes: int = Field(default=262_144, ge=0)
    """Bodies up to this size stay in the row, bytes."""
    busy_timeout_s: float = Field(default=5.0, gt=0)
    """Longest wait for another process's write lock, seconds."""
    group_max: int = Field(default=64, ge=1)
    """Most messages written by one commit."""


class LimitSettings(Section):
    """What is refused before it is parsed."""

    body_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Largest request, bytes."""
    depth: int = Field(default=100, ge=1)
    """Deepest nesting of elements."""
    elements: int = Field(default=100_000, ge=1)
    """Most elements in one message."""
    attributes: int = Field(default=50_000, ge=1)
    """Most attributes in one message."""
    element_attributes: int = Field(default=64, ge=1)
    """Most attributes and namespace declarations of one element."""
    junk_bytes: int = Field(default=64, ge=0)
    """Longest junk before the first `<` that is trimmed with a warning, bytes."""
    unpacked_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """Largest size one zipped attachment may unpack to, bytes."""
    parts: int = Field(default=1000, ge=1)
    """Most parts of one multipart request (MTOM, SOAP with Attachments)."""
    part_bytes: int = Field(default=48 * 1024 * 1024, ge=1)
    """Largest single part of a multipart request, bytes as sent."""
    part_header_bytes: int = Field(default=16 * 1024, ge=1)
    """Longest headers of one part of a multipart request, bytes."""


class TrustSettings(Section):
    """The bus's own key and how strictly time is taken."""

    key_file: Path = Path("var/keys/bus.key.pem")
    """The bus's private key, PEM, mode 0600."""
    certificate_file: Path = Path("var/keys/bus.cert.pem")
    """The bus's certificate, PEM."""
    timestamp_window_s: float = Field(default=300.0, gt=0)
    """How old a signed Timestamp may be; as long a signed call is remembered, and answered once, seconds."""
    clock_skew_s: float = Field(default=60.0, ge=0)
    """How far a sender's clock may be ahead or behind; added to the window on both sides, seconds."""
    repeat_grace_s: float = Field(default=2.0, ge=0, le=10)
    """How soon the same signed bytes may be a call of their own, where Timestamps have no fractions, seconds."""


class RoutingSettings(Section):
    """The topic table."""

    file: Path = Path("conf/routes.toml")
    """The operators' routing file."""
    watch: bool = True
    """Whether saving the file reloads it."""
    dry_run_messages: int = Field(default=200, ge=0)
    """How many of the newest messages a reload replays to show what would change."""
    poll_s: float = Field(default=0.5, gt=0)
    """How often a node looks for a new active version, seconds."""


class DeliverySettings(Section):
    """Workers and their patience."""

    workers: int = Field(default=2, ge=0, le=64)
    """Worker threads in this process; 0 leaves delivery to other processes."""
    batch: int = Field(default=20, ge=1)
    """Deliveries leased together."""
    lease_s: float = Field(default=60.0, gt=0)
    """How long a lease lasts without a heartbeat, seconds."""
    poll_s: float = Field(default=1.0, gt=0)
    """How often an idle worker looks for work that nobody announced, seconds."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Longest wait for a receiver's answer, seconds."""
    first_delay_s: float = Field(default=30.0, gt=0)
    """Delay before the second try, seconds; doubles with every further try."""
    max_delay_s: float = Field(default=3600.0, gt=0, le=604_800)
    """Longest delay between two tries, seconds."""
    max_attempts: int = Field(default=12, ge=1)
    """Tries before a delivery is dead."""
    jitter: float = Field(default=0.2, ge=0, le=1)
    """Share of each delay that is drawn by chance, so that retries do not come in waves."""


class LogSettings(Section):
    """What the bus writes about itself."""

    level: str = Field(default="info", pattern="^(debug|info|warning|error)$")
    """Least severe level written."""
    format: str = Field(default="console", pattern="^(console|json)$")
    """`console` for people, `json` for machines."""


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="BUS_", env_nested_delimiter="__"
    )

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    limits: LimitSettings = LimitSettings()
    trust: TrustSettings = TrustSettings()
    routing: RoutingSettings = RoutingSettings()
    delivery: DeliverySettings = DeliverySettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return env_settings, init_settings


def load(path: Path | None = None, *, base: Path | None = None) -> Settings:
    """Read the settings; relative paths in them are taken from `base` (default: the working folder).

    Without `path`, the file named by BUS_CONF, else `conf/bus.toml` if it exists, else defaults.
    Raises Misconfigured CFG-001 naming the file, the key and what is wrong with it.
    """
    source = path or _default_path()
    raw: dict[str, Any] = {}
    if source is not None:
        try:
            raw = tomllib.loads(source.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Misconfigured(f"{source}: {error}") from error
    try:
        settings = Settings(**raw)
    except ValidationError as error:
        raise Misconfigured(_explain(source, error)) from error
    return _anchored(settings, base) if base else settings


def _default_path() -> Path | None:
    named = os.environ.get("BUS_CONF")
    if named:
        return Path(named)
    usual = Path("conf/bus.toml")
    return usual if usual.exists() else None


def _explain(source: Path | None, error: ValidationError) -> str:
    lines = [
        f"[{'.'.join(str(part) for part in item['loc'])}] {item['msg']}" for item in error.errors()
    ]
    return f"{source or 'environment'}: " + "; ".join(lines)


def _anchored(settings: Settings, base: Path) -> Settings:
    url = settings.store.url
    prefix = "sqlite:///"
    if url.startswith(prefix) and not Path(url.removeprefix(prefix)).is_absolute():
        url = prefix + str(base / url.removeprefix(prefix))
    return settings.model_copy(
        update={
            "store": settings.store.model_copy(
                update={"url": url, "bodies": base / settings.store.bodies}
            ),
            "trust": settings.trust.model_copy(
                update={
                    "key_file": base / settings.trust.key_file,
                    "certificate_file": base / settings.trust.certificate_file,
                }
            ),
            "routing": settings.routing.model_copy(update={"file": base / settings.routing.file}),
        }
    )
