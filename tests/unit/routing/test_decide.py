"""What a table decides; every case through the compiled table and the plain reading."""

from __future__ import annotations

import pytest
from support.memory_routes import MemoryDirectory, agency

from bus.model import AgencyState
from bus.ports import RouteDecision, RouteQuery
from bus.routing import compile_rows, dry_run, explain, naive_decide, parse

DIRECTORY = MemoryDirectory(
    [
        agency("G22", codes=["000.00.00.G22"]),
        agency("G06"),
        agency("G14", codes=["000.00.00.G14"], state=AgencyState.LOCKED),
        agency("H53", codes=["000.00.00.H53"]),
        agency("H53.13", parent="H53", codes=["000.00.13.H53"]),
        agency("H53.13.02", parent="H53.13"),
        agency("H41"),
    ]
)


def ask(
    text: str,
    recipient: str,
    *,
    sender: str = "G22",
    topic: str = "edoc.new.cong-van",
    priority: int = 0,
) -> RouteDecision:
    rows = parse(text, "test").rows
    query = RouteQuery(topic=topic, priority=priority, sender=sender, recipient=recipient)
    compiled = compile_rows(rows, DIRECTORY, 1).decide(query)
    assert compiled == naive_decide(rows, query, DIRECTORY)
    return compiled


ORDERED = """
[[route]]
recipient = "H53.13"
topic = "status.#"
via = "soap"
[[route]]
recipient = "under:H53"
priority = ">=3"
hold = true
note = "trực ban"
[[route]]
sender = "under:H53"
recipient = "000.00.00.g22"
reject = "sai tuyến"
[[route]]
deliver = true
"""


@pytest.mark.parametrize(
    ("asked", "action", "row"),
    [
        ({"recipient": "H53.13", "topic": "status.03"}, "via", 1),
        ({"recipient": "000.00.13.h53", "topic": "status.03"}, "via", 1),
        ({"recipient": "H53.13"}, "deliver", 4),
        ({"recipient": "H53.13.02", "priority": 3}, "hold", 2),
        ({"recipient": "H53", "priority": 4}, "hold", 2),
        ({"recipient": "H41", "priority": 4}, "deliver", 4),
        ({"recipient": "G22", "sender": "H53.13.02"}, "reject", 3),
        ({"recipient": "G22", "sender": "H53"}, "reject", 3),
        ({"recipient": "G22", "sender": "H41"}, "deliver", 4),
        ({"recipient": "UNKNOWN"}, "deliver", 4),
    ],
)
def test_the_first_row_that_matches_decides(
    asked: dict[str, object], action: str, row: int
) -> None:
    """Order decides; agencies are known by every code they have, `under:` includes the root."""
    made = ask(ORDERED, **asked)  # type: ignore[arg-type]  # the table of cases is untyped
    assert (made.action, made.row) == (action, row)


def test_reasons_and_targets_travel_with_the_decision() -> None:
    """A refusal says why, a held message repeats the operator's remark, via names its channel."""
    assert ask(ORDERED, "G22", sender="H53").reason == "sai tuyến"
    assert ask(ORDERED, "H53", priority=3).reason == "trực ban"
    assert ask(ORDERED, "H53.13", topic="status.03").target == "soap"


def test_nothing_matches_the_empty_table() -> None:
    """Without rows every recipient is left without a route."""
    assert ask("", "G22") == RouteDecision(action="none", row=0)


def test_redirects_are_followed_to_the_end() -> None:
    """A chain of redirects names the final recipient, the first row and the whole way."""
    made = ask(
        '[[route]]\nrecipient = "G14"\nredirect_to = "000.00.13.H53"\n'
        '[[route]]\nrecipient = "H53.13"\nredirect_to = "G06"\n[[route]]\ndeliver = true\n',
        "000.00.00.G14",
    )
    assert (made.action, made.target, made.recipient, made.row) == ("redirect", "G06", "G06", 1)
    assert made.reason == "000.00.00.G14 → H53.13 (row 1) → G06 (row 2)"


def test_a_redirect_into_another_decision_keeps_both_facts() -> None:
    """After a redirect, via keeps its channel and names the final recipient beside it."""
    made = ask(
        '[[route]]\nrecipient = "G14"\nredirect_to = "G06"\n[[route]]\nrecipient = "G06"\nvia = "soap"\n',
        "G14",
    )
    assert (made.action, made.target, made.recipient, made.row) == ("via", "soap", "G06", 2)


def test_a_redirect_into_nothing_is_unroutable() -> None:
    """When no row takes the new recipient, the message has no route, and the way is told."""
    made = ask('[[route]]\nrecipient = "G14"\nredirect_to = "G06"\n', "G14")
    assert (made.action, made.row, made.recipient) == ("none", 0, "G06")
    assert made.reason == "G14 → G06 (row 1)"


