"""Route: one delivery per recipient, with the row and version as the reason."""

from __future__ import annotations

from dataclasses import replace

from bus.edxml import code_lists
from bus.journey.states import Checked, Routed
from bus.model import (
    Agency,
    AgencyState,
    DeliveryState,
    Document,
    Message,
    NewDelivery,
    Priority,
)
from bus.model.codes import fold
from bus.ports import Directory, RouteDecision, RouteQuery, Routes, RoutesSource
from bus.routing import topics


def route(checked: Checked, source: RoutesSource, directory: Directory) -> Routed:
    """Ask the table of the moment for every recipient; what cannot go yet is parked, never dropped."""
    routes = source.current()
    topic = topics.topic_of(checked.message, code_lists.topic_type)
    priority = urgency(checked.message)
    answers: dict[str, NewDelivery] = {}
    copies: list[NewDelivery] = []
    for code in recipients_of(checked.message):
        query = RouteQuery(
            topic=topic,
            priority=priority,
            sender=checked.sender.code,
            recipient=primary(code, directory),
        )
        answer, *added = decide(query, routes, directory)
        # Two codes of one agency are one recipient.
        answers.setdefault(fold(query.recipient), answer)
        copies += added
    return Routed(
        checked=checked,
        topic=topic,
        routes_version=routes.version,
        answers=tuple(answers.values()),
        copies=tuple(copies),
    )


def decide(query: RouteQuery, routes: Routes, directory: Directory) -> tuple[NewDelivery, ...]:
    """What becomes of one recipient's copy, and of the copies the table adds to it."""
    decision = routes.decide(query)
    first = replace(_settle(decision, query.recipient, directory), requested=query.recipient)
    copies = tuple(
        replace(
            _settle(RouteDecision(action="deliver", row=row), primary(code, directory), directory),
            copied=True,
        )
        for code, row in decision.copies
    )
    return (first, *copies)


def recipients_of(message: Message) -> tuple[str, ...]:
    """The codes a message goes to, each once, in the sender's order and spelling."""
    if isinstance(message, Document):
        codes = [recipient.organ_id for recipient in message.recipients]
    else:
        codes = [message.response_for.organ_id]
    return tuple(dict.fromkeys(code.strip() for code in codes if code))


def urgency(message: Message) -> int:
    """The urgency to carry the message with; statuses are never urgent."""
    return int(message.priority) if isinstance(message, Document) else int(Priority.NORMAL)


def primary(code: str, directory: Directory) -> str:
    """The primary code where the directory knows the agency, else the code as written."""
    agency = directory.find(code)
    return agency.code if agency else code.strip()


def _settle(decision: RouteDecision, recipient: str, directory: Directory) -> NewDelivery:
    target = decision.recipient or decision.target if decision.action == "redirect" else None
    target = target or decision.recipient or recipient
    via = decision.target if decision.action == "via" else None
    agency = directory.find(target)
    state, reason = _state(decision, agency, via)
    return NewDelivery(
        recipient=agency.code if agency else target,
        state=state,
        reason=reason,
        row=decision.row,
        via=via,
    )


def _state(
    decision: RouteDecision, agency: Agency | None, via: str | None
) -> tuple[DeliveryState, str]:
    if decision.action == "hold":
        return DeliveryState.HELD, decision.reason
    if decision.action == "reject":
        return DeliveryState.REJECTED, f"RTE-005 {decision.reason}".strip()
    if agency is None:
        return DeliveryState.PARKED, "RTE-002"
    if decision.action == "none":
        return DeliveryState.PARKED, "RTE-001"
    if agency.state is AgencyState.LOCKED:
        return DeliveryState.PARKED, "RTE-003"
    if agency.dialect is None or (agency.channel is None and via is None):
        return DeliveryState.PARKED, "RTE-006"
    return DeliveryState.PENDING, decision.reason
