"""Topics and patterns."""

from __future__ import annotations

import pytest

from bus import model
from bus.routing import topics


def slug(name: str | None) -> str:
    return "cong-van" if name == "Công văn" else "khac"


@pytest.mark.parametrize(
    ("action", "word"),
    [(None, "new"), (0, "new"), (1, "revoke"), (2, "update"), (3, "replace"), (9, "new")],
)
def test_a_document_topic_names_action_and_type(action: int | None, word: str) -> None:
    """The topic of a document is edoc, its business action and the slug of its type."""
    document = model.Document(
        sender=model.Organization(organ_id="G22"),
        document_type=model.DocumentType(name="Công văn"),
        business=None if action is None else model.Business(action=action),
    )
    assert topics.topic_of(document, slug) == f"edoc.{word}.cong-van"


def test_a_status_topic_names_its_code() -> None:
    """The topic of a status message is status and its code, or unknown."""
    status = model.StatusMessage(
        sender=model.Organization(organ_id="G22"),
        response_for=model.Reference(),
        code=model.StatusCode.ACCEPTED,
    )
    assert topics.topic_of(status, slug) == "status.03"
    nameless = model.StatusMessage(sender=status.sender, response_for=status.response_for)
    assert topics.topic_of(nameless, slug) == "status.unknown"


@pytest.mark.parametrize("text", ["#", "*", "edoc.#", "edoc.*.cong-van", "*.*.#", "status.03"])
def test_patterns_of_the_contract_are_read(text: str) -> None:
    """Words, single wild words and an open end make a pattern."""
    assert topics.is_pattern(text)


@pytest.mark.parametrize(
    "text",
    ["", "edoc.", ".edoc", "edoc..new", "#.edoc", "edoc.#.new", "Edoc.new", "công.văn", "a#"],
)
def test_other_texts_are_no_patterns(text: str) -> None:
    """An open end stands last, words are lower-case ASCII and never empty."""
    assert not topics.is_pattern(text)


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("#", "edoc.new.cong-van", True),
        ("edoc.#", "edoc.new.cong-van", True),
        ("edoc.#", "edoc", True),
        ("edoc.new.cong-van.#", "edoc.new.cong-van", True),
        ("edoc.*", "edoc.new.cong-van", False),
        ("edoc.*.cong-van", "edoc.new.cong-van", True),
        ("edoc.*.cong-van", "edoc.new.quyet-dinh", False),
        ("*.*.*", "status.03", False),
        ("status.03", "status.03", True),
        ("edoc.#", "edocx.new", False),
    ],
)
def test_patterns_match_word_by_word(pattern: str, topic: str, fits: bool) -> None:
    """`*` stands for exactly one word, `#` for zero or more at the end."""
    assert topics.matches(pattern, topic) is fits


def test_patterns_that_fit_no_topic_of_the_bus_are_known() -> None:
    """A pattern with the wrong number of words or an unknown service serves nothing."""
    assert topics.services("edoc.cong-van") == frozenset()
    assert topics.services("mail.#") == frozenset()
    assert topics.services("*.03") == {"status", "notice"}
    assert topics.services("#") == {"edoc", "status", "notice"}


@pytest.mark.parametrize("pattern", ["#", "edoc.#", "*.*", "*.new.*", "status.*", "*", "a.b.c.d.*"])
def test_an_example_fits_its_pattern(pattern: str) -> None:
    """The example topic of a pattern is matched by it."""
    assert topics.matches(pattern, topics.example(pattern))
