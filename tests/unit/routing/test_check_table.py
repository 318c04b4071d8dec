"""What check() finds in a table that can be read."""

from __future__ import annotations

import pytest
from support.memory_routes import MemoryDirectory, agency

from bus.model import AgencyState, Severity
from bus.routing import check, parse

DIRECTORY = MemoryDirectory(
    [
        agency("G22", codes=["000.00.00.G22"]),
        agency("G06"),
        agency("G14", state=AgencyState.LOCKED),
        agency("H53"),
        agency("H53.13", parent="H53"),
        agency("H53.13.02", parent="H53.13", connected=False),
    ]
)
LAST = "[[route]]\ndeliver = true\n"


def found(text: str) -> list[tuple[str, str, int]]:
    problems = check(parse(text, "t"), DIRECTORY, {"mailbox", "soap"})
    return [(each.rule, each.path, each.line) for each in problems]


def rules_of(*rows: str) -> set[str]:
    return {rule for rule, _, _ in found("".join(f"[[route]]\n{row}\n" for row in rows))}


def test_a_sound_table_has_no_problems() -> None:
    """Order from particular to general, known names and a last row: nothing to say."""
    assert (
        rules_of(
            'recipient = "G14"\nredirect_to = "G06"',
            'recipient = "under:H53"\nredirect_to = "H53"',
            'sender = "G22"\nrecipient = "H53"\npriority = 4\nvia = "soap"',
            'copy_to = "G22"',
            "deliver = true",
        )
        == set()
    )


@pytest.mark.parametrize(
    "row",
    [
        'recipient = "G99"\ndeliver = true',
        'sender = "under:G99"\ndeliver = true',
        'recipient = "G14"\nredirect_to = "G99"',
        'copy_to = ["G22", "G99"]',
    ],
)
def test_unknown_agencies_are_refused(row: str) -> None:
    """A code outside the directory refuses the table, wherever it stands."""
    problems = check(parse(f"[[route]]\n{row}\n{LAST}", "t"), DIRECTORY, set())
    assert [(each.rule, each.severity) for each in problems] == [("R10", Severity.REJECT)]
    assert "G99" in problems[0].value


def test_abolished_agencies_outside_the_directory_may_be_redirected() -> None:
    """A redirect may catch a code nobody registered any more; that is only warned about."""
    problems = check(
        parse(f'[[route]]\nrecipient = "G99"\nredirect_to = "G06"\n{LAST}', "t"), DIRECTORY, set()
    )
    assert [(each.rule, each.severity) for each in problems] == [("R20", Severity.WARN)]


def test_unknown_channels_are_refused() -> None:
    """A via row names an installed channel or a known peer."""
    assert rules_of('recipient = "G06"\nvia = "pigeon"', "deliver = true") == {"R11"}


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        (["deliver = true", 'recipient = "G06"\nhold = true'], "R12"),
        (["deliver = true", 'recipient = "G06"\ndeliver = true'], "R13"),
        (['recipient = "under:H53"\nhold = true', 'recipient = "H53.13"\nvia = "soap"', LAST[10:]], "R12"),
        (['recipient = "under:H53"\nhold = true', 'recipient = "under:H53.13"\nvia = "soap"', LAST[10:]], "R12"),
        (['topic = "edoc.#"\nhold = true', 'topic = "edoc.*.cong-van"\nvia = "soap"', LAST[10:]], "R12"),
        (['topic = "*.new.*"\nhold = true', 'topic = "edoc.new.cong-van"\nvia = "soap"', LAST[10:]], "R12"),
        (
            ['recipient = "G06"\npriority = [0, 1]\nhold = true', 'recipient = "G06"\npriority = ">=2"\nhold = true',
             'recipient = "G06"\nvia = "soap"', LAST[10:]],
            "R12",
        ),
        (
            ['recipient = "G06"\nhold = true', 'recipient = "H53"\nhold = true',
             'recipient = ["G06", "H53"]\nvia = "soap"', LAST[10:]],
            "R12",
        ),
        (['recipient = "G14"\nredirect_to = "G06"', 'recipient = "G14"\nhold = true', LAST[10:]], "R12"),
        (['recipient = "000.00.00.G22"\nhold = true', 'recipient = "G22"\nvia = "soap"', LAST[10:]], "R12"),
    ],
)  # fmt: skip
def test_rows_that_can_never_match_are_found(rows: list[str], rule: str) -> None:
    """A row that earlier ones cover is refused when it says otherwise, warned about when it agrees."""
    assert rules_of(*rows) == {rule}


