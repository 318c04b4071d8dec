"""The compiled table decides exactly as a person reading the rows from the top would."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.memory_routes import MemoryDirectory, agency

from bus.model.codes import fold
from bus.ports import RouteQuery
from bus.routing import (
    Action,
    Builder,
    Row,
    Table,
    check,
    compile_rows,
    from_dict,
    naive_decide,
    parse,
    to_dict,
    to_toml,
    topics,
)
from bus.routing.follow import MAX_REDIRECTS

DIRECTORY = MemoryDirectory(
    [
        agency("A", codes=["1.A", "2.A"]),
        agency("B", parent="A", codes=["1.B"]),
        agency("C", parent="B"),
        agency("D", codes=["1.D"]),
        agency("E", parent="D"),
    ]
)
CODES = ["A", "1.a", "2.A", "b", "1.B", "C", "D", "1.D", "E", "Z"]
WORDS = ["edoc", "new", "x", "y"]

codes = st.sampled_from(CODES)
terms = st.one_of(codes, codes.map("under:".__add__))
term_lists = st.one_of(
    st.just(("*",)), st.lists(terms, min_size=1, max_size=3, unique=True).map(tuple)
)
patterns = st.tuples(st.lists(st.sampled_from([*WORDS, "*"]), max_size=3), st.booleans()).map(
    lambda made: ".".join([*made[0], *(["#"] if made[1] or not made[0] else [])])
)
masks = st.lists(st.integers(0, 4), max_size=4, unique=True).map(lambda m: tuple(sorted(m)))


@st.composite
def rows(draw: st.DrawFn) -> Row:
    action = draw(st.sampled_from(list(Action)))
    return Row(
        number=1,
        topic=draw(patterns),
        priority=draw(masks),
        sender=draw(term_lists),
        recipient=draw(term_lists),
        action=action,
        target={Action.VIA: "soap", Action.REDIRECT: draw(codes)}.get(action),
        copies=tuple(draw(st.lists(codes, min_size=1, max_size=3, unique=True)))
        if action is Action.COPY
        else (),
        reason=draw(st.text('aàđ"\\\n\x7f', min_size=1, max_size=3)).strip() or "r"
        if action is Action.REJECT
        else "",
        note=draw(st.sampled_from(["", "ghi chú"])),
    )


tables = st.lists(rows(), max_size=12).map(
    lambda made: tuple(replace(row, number=at) for at, row in enumerate(made, start=1))
)
queries = st.builds(
    RouteQuery,
    topic=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(".".join),
    priority=st.integers(-1, 6),
    sender=codes,
    recipient=codes,
)


@given(tables, queries)
@settings(max_examples=300, deadline=None)
def test_compiled_equals_the_plain_reading(table: tuple[Row, ...], query: RouteQuery) -> None:
    """Whatever the rows and the message: same action, row, target, reason and copies."""
    assert compile_rows(table, DIRECTORY, 1).decide(query) == naive_decide(table, query, DIRECTORY)


@given(tables, queries, st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_a_table_compiled_in_pieces_is_the_same_table(
    table: tuple[Row, ...], query: RouteQuery, size: int
) -> None:
    """Piecewise compilation changes no decision."""
    builder = Builder(DIRECTORY, 1)
    for at in range(0, len(table), size):
        builder.add(table[at : at + size])
    assert builder.finish().decide(query) == compile_rows(table, DIRECTORY, 1).decide(query)


@given(tables, queries)
@settings(max_examples=200, deadline=None)
def test_every_decision_ends(table: tuple[Row, ...], query: RouteQuery) -> None:
    """No table, circles included, makes a decision follow more redirects than allowed."""
    way = compile_rows(table, DIRECTORY, 1).walk(query)
    assert len(way.hops) <= MAX_REDIRECTS + 1
    assert fold(query.sender) not in {
        fold(code) for code, _ in naive_decide(table, query, DIRECTORY).copies
    }


@given(tables, queries)
@settings(max_examples=200, deadline=None)
def test_rows_called_superfluous_can_be_removed(table: tuple[Row, ...], query: RouteQuery) -> None:
    """What check() calls unreachable never decides, for any message."""
    problems = check(Table(source="t", rows=table), DIRECTORY, {"soap"})
    idle = {int(each.path.split()[2]) for each in problems if each.rule in {"R12", "R13"}}
    way = compile_rows(table, DIRECTORY, 1).walk(query)
    assert idle.isdisjoint({way.row, *(row for row, _ in way.hops)})


@given(tables)
@settings(max_examples=200, deadline=None)
def test_rows_survive_their_plain_form_and_their_toml(table: tuple[Row, ...]) -> None:
    """Storage and export lose nothing but line numbers."""
    assert tuple(from_dict(to_dict(row)) for row in table) == table
    again = parse(to_toml(table), "t").rows
    assert tuple(replace(row, line=0) for row in again) == table


@given(patterns, st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(".".join))
def test_wider_names_exactly_the_patterns_that_match(pattern: str, topic: str) -> None:
    """The keys a topic is looked up under are the patterns it fits, no more and no fewer."""
    assert (pattern in set(topics.wider(topic))) == topics.matches(pattern, topic)


class Counted(dict[str, Any]):
    """A dictionary that counts how often it is asked."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        """Count and answer."""
        self.asked += 1
        return super().get(key, default)


def nation(size: int) -> tuple[Row, ...]:
    """A table of one row per agency and a few of every other kind, last row wild."""
    chance = random.Random(7)
    made = [
        Row(
            number=at,
            topic=chance.choice(["#", "edoc.#", "edoc.new.cong-van"]),
            recipient=(chance.choice(["", "", "", "under:"]) + f"H{at % 63:02}.{at}",),
            sender=("*",) if at % 10 else (f"H{at % 63:02}",),
            action=Action.HOLD if at % 3 else Action.DELIVER,
        )
        for at in range(1, size)
    ]
    return (*made, Row(number=size))


def units(size: int) -> MemoryDirectory:
    """63 provinces with `size` units below them."""
    provinces = [agency(f"H{n:02}", codes=[f"000.00.00.H{n:02}"]) for n in range(63)]
    below = [agency(f"H{n % 63:02}.{n}", parent=f"H{n % 63:02}") for n in range(1, size)]
    return MemoryDirectory(provinces + below)


def test_a_look_up_asks_no_more_of_a_large_table_than_of_a_small_one() -> None:
    """The number of probes of the index does not grow from 100 to 20,000 rows."""
    query = RouteQuery(topic="edoc.new.cong-van", priority=1, sender="H01", recipient="H05.68")
    asked = []
    for size in (100, 1_000, 20_000):
        routes = compile_rows(nation(size), units(size), 1)
        counters = []
        for index in (
            routes._parts.deciding,
            routes._parts.redirecting,
            routes._parts.copying_rows,
        ):
            index._leaves = Counted(index._leaves)
            counters.append(index._leaves)
        assert routes.decide(query) == naive_decide(nation(size), query, units(size))
        asked.append(sum(counter.asked for counter in counters))
    assert 0 < asked[0] <= asked[1] == asked[2] <= 40


def test_a_large_table_decides_like_the_plain_reading() -> None:
    """A sample of messages through 5,000 rows goes where reading all rows would send it."""
    table, directory = nation(5_000), units(5_000)
    routes = compile_rows(table, directory, 1)
    chance = random.Random(11)
    for _ in range(40):
        at = chance.randrange(1, 5_000)
        query = RouteQuery(
            topic=chance.choice(["edoc.new.cong-van", "status.03"]),
            priority=chance.randrange(5),
            sender=f"H{chance.randrange(63):02}",
            recipient=f"H{at % 63:02}.{at}",
        )
        assert routes.decide(query) == naive_decide(table, query, directory)
