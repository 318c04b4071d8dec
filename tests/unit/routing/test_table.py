"""Reading and writing the routing file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import RoutesRefused
from bus.routing import Action, from_dict, parse, to_dict, to_toml

WHOLE = """
# the merged ministry
[[route]]
topic = "edoc.*.cong-van"
priority = ">=3"
sender = ["G22", "under:H53"]
recipient = " 000.00.00.G14 "
redirect_to = "G06"
note = "sáp nhập"

[[route]]
recipient = ["G01", "G11"]
reject = "gửi qua mạng riêng"

[[route]]
priority = [4, 3, 3]
via = "soap"

[[route]]
priority = 2
hold = true

[[route]]
copy_to = "H53.01"

[[route]]
deliver = true
"""


def refusals(text: str) -> list[tuple[str, int, str]]:
    with pytest.raises(RoutesRefused) as caught:
        parse(text, "routes.toml")
    assert all(each.message_vi and each.hint and each.hint_vi for each in caught.value.problems)
    return [(each.rule, each.line, each.path) for each in caught.value.problems]


def test_every_kind_of_row_is_read() -> None:
    """Each decision, each form of priority and each form of agency term is understood."""
    rows = parse(WHOLE, "routes.toml").rows
    assert [row.action for row in rows] == [
        Action.REDIRECT,
        Action.REJECT,
        Action.VIA,
        Action.HOLD,
        Action.COPY,
        Action.DELIVER,
    ]
    assert [row.line for row in rows] == [3, 11, 15, 19, 23, 26]
    assert rows[0].priority == (3, 4)
    assert rows[0].recipient == ("000.00.00.G14",)
    assert rows[0].sender == ("G22", "under:H53")
    assert (rows[0].target, rows[1].reason, rows[2].target) == ("G06", "gửi qua mạng riêng", "soap")
    assert rows[2].priority == (3, 4)
    assert rows[4].copies == ("H53.01",)
    assert (rows[5].topic, rows[5].mask) == ("#", 0b11111)


def test_rows_survive_storage_and_export() -> None:
    """Rows come back equal from plain values and, but for lines, from their own TOML."""
    rows = parse(WHOLE, "routes.toml").rows
    assert tuple(from_dict(to_dict(row)) for row in rows) == rows
    again = parse(to_toml(rows), "export").rows
    assert [to_dict(row) | {"line": 0} for row in again] == [
        to_dict(row) | {"line": 0} for row in rows
    ]


def test_every_problem_is_told_at_once_with_its_line() -> None:
    """One bad file tells all it has wrong, each with rule, row and line."""
    found = refusals(
        'x = 1\n[[route]]\ntopics = 1\ntopic = "Edoc"\npriority = 9\nsender = ["*", "G1"]\n'
        'recipient = "a b"\ndeliver = true\nhold = true\n\n[[route]]\n[[route]]\ndeliver = false\n'
    )
    assert sorted(found) == sorted(
        [
            ("R02", 0, "routes.toml x"),
            ("R02", 2, "routes.toml row 1 topics"),
            ("R03", 2, "routes.toml row 1 topic"),
            ("R04", 2, "routes.toml row 1 priority"),
            ("R05", 2, "routes.toml row 1 sender"),
            ("R05", 2, "routes.toml row 1 recipient"),
            ("R06", 2, "routes.toml row 1 deliver hold"),
            ("R06", 11, "routes.toml row 2"),
            ("R06", 12, "routes.toml row 3 deliver"),
        ]
    )


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("priority = true\ndeliver = true", "R04"),
        ("priority = []\ndeliver = true", "R04"),
        ('priority = ">=5"\ndeliver = true', "R04"),
        ("recipient = []\ndeliver = true", "R05"),
        ("recipient = 7\ndeliver = true", "R05"),
        ('recipient = "under:"\ndeliver = true', "R05"),
        ('redirect_to = "under:G22"', "R05"),
        ('redirect_to = "*"', "R05"),
        ("copy_to = []", "R05"),
        ("via = 3", "R08"),
        ('reject = ""', "R08"),
        ("note = 3\ndeliver = true", "R08"),
        ('hold = "yes"', "R06"),
    ],
)
def test_wrong_values_are_refused(line: str, rule: str) -> None:
    """A value of the wrong type or form is refused by its rule and never guessed at."""
    assert rule in {found[0] for found in refusals(f"[[route]]\n{line}\n")}


def test_broken_toml_is_refused_with_its_line() -> None:
    """A syntax error names the line the parser stopped at."""
    assert refusals('[[route]]\ndeliver = true\nnote = "open\n')[0][:2] == ("R01", 3)


def test_a_route_that_is_no_list_of_rows_is_refused() -> None:
    """`[route]` instead of `[[route]]` is a mistake that is told."""
    assert refusals("[route]\ndeliver = true\n")[0][0] == "R08"


def test_a_row_for_too_many_pairs_is_refused() -> None:
    """Senders times recipients of one row stay below the limit of the index."""
    many = ", ".join(f'"H{n}"' for n in range(101))
    text = f"[[route]]\nsender = [{many}]\nrecipient = [{many}]\ndeliver = true\n"
    assert refusals(text)[0][0] == "R07"


def test_inline_rows_are_read_without_lines() -> None:
    """An inline array of rows works; its problems name rows only."""
    table = parse("route = [{deliver = true}, {hold = true}]", "inline")
    assert [row.line for row in table.rows] == [0, 0]


@pytest.mark.parametrize(
    "plain",
    [{}, {"number": 1, "other": 2}, {"number": 1, "action": "fly"}, {"number": 1, "sender": 3}],
)
def test_stored_rows_that_cannot_be_read_are_refused(plain: dict[str, object]) -> None:
    """A damaged stored row raises our own error, not a stranger's."""
    with pytest.raises(RoutesRefused):
        from_dict(plain)


def test_an_empty_file_is_an_empty_table() -> None:
    """No rows is a table: everything will be parked."""
    assert parse("", str(Path("routes.toml"))).rows == ()