@pytest.mark.parametrize(
    "rows",
    [
        ['recipient = "H53.13"\nhold = true', 'recipient = "under:H53"\nvia = "soap"', LAST[10:]],
        ['topic = "edoc.*.cong-van"\nhold = true', 'topic = "edoc.#"\nvia = "soap"', LAST[10:]],
        ['sender = "G22"\nrecipient = "G06"\nhold = true', 'recipient = "G06"\nvia = "soap"', LAST[10:]],
        ['recipient = "G06"\npriority = ">=1"\nhold = true', 'recipient = "G06"\nvia = "soap"', LAST[10:]],
        ['recipient = "under:H53"\nredirect_to = "H53"', 'recipient = "under:H53"\nhold = true', LAST[10:]],
        ['copy_to = "G22"', 'recipient = "G06"\ndeliver = true', 'recipient = "H53"\nhold = true', LAST[10:]],
    ],
)  # fmt: skip
def test_rows_that_can_match_are_left_alone(rows: list[str]) -> None:
    """Narrow rows before wide ones, copies, and rows behind a redirect's own target are sound."""
    assert rules_of(*rows) == set()


def test_circles_of_redirects_are_refused_once_with_their_way() -> None:
    """A circle is told once, with every row on it."""
    text = (
        '[[route]]\nrecipient = "G14"\nredirect_to = "G06"\n[[route]]\nrecipient = "G06"\nredirect_to = "H53"\n'
        f'[[route]]\nrecipient = "H53"\ntopic = "edoc.#"\nsender = "G22"\nredirect_to = "G06"\n{LAST}'
    )
    problems = [each for each in check(parse(text, "t"), DIRECTORY, set()) if each.rule == "R14"]
    assert len(problems) == 1
    assert "row 2 to H53" in problems[0].value
    assert "row 3 to G06" in problems[0].value


def test_a_redirect_to_oneself_is_refused() -> None:
    """A row whose only recipient is its own target does nothing and is refused."""
    assert "R15" in rules_of('recipient = "000.00.00.G22"\nredirect_to = "G22"', "deliver = true")


def test_a_redirect_to_a_locked_agency_is_warned_about() -> None:
    """What is redirected to a locked agency would be parked."""
    assert rules_of('recipient = "G06"\nredirect_to = "G14"', "deliver = true") == {"R19"}


def test_agencies_without_a_route_are_named() -> None:
    """Connected agencies no row reaches are warned about, with what cannot reach them."""
    problems = check(
        parse(
            '[[route]]\nrecipient = "G22"\ndeliver = true\n[[route]]\nrecipient = "G06"\ntopic = "edoc.#"\ndeliver = true\n'
            '[[route]]\nrecipient = "H53.13"\nreject = "không nhận"\n',
            "t",
        ),
        DIRECTORY,
        set(),
    )
    assert {each.severity for each in problems} == {Severity.WARN}
    assert [(each.path, each.value) for each in problems] == [
        ("t recipient G06", "status"),
        ("t recipient H53", "edoc, status"),
        ("t recipient H53.13", "edoc, status"),
    ]


def test_topics_the_bus_never_makes_are_warned_about() -> None:
    """A pattern with two words after edoc missing fits nothing."""
    assert rules_of('topic = "edoc.cong-van"\nhold = true', "deliver = true") == {"R18"}


def test_more_than_a_thousand_wild_rows_are_warned_about() -> None:
    """Rows without sender and recipient are for exceptions, not for a whole table."""
    rows = [f'topic = "edoc.new.loai-{n}"\nhold = true' for n in range(1_001)]
    assert rules_of(*rows, "deliver = true") == {"R17"}
    assert rules_of(*rows[:999], "deliver = true") == set()


def test_a_flood_of_problems_is_cut() -> None:
    """At most two hundred problems of a kind are told."""
    rows = [f'recipient = "X{n}"\nhold = true' for n in range(300)]
    assert len(found("".join(f"[[route]]\n{row}\n" for row in rows) + LAST)) == 200