def test_a_circle_of_redirects_ends_without_a_route() -> None:
    """Redirects that come back to where they were are parked with the way told."""
    made = ask(
        '[[route]]\nrecipient = "G14"\nredirect_to = "G06"\n'
        '[[route]]\nrecipient = "G06"\nredirect_to = "000.00.00.G14"\n',
        "G14",
    )
    assert made.action == "none"
    assert made.reason.startswith("redirects do not end: G14 → G06 (row 1) → G14 (row 2)")


def test_a_tree_can_be_gathered_at_its_root() -> None:
    """A redirect row leaves alone what already goes to its target."""
    table = '[[route]]\nrecipient = "under:H53"\nredirect_to = "H53"\n[[route]]\ndeliver = true\n'
    assert ask(table, "H53.13.02").target == "H53"
    assert ask(table, "H53").action == "deliver"


def test_copy_rows_add_recipients_and_let_the_search_go_on() -> None:
    """Every copy row that matches adds its recipients once, but neither recipient nor sender."""
    made = ask(
        '[[route]]\nrecipient = "under:H53"\ncopy_to = ["H41", "G22", "000.00.00.H53"]\n'
        '[[route]]\ncopy_to = ["000.00.00.H53", "H53.13", "h41", "G06"]\n[[route]]\ndeliver = true\n',
        "H53.13",
    )
    assert made.action == "deliver"
    assert made.copies == (("H41", 1), ("H53", 1), ("G06", 2))


def test_explain_shows_each_row_that_could_concern_the_recipient() -> None:
    """Rows for others are left out, failed conditions named, redirects continued."""
    rows = parse(
        '[[route]]\nrecipient = "H41"\nhold = true\n[[route]]\nrecipient = "G14"\ntopic = "status.#"\nhold = true\n'
        '[[route]]\nrecipient = "G14"\npriority = 4\nhold = true\n[[route]]\nrecipient = "G14"\nsender = "H41"\nhold = true\n'
        '[[route]]\nrecipient = "G14"\nredirect_to = "G06"\n[[route]]\nrecipient = ["G14", "G06"]\ndeliver = true\n',
        "test",
    ).rows
    query = RouteQuery(topic="edoc.new.cong-van", priority=0, sender="G22", recipient="G14")
    told = [
        (step.recipient, step.row.number, step.failed, step.decides)
        for step in explain(rows, query, DIRECTORY)
    ]
    assert told == [
        ("G14", 2, "topic", False),
        ("G14", 3, "priority", False),
        ("G14", 4, "sender", False),
        ("G14", 5, None, True),
        ("G06", 6, None, True),
    ]


def test_the_dry_run_tells_what_would_go_elsewhere_and_nothing_else() -> None:
    """Moved rows change nothing; another decision, target or copy does."""
    old = compile_rows(parse("[[route]]\ndeliver = true\n", "old").rows, DIRECTORY, 1)
    new = compile_rows(
        parse(
            '[[route]]\nrecipient = "H41"\nhold = true\n[[route]]\nrecipient = "G06"\ncopy_to = "H53"\n'
            "[[route]]\ndeliver = true\n",
            "new",
        ).rows,
        DIRECTORY,
        2,
    )
    queries = [
        (code, RouteQuery(topic="edoc.new.khac", priority=0, sender="G22", recipient=code))
        for code in ("H41", "G06", "H53")
    ]
    changes = dry_run(old, new, queries)
    assert [(each.message_id, each.after.action) for each in changes] == [
        ("H41", "hold"),
        ("G06", "deliver"),
    ]


def test_the_compiled_table_follows_the_directory() -> None:
    """An agency that gains a code is found by the rows that name it, without a reload."""
    members = [agency("G06"), agency("G22")]
    directory = MemoryDirectory(members)
    table = '[[route]]\nrecipient = "000.00.00.G06"\nhold = true\n'
    routes = compile_rows(parse(table, "test").rows, directory, 3)
    query = RouteQuery(topic="status.03", priority=0, sender="G22", recipient="G06")
    assert routes.decide(query).action == "none"
    directory.__init__([agency("G06", codes=["000.00.00.G06"]), agency("G22")])  # type: ignore[misc]  # refilled in place, as a live snapshot is
    assert routes.decide(query).action == "hold"


def test_rows_out_of_order_are_refused() -> None:
    """Pieces of a table must come complete and in order."""
    rows = parse("[[route]]\ndeliver = true\n[[route]]\nhold = true\n", "test").rows
    with pytest.raises(ValueError, match="row 2 out of order"):
        compile_rows(rows[1:], DIRECTORY, 1)
