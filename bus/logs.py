"""Structured logs: the correlation id bound once per journey, secrets never written."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from bus.config import LogSettings

#: Keys whose values never reach a log line.
SECRET_KEYS = frozenset({"token", "password", "secret", "private_key", "authorization"})

#: Longest value in a log line, characters.
_LONGEST = 2000


def configure(settings: LogSettings) -> None:
    """Write logs to standard error in the configured form; called once per process."""
    level = getattr(logging, settings.level.upper())
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    # signxml logs whole canonical documents at debug level.
    logging.getLogger("signxml").setLevel(logging.WARNING)
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if settings.format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            tame,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the values of secret keys."""
    for key in SECRET_KEYS & event.keys():
        event[key] = "***"
    return event


def tame(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep a value on its line and within bounds, since strangers write some of them."""
    for key, value in event.items():
        if isinstance(value, str):
            kept = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
            if not kept.isprintable():
                kept = "".join(
                    mark if mark.isprintable() else mark.encode("unicode_escape").decode()
                    for mark in kept
                )
            event[key] = kept
    return event


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one part."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(part=name)
    return logger
