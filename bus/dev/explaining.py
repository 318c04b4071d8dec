"""What a bus answered, in plain words of two languages, for the person who wrote the other program."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bus.dev import timeline
from bus.dev.verdicts import Event

#: Problems of one document that are shown; the fault holds all of them.
_SHOWN = 20
#: Longest value of a field that is repeated, characters.
_LONGEST = 400


def explain(event: Event) -> list[str]:
    """The lines for one event of a sandbox; none for what nobody has to read."""
    tell = _TELLERS.get(event["event"])
    if tell is not None:
        return list(tell(event))
    told = timeline.line(event)
    return [told] if told else []


def _refused(event: Event) -> Iterator[str]:
    about = " · ".join(str(event[name]) for name in ("code", "stage") if event.get(name))
    yield f"{_head(event, '✗')}  HTTP {event['http']}  {about or 'bị từ chối / refused'}"
    yield from _what(event, "    ")
    if event.get("problems"):
        yield from _problems(event)
    else:
        yield from _cure(event, "    ")
    if event.get("retryable"):
        yield "    thử lại / retry  gửi lại y nguyên sau ít lâu / send the same again later"
    if event.get("correlationId"):
        yield f"    mã tra cứu / correlation id  {event['correlationId']}"


def _checked(event: Event) -> Iterator[str]:
    good = event["acceptable"]
    said = "sẽ được nhận / would be accepted" if good else "sẽ bị từ chối / would be refused"
    yield f"{_head(event, '✓' if good else '✗')}  {said}"
    yield from _problems(event)


def _accepted(event: Event) -> Iterator[str]:
    again = "  (đã nhận từ trước / already stored)" if event["duplicate"] else ""
    yield f"{_head(event, '✓')}  {event['topic']}  {event['messageId']}{again}"
    for each in event["recipients"]:
        reason = f"  {each['reason']}" if each.get("reason") else ""
        yield f"    → {each.get('code', '')}  {each.get('state', '')}{reason}"
    for rule in event["warnings"]:
        yield f"    ! {rule}  bus explain {rule}"


def _asked(event: Event) -> Iterator[str]:
    waiting = f"  {event['count']} đang chờ / waiting" if "count" in event else ""
    yield f"{_head(event, '✓' if event.get('success') else '·')}{waiting}"


def _problems(event: Event) -> Iterator[str]:
    found = event.get("problems", [])
    for problem in found[:_SHOWN]:
        mark = "✗" if problem.get("severity") == "reject" else "!"
        yield f"    {mark} {problem.get('rule', '')}"
        yield from _what(problem, "      ")
        yield from _cure(problem, "      ")
    if len(found) > _SHOWN:
        yield f"    … và {len(found) - _SHOWN} lỗi nữa / and {len(found) - _SHOWN} more"


def _what(said: Event, indent: str) -> Iterator[str]:
    if said.get("messageVi"):
        yield f"{indent}vi: {_short(said['messageVi'])}"
        yield f"{indent}en: {_short(said.get('message'))}"
    elif said.get("message"):
        yield f"{indent}{_short(said['message'])}"


def _cure(said: Event, indent: str) -> Iterator[str]:
    """Where it is, what stands there, what should, and what to do."""
    if place := _place(said):
        yield f"{indent}ở đâu / where  {place}"
    if said.get("value") or said.get("expected"):
        value = _short(said.get("value"))
        yield f"{indent}có / found  {f'“{value}”' if value else '(trống / empty)'}"
        yield f"{indent}cần / expected  {_short(said.get('expected'))}"
    if said.get("hintVi") or said.get("hint"):
        yield f"{indent}nên làm / do  {_short(said.get('hintVi'))}"
        yield f"{indent}              {_short(said.get('hint'))}"


def _place(said: Event) -> str:
    line = f"dòng / line {said['line']}" if said.get("line") else ""
    column = f"cột / column {said['column']}" if said.get("column") else ""
    return "  ".join(part for part in (str(said.get("path") or ""), line, column) if part)


def _short(text: object) -> str:
    plain = " ".join(str(text or "").split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _head(event: Event, mark: str) -> str:
    at = datetime.fromisoformat(event["at"]).astimezone()
    return f"{at:%H:%M:%S} {mark} {event['operation']}"


_TELLERS = {
    "refused": _refused,
    "checked": _checked,
    "accepted": _accepted,
    "asked": _asked,
}
