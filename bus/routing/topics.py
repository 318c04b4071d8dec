"""Topics: what a message is about, in dot words, and the patterns that rows match them by."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from bus import model

#: The topic of the bus's own report about a dead delivery.
NOTICE_TOPIC = "notice.dead"

_ACTIONS = {
    model.BusinessAction.NEW: "new",
    model.BusinessAction.REVOKE: "revoke",
    model.BusinessAction.UPDATE: "update",
    model.BusinessAction.REPLACE: "replace",
}
_PATTERN = re.compile(r"(?:(?:[a-z0-9_-]+|\*)(?:\.(?:[a-z0-9_-]+|\*))*(?:\.#)?|#)", re.ASCII)
#: How many words the topics of each service have, as topic_of() makes them.
_LENGTHS = {"edoc": 3, "status": 2, "notice": 2}


def topic_of(message: model.Message, type_slug: Callable[[str | None], str]) -> str:
    """The topic of one message: `edoc.<action>.<type>` or `status.<code>`.

    `type_slug` turns the name of a document type into one ASCII word (`cong-van`). A status
    without a readable code has the topic `status.unknown`.
    """
    if isinstance(message, model.StatusMessage):
        return f"status.{message.code.value if message.code else 'unknown'}"
    return f"edoc.{_ACTIONS[message.action]}.{type_slug(message.document_type.name)}"


def is_pattern(text: str) -> bool:
    """Whether a text is a topic pattern: lower-case words, `*` for one word, `#` for the rest."""
    return _PATTERN.fullmatch(text) is not None


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic fits a pattern; the plain reading, word by word."""
    wanted, given = pattern.split("."), topic.split(".")
    if wanted[-1] == "#":
        head = wanted[:-1]
        return len(given) >= len(head) and _words_fit(head, given[: len(head)])
    return len(given) == len(wanted) and _words_fit(wanted, given)


def _words_fit(wanted: list[str], given: list[str]) -> bool:
    return all(want in {"*", word} for want, word in zip(wanted, given, strict=True))


@lru_cache(maxsize=4096)
def wider(pattern: str) -> tuple[str, ...]:
    """Every pattern that matches all this one matches (itself included).

    A topic is a pattern without wild words, so this also yields every pattern a topic
    fits: at most 23 for three words, however many rows a table has.
    """
    words = pattern.split(".")
    open_end = words[-1] == "#"
    if open_end:
        words.pop()
    prefixes: list[tuple[str, ...]] = [()]
    found = ["#"]
    for word in words:
        prefixes = [(*prefix, each) for prefix in prefixes for each in dict.fromkeys((word, "*"))]
        found += (".".join((*prefix, "#")) for prefix in prefixes)
    if not open_end:
        found += (".".join(prefix) for prefix in prefixes)
    return tuple(found)


@lru_cache(maxsize=4096)
def services(pattern: str) -> frozenset[str]:
    """The services (`edoc`, `status`, `notice`) some of whose topics fit the pattern."""
    return frozenset(name for name, length in _LENGTHS.items() if _fits(pattern, name, length))


def _fits(pattern: str, service: str, length: int) -> bool:
    words = pattern.split(".")
    open_end = words[-1] == "#"
    if open_end:
        words.pop()
    long_enough = len(words) <= length if open_end else len(words) == length
    return long_enough and (not words or words[0] in {"*", service})


def example(pattern: str) -> str:
    """One topic that fits the pattern, of a shape the bus makes where there is one."""
    service = next(iter(sorted(services(pattern))), "edoc")
    usual = {
        "edoc": ("edoc", "new", "cong-van"),
        "status": ("status", "03"),
        "notice": ("notice", "dead"),
    }
    words = [word for word in pattern.split(".") if word != "#"]
    filled = [
        usual[service][at] if word == "*" and at < len(usual[service]) else word
        for at, word in enumerate(words)
    ]
    rest = usual[service][len(filled) :] if pattern.endswith("#") else ()
    return ".".join((*filled, *rest)).replace("*", "x")
