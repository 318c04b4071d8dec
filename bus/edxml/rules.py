"""The rules E01–E20 applied to a canonical message; all breaches are told at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta

from bus.edxml.code_lists import BUSINESS_ACTIONS, PRIORITIES, STEERING_TYPES, is_agency_code
from bus.edxml.findings import Findings
from bus.edxml.lengths import LENGTHS, TOLERANCE, too_long
from bus.edxml.rule_table import RULES, Rule, problem
from bus.model import (
    Attachment,
    BusinessAction,
    Document,
    Message,
    Problem,
    Severity,
    StatusCode,
    StatusMessage,
)
from bus.model.codes import fold

__all__ = ["RULES", "Rule", "check_message", "problem"]

#: Clocks of senders may be a day ahead of ours before a date of issue counts as future.
_AHEAD = timedelta(days=1)
_LARGEST_AMOUNT = 65535
_KNOWN_CATEGORIES = (1, 2)
_NEED_A_REASON = frozenset(
    {StatusCode.REFUSED, StatusCode.RECALL_REQUESTED, StatusCode.CHANGE_REFUSED}
)


def check_message(
    message: Message,
    *,
    places: Mapping[str, tuple[str, int]],
    today: date,
    own_codes_known: Callable[[str], bool],
    already: Collection[Problem] = (),
) -> tuple[Problem, ...]:
    """Every breach of the rules in a canonical message, warnings and reasons to refuse alike.

    `places` maps canonical paths to the sender's (path, line); what it lacks is told by its
    usual edXML path and line 0. `today` is the present day in Vietnam. `own_codes_known`
    says whether a code is registered with the bus, whose form is then not questioned.
    `already` are the problems found in reading, which are not told again.
    """
    status = isinstance(message, StatusMessage)
    findings = Findings(places, already, status=status)
    if isinstance(message, StatusMessage):
        _check_status(message, findings)
    else:
        _check_document(message, findings, today)
    _check_codes(message, findings, own_codes_known)
    _check_lengths(message, findings)
    return findings.all()


def _check_document(document: Document, findings: Findings, today: date) -> None:
    if not document.sender.organ_id:
        findings.missing("E03", "sender.organ_id")
    _check_recipients(document, findings)
    if not document.document_id:
        findings.missing("E05", "document_id")
    if not (document.code.number or document.code.notation):
        findings.missing("E06", "code")
    _check_issue_date(document, findings, today)
    if not document.subject:
        findings.missing("E09", "subject")
    _check_numbers(document, findings)
    _check_business(document, findings)
    _check_attachments(document.attachments, findings)


def _check_recipients(document: Document, findings: Findings) -> None:
    if not document.recipients:
        findings.missing("E04", "recipients")
    seen: set[str] = set()
    for index, recipient in enumerate(document.recipients):
        field = f"recipients[{index}].organ_id"
        if not recipient.organ_id:
            findings.missing("E04", field)
        elif fold(recipient.organ_id) in seen:
            findings.wrong("E04", field, recipient.organ_id, expected="each OrganId once")
        else:
            seen.add(fold(recipient.organ_id))


def _check_issue_date(document: Document, findings: Findings, today: date) -> None:
    issued_on = document.promulgation.issued_on
    if issued_on is None:
        findings.missing("E07", "promulgation.issued_on")
    elif issued_on > today + _AHEAD:
        written = issued_on.strftime("%Y/%m/%d")
        latest = today.strftime("%Y/%m/%d")
        findings.wrong("E07", "promulgation.issued_on", written, expected=f"<= {latest}")


def _check_numbers(document: Document, findings: Findings) -> None:
    """E08, E10, E11, E12: what is absent is no breach, only what is out of its list."""
    other = document.other
    amounts = range(_LARGEST_AMOUNT + 1)
    for rule, field, value, allowed in (
        ("E08", "document_type.category", document.document_type.category, _KNOWN_CATEGORIES),
        ("E10", "other.priority", other.priority, PRIORITIES),
        ("E11", "steering_type", document.steering_type, STEERING_TYPES),
        ("E12", "other.copies", other.copies, amounts),
        ("E12", "other.pages", other.pages, amounts),
    ):
        if value is not None and value not in allowed:
            findings.wrong(rule, field, value)


def _check_business(document: Document, findings: Findings) -> None:
    business = document.business
    if business is None or business.action is None:
        return
    if business.action not in BUSINESS_ACTIONS:
        findings.wrong("E13", "business.action", business.action, expected="0 to 3")
    elif business.action == BusinessAction.REVOKE and not _recall_targets(document):
        findings.missing("E13", "business.document_id", expected="the id of the recalled document")
    elif business.action == BusinessAction.UPDATE and business.update is None:
        # The whole document travels again with an update, so it can be followed without the block.
        findings.missing(
            "E13", "business.update", expected="BussinessDocumentInfo", severity=Severity.WARN
        )
    elif business.action == BusinessAction.REPLACE:
        _check_replacements(document, findings)


def _check_replacements(document: Document, findings: Findings) -> None:
    replacements = document.business.replacements if document.business else ()
    if not replacements:
        findings.missing("E13", "business.replacements", expected="ReplacementInfo, 1 or more")
    for index, replacement in enumerate(replacements):
        if not replacement.document_id:
            findings.missing(
                "E13", f"business.replacements[{index}].document_id", expected="DocumentId"
            )


def _recall_targets(document: Document) -> tuple[str, ...]:
    """The ids a recall may mean: published messages disagree about which element names it."""
    business_id = document.business.document_id if document.business else None
    answered = [reference.document_id for reference in document.response_for]
    return tuple(i for i in (business_id, *answered, document.document_id) if i)


def _check_attachments(attachments: tuple[Attachment, ...], findings: Findings) -> None:
    seen: set[str] = set()
    for index, attachment in enumerate(attachments):
        field = f"attachments[{index}]"
        if not attachment.content_id:
            findings.missing("E14", f"{field}.content_id", expected="a ContentId")
        elif attachment.content_id in seen:
            findings.wrong("E14", field, attachment.content_id, expected="each ContentId once")
        seen.add(attachment.content_id)


def _check_status(status: StatusMessage, findings: Findings) -> None:
    reference = status.response_for
    for field, value, expected in (
        ("sender.organ_id", status.sender.organ_id, "From/OrganId"),
        ("response_for.organ_id", reference.organ_id, "ResponseFor/OrganId"),
        ("response_for.code", reference.code, "ResponseFor/Code"),
        ("response_for.document_id", reference.document_id, "ResponseFor/DocumentId"),
        ("code", status.code, "01, 02, 03, 04, 05, 06, 13, 15 or 16"),
        ("at", status.at, "yyyy/MM/dd HH:mm:ss"),
    ):
        if not value:
            findings.missing("E17", field, expected=expected)
    if status.code in _NEED_A_REASON and not status.description:
        findings.missing("E18", "description")


def _check_codes(message: Message, findings: Findings, known: Callable[[str], bool]) -> None:
    named = [("sender.organ_id", message.sender.organ_id)]
    if isinstance(message, StatusMessage):
        named.append(("response_for.organ_id", message.response_for.organ_id))
    else:
        for index, recipient in enumerate(message.recipients):
            named.append((f"recipients[{index}].organ_id", recipient.organ_id))
    for field, code in named:
        if code and not is_agency_code(code) and not known(code):
            findings.wrong("E16", field, code)


def _check_lengths(message: Message, findings: Findings) -> None:
    for field, pattern, text in too_long(message):
        longest = LENGTHS[pattern]
        reject = len(text) > longest * TOLERANCE
        findings.wrong(
            "E09" if pattern == "subject" else "LEN",
            field,
            text,
            expected=f"at most {longest} characters",
            severity=Severity.REJECT if reject else Severity.WARN,
        )
