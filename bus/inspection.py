"""Checks a message without a server: the same steps, no sender to prove."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bus import errors, pipeline, registry
from bus.clock import SystemClock
from bus.config import LimitSettings, Settings
from bus.edxml import code_lists
from bus.journey.route import primary, recipients_of, urgency
from bus.model import (
    Agency,
    Caller,
    CallerMethod,
    KeyBinding,
    Loss,
    Problem,
    Severity,
    Submission,
)
from bus.ports import Clock, Dialects, Directory, RouteQuery, Verifier
from bus.routing import topics
from bus.trust.keyring import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What the bus would say of one file; `losses` names what the model cannot carry."""

    acceptable: bool
    dialect: str | None
    problems: tuple[Problem, ...]
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The parts that look at a message without taking it."""

    limits: LimitSettings
    verifier: Verifier
    directory: Directory
    dialects: Dialects
    clock: Clock


class EmptyDirectory:
    """A directory that knows nobody: every code is foreign, every certificate unknown."""

    def find(self, code: str) -> Agency | None:  # noqa: ARG002 - the port's signature
        """Nobody."""
        return None

    def ancestors(self, code: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """Nobody."""
        return ()

    def connected(self) -> tuple[str, ...]:
        """Nobody."""
        return ()

    def binding(self, fingerprint: str) -> KeyBinding | None:  # noqa: ARG002 - the port's signature
        """No certificate is bound."""
        return None


def tools(settings: Settings, directory: Directory | None = None) -> Tools:
    """What inspect() needs; without a directory, nobody is known."""
    clock = SystemClock()
    known = directory or EmptyDirectory()
    return Tools(
        limits=settings.limits,
        verifier=Keyring(known, clock, settings.trust),
        directory=known,
        dialects=registry.dialects(settings.limits),
        clock=clock,
    )


def inspect_file(path: Path, instruments: Tools) -> FileReport:
    """Report every problem of one file; Raises Misconfigured when it cannot be read."""
    try:
        translated, problems = pipeline.inspect(_local(path, instruments.clock), instruments)
    except errors.Rejected as error:
        found = error.problems or (errors.as_problem(error),)
        return FileReport(acceptable=False, dialect=None, problems=found)
    return FileReport(
        acceptable=all(p.severity is not Severity.REJECT for p in problems),
        dialect=translated.dialect.name,
        problems=problems,
        losses=translated.losses,
    )


def inspect_document(path: Path, instruments: Tools) -> tuple[RouteQuery, ...]:
    """What routing would be asked about a file's recipients, in their order.

    Raises Rejected when the file cannot be read as a message.
    """
    translated, _ = pipeline.inspect(_local(path, instruments.clock), instruments)
    message = translated.message
    directory = instruments.directory
    topic = topics.topic_of(message, code_lists.topic_type)
    return tuple(
        RouteQuery(
            topic=topic,
            priority=urgency(message),
            sender=primary(message.sender.organ_id or "", directory),
            recipient=primary(code, directory),
        )
        for code in recipients_of(message)
    )


def _local(path: Path, clock: Clock) -> Submission:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise errors.Misconfigured(f"{path}: {error.strerror}") from error
    return Submission(
        body=body,
        evidence=b"",
        caller=Caller(method=CallerMethod.LOCAL),
        channel="check",
        received_at=clock.now(),
        correlation_id=path.name,
    )
