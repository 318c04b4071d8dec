"""How long each text of a message may be, in characters, by canonical path.

Where NĐ 30/2020/NĐ-CP Annex VI and a hub's checker agree the figure is safe (number 11,
notation 30, names, abstract 500); the others rest on one source. Real traffic breaks some of
them, so a text above its length is a warning and only above ten times the length a refusal;
the outbound schemas carry the tenfold figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from types import MappingProxyType

#: A text longer than this many times its length is refused.
TOLERANCE = 10

_ORGANIZATION = {
    "organ_id": 35,
    "in_charge": 200,
    "name": 200,
    "address": 250,
    "email": 100,
    "telephone": 20,
    "fax": 20,
    "website": 100,
}
_REFERENCE = {"organ_id": 35, "code": 42, "document_id": 255}
_STAFF = {
    "department": 300,
    "name": 300,
    "mobile": 30,
    "email": 100,
    "department_id": 255,
    "staff_id": 255,
}
_FILE = {"content_id": 255, "name": 200, "content_type": 255, "description": 500}


def _under(parent: str, lengths: dict[str, int]) -> dict[str, int]:
    return {f"{parent}.{name}": length for name, length in lengths.items()}


#: Lengths by canonical path; `[]` stands for any index.
LENGTHS = MappingProxyType(
    {
        **_under("sender", _ORGANIZATION),
        **_under("recipients[]", _ORGANIZATION),
        "document_id": 255,
        "code.number": 11,
        "code.notation": 30,
        "promulgation.place": 50,
        "document_type.name": 100,
        "subject": 500,
        "content": 500,
        "signer.competence": 100,
        "signer.position": 100,
        "signer.full_name": 50,
        "to_places[]": 150,
        "other.sphere": 100,
        "other.typist": 10,
        "other.appendixes[]": 250,
        "other.reply_fors[]": 255,
        "other.reference_codes[]": 255,
        **_under("response_for[]", _REFERENCE),
        "task_codes[]": 255,
        "application_type": 255,
        "trace[].organ_id": 35,
        "business.document_id": 255,
        "business.reason": 500,
        "business.update.receivers[].organ_id": 35,
        "business.replacements[].document_id": 255,
        "business.replacements[].organ_ids[]": 35,
        **_under("business.staff", _STAFF),
        **_under("attachments[]", _FILE),
        **_under("attachments[].manifest", _FILE),
        **_under("response_for", _REFERENCE),
        **_under("staff", _STAFF),
        "description": 500,
    }
)

#: What to look at in a record of a class at a place: field, its pattern, its longest length.
_Plan = tuple[tuple[str, str, int | None], ...]
_plans: dict[tuple[type, str], _Plan] = {}
#: Fields by class: asking each time costs more than the check of lengths.
_known: dict[type, tuple[str, ...]] = {}


def too_long(part: object, path: str = "", pattern: str = "") -> Iterator[tuple[str, str, str]]:
    """Every text longer than LENGTHS allows: its path, its path with `[]` for indexes, the text."""
    dot = "." if path else ""
    for name, at, longest in _plan(type(part), pattern):
        value: object = getattr(part, name)
        if isinstance(value, str):
            if longest is not None and len(value) > longest:
                yield f"{path}{dot}{name}", at, value
        elif isinstance(value, tuple):
            yield from _items_too_long(value, f"{path}{dot}{name}", f"{at}[]")
        elif _names(type(value)):
            yield from too_long(value, f"{path}{dot}{name}", at)


def _items_too_long(
    items: tuple[object, ...], path: str, pattern: str
) -> Iterator[tuple[str, str, str]]:
    longest = LENGTHS.get(pattern)
    for index, item in enumerate(items):
        if not isinstance(item, str):
            yield from too_long(item, f"{path}[{index}]", pattern)
        elif longest is not None and len(item) > longest:
            yield f"{path}[{index}]", pattern, item


def _plan(kind: type, pattern: str) -> _Plan:
    plan = _plans.get((kind, pattern))
    if plan is None:
        dot = "." if pattern else ""
        patterns = ((name, f"{pattern}{dot}{name}") for name in _names(kind))
        plan = tuple((name, at, LENGTHS.get(at)) for name, at in patterns)
        _plans[kind, pattern] = plan
    return plan


def _names(kind: type) -> tuple[str, ...]:
    """The fields of a class of the canonical model; none of any other class."""
    names = _known.get(kind)
    if names is None:
        names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
        _known[kind] = names
    return names
