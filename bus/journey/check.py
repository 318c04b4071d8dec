"""Check: the sender's identity, then every rule at once."""

from __future__ import annotations

from dataclasses import replace

from bus import errors
from bus.edxml import rules
from bus.journey.states import Checked, Translated
from bus.lifecycle import reporters
from bus.model import Agency, Problem, Severity, StatusMessage
from bus.ports import Clock, Directory, MessageStore
from bus.trust import policy


def check(
    translated: Translated, directory: Directory, messages: MessageStore, clock: Clock
) -> Checked:
    """Refuse an impostor first, then report every broken rule in one go; warnings travel on.

    Raises NotAuthorised AUT-002, AUT-003, AUT-005; SchemaRejected DOC-001 with all problems.
    """
    sender = identify(translated, directory, clock)
    problems = judge(translated, directory, clock)
    if sender is not None:
        problems += told_rightly(translated, sender, directory, messages)
    fatal = tuple(p for p in problems if p.severity is Severity.REJECT)
    if fatal or sender is None:
        first = fatal[0] if fatal else None
        raise errors.SchemaRejected(
            f"({len(fatal)})" if fatal else "",
            path=first.path if first else "",
            line=first.line if first else 0,
            problems=problems,
        )
    return Checked(
        verified=translated.verified,
        dialect=translated.dialect,
        message=translated.message,
        sender=sender,
        warnings=problems,
    )


def judge(translated: Translated, directory: Directory, clock: Clock) -> tuple[Problem, ...]:
    """Every problem of the message so far: schema, translation and rules E01…E20."""
    found = rules.check_message(
        translated.message,
        places=translated.places,
        today=policy.local_day(clock.now()),
        own_codes_known=lambda code: directory.find(code) is not None,
        already=translated.problems,
    )
    return translated.problems + found


def told_rightly(
    translated: Translated, reporter: Agency, directory: Directory, messages: MessageStore
) -> tuple[Problem, ...]:
    """What speaks against a status, given what the bus carried of the document it is about."""
    status = translated.message
    if not isinstance(status, StatusMessage) or status.code is None:
        return ()
    named = directory.find(status.response_for.organ_id or "")
    document_id = status.response_for.document_id
    if named is None or not document_id:
        return ()
    reporting, addressed = (
        reporters.Side(
            codes=frozenset({agency.code, *directory.ancestors(agency.code)}),
            sent_to=messages.sent_to(agency.code, document_id),
        )
        for agency in (reporter, named)
    )
    found = reporters.objection(status.code, reporting, addressed)
    if found is None:
        return ()
    path, line = translated.places.get("response_for.document_id", ("", 0))
    told = errors.Rejected(document_id, code=found.code, path=path, line=line)
    return (replace(errors.as_problem(told), severity=found.severity),)


def identify(translated: Translated, directory: Directory, clock: Clock) -> Agency | None:
    """The sending agency, proven as its own policy demands; None when the message names none.

    The proof was judged by the caller's policy before; a clearing-house must also satisfy
    the policy of the agency it speaks for.
    """
    code = translated.message.sender.organ_id
    if not code:
        return None
    sender = directory.find(code)
    verified = translated.verified
    try:
        if sender is None:
            raise errors.NotAuthorised(code, code="AUT-005", stage="check")
        policy.judge(
            sender,
            verified.caller,
            verified.document_verdict,
            policy.local_day(clock.now()),
            speakers=directory.find,
        )
    except errors.Rejected as error:
        error.path, error.line = translated.places.get("sender.organ_id", ("", 0))
        raise
    return sender
