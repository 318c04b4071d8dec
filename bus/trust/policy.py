"""What proof is enough: pure rules over verdicts, callers and agencies' policies."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from bus.error_catalogue import CATALOGUE
from bus.errors import NotAuthorised, SignatureRejected
from bus.model import (
    Agency,
    AgencyState,
    Caller,
    CallerMethod,
    Coverage,
    LegacyDefect,
    PolicyMode,
    Problem,
    Severity,
    SignatureVerdict,
)
from bus.model.codes import fold

#: Finds an agency by any of its codes.
Speakers: TypeAlias = Callable[[str], Agency | None]

_LOCAL_ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")

#: What proves a caller's identity under each policy; a stronger proof is always enough.
_ENOUGH: Final = {
    PolicyMode.SIGNATURE: frozenset({CallerMethod.SIGNATURE}),
    PolicyMode.MTLS: frozenset({CallerMethod.SIGNATURE, CallerMethod.MTLS}),
    PolicyMode.TOKEN: frozenset({CallerMethod.SIGNATURE, CallerMethod.MTLS, CallerMethod.TOKEN}),
}

_DEFECT_WORDS: Final = {
    LegacyDefect.WRONG_NAMESPACE: (
        "The signature is not in the xmldsig namespace and cannot be verified.",
        "Chữ ký không thuộc không gian tên xmldsig nên không kiểm tra được.",
    ),
    LegacyDefect.SHA1: (
        "The signature uses SHA-1.",
        "Chữ ký dùng thuật toán SHA-1.",
    ),
    LegacyDefect.TRUNCATED_CERTIFICATE: (
        "The certificate in the signature is cut off.",
        "Chứng thư trong chữ ký bị cắt cụt.",
    ),
    LegacyDefect.UNREGISTERED_TRANSFORM: (
        "The signature names a transform that is registered nowhere.",
        "Chữ ký dùng phép biến đổi không có trong danh mục đăng ký.",
    ),
    LegacyDefect.EMPTY_SIGNATURE: (
        "The signature element is empty.",
        "Phần tử chữ ký bị bỏ trống.",
    ),
    LegacyDefect.CID_REFERENCE: (
        "The signature refers to attachments by cid: and cannot be verified.",
        "Chữ ký tham chiếu tệp đính kèm bằng cid: nên không kiểm tra được.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Who proved to be the caller, what the proof covers, and what was let pass."""

    caller: Caller
    coverage: Coverage
    warnings: tuple[Problem, ...] = ()


def judge(
    agency: Agency,
    caller: Caller,
    document: SignatureVerdict | None,
    today: date,
    *,
    speakers: Speakers = lambda _: None,
) -> Judgement:
    """Decide whether what was proved is enough to act for `agency`, by that agency's policy.

    `today` is the local day. `speakers` finds agencies that may be registered to speak for
    it. Raises SignatureRejected with the cause of a broken or missing signature, NotAuthorised
    AUT-001 (nobody proved anything), AUT-002 (somebody else did), AUT-003 (locked).
    """
    warnings = _let_pass(agency, document, today)
    proven = _identify(agency, caller, document)
    _demand_authority(agency, proven, speakers)
    signed = _signed_for(agency, proven, document, speakers)
    if agency.policy.require_document_signature and not signed:
        raise SignatureRejected("The document itself must be signed.", code="SIG-001")
    if not signed:
        demand_method(agency, proven)
    return Judgement(caller=proven, coverage=_coverage(proven, signed=signed), warnings=warnings)


def may_speak(speaker: Agency, agency: Agency) -> bool:
    """Whether one agency may send for another: itself, or by registration."""
    return fold(agency.code) in represented(speaker)


def represented(agency: Agency) -> frozenset[str]:
    """The folded primary codes an agency may act for: its own and those it is registered for."""
    return frozenset(fold(code) for code in (agency.code, *agency.speaks_for))


def demand_method(agency: Agency, caller: Caller) -> None:
    """Raise SignatureRejected or NotAuthorised unless the call itself is proof for the policy."""
    if caller.method in _ENOUGH[agency.policy.mode] and _backed(caller):
        return
    if agency.policy.mode is PolicyMode.SIGNATURE:
        raise SignatureRejected(code="SIG-001")
    raise NotAuthorised(f"The policy demands {agency.policy.mode}.", code="AUT-001")


def authenticate_token(token: str, agency: Agency) -> bool:
    """Whether a bearer token is the agency's, compared in constant time.

    False for agencies whose policy is not `token`, whatever they hold.
    """
    expected = agency.policy.token_sha256 or ""
    given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    same = hmac.compare_digest(given, expected.casefold())
    return same and agency.policy.mode is PolicyMode.TOKEN


def remarks(document: SignatureVerdict | None) -> tuple[Problem, ...]:
    """What is wrong with a document's signature, as warnings, where nothing is refused yet."""
    if document is None:
        return ()
    found = _flags(document)
    if document.cause in (None, "SIG-009"):
        return found
    entry = CATALOGUE[document.cause]
    problem = Problem(
        rule=document.cause,
        severity=Severity.WARN,
        message=f"{entry.message} {document.detail}".strip(),
        message_vi=entry.message_vi,
        hint=entry.hint,
        hint_vi=entry.hint_vi,
    )
    return (problem, *found)


def local_day(now: datetime) -> date:
    """The calendar day in Vietnam at an aware instant; dates in documents are of that calendar."""
    return now.astimezone(_LOCAL_ZONE).date()


def _let_pass(
    agency: Agency, document: SignatureVerdict | None, today: date
) -> tuple[Problem, ...]:
    """Refuse a broken document signature; a legacy one passes, flagged, where the policy says so."""
    if document is None or (document.cause is None and not document.legacy):
        return ()
    excused = document.legacy and document.intact is not False and not document.revoked
    if not excused:
        raise SignatureRejected(document.detail, code=document.cause or "SIG-011")
    policy = agency.policy
    in_time = policy.legacy_until is None or today <= policy.legacy_until
    if not policy.allow_legacy_signature or not in_time:
        raise SignatureRejected(document.detail, code="SIG-009")
    return _flags(document)


def _flags(document: SignatureVerdict) -> tuple[Problem, ...]:
    entry = CATALOGUE["SIG-009"]
    return tuple(
        Problem(
            rule="SIG-LEGACY",
            severity=Severity.WARN,
            value=defect.value,
            expected="xmldsig, SHA-256",
            message=f"E19: {_DEFECT_WORDS[defect][0]}",
            message_vi=f"E19: {_DEFECT_WORDS[defect][1]}",
            hint=entry.hint,
            hint_vi=entry.hint_vi,
        )
        for defect in document.legacy
    )


def _identify(agency: Agency, caller: Caller, document: SignatureVerdict | None) -> Caller:
    """The caller, or the document's signer where the call itself proved nothing."""
    if caller.verdict is not None and not _sound(caller.verdict):
        raise SignatureRejected(caller.verdict.detail, code=caller.verdict.cause or "SIG-004")
    if caller.agency is not None:
        return caller
    if document is not None and _holds(document):
        return replace(
            caller, agency=document.signer, method=CallerMethod.SIGNATURE, verdict=document
        )
    if agency.policy.mode is PolicyMode.SIGNATURE:
        raise SignatureRejected(code="SIG-001")
    raise unknown(caller)


def unknown(caller: Caller, *, stage: str | None = None) -> NotAuthorised:
    """The refusal of a caller who proved nothing: SIG-005 with its TLS certificate, else AUT-001."""
    if caller.stranger:
        return NotAuthorised(f"TLS: {caller.stranger}", code="SIG-005", stage=stage)
    return NotAuthorised(code="AUT-001", stage=stage)


def _demand_authority(agency: Agency, caller: Caller, speakers: Speakers) -> None:
    if agency.state is AgencyState.LOCKED:
        raise NotAuthorised(f"{agency.code}.", code="AUT-003")
    if not _speaks(caller.agency, agency, speakers):
        raise NotAuthorised(f"{caller.agency} ≠ {agency.code}.", code="AUT-002")


def _signed_for(
    agency: Agency, caller: Caller, document: SignatureVerdict | None, speakers: Speakers
) -> bool:
    """Whether the document's signature is proof for the agency; refuses a stranger's."""
    if document is None or not _holds(document):
        return False
    if _speaks(document.signer, agency, speakers):
        return True
    # a clearing-house hands over, as itself, what an agency it speaks for has signed;
    # that signature then proves nothing about the clearing-house
    carried = {fold(code) for code in agency.speaks_for}
    own_call = caller.agency is not None and fold(caller.agency) == fold(agency.code)
    if own_call and document.signer is not None and fold(document.signer) in carried:
        return False
    raise NotAuthorised(f"{document.signer} ≠ {agency.code}.", code="AUT-002")


def _speaks(code: str | None, agency: Agency, speakers: Speakers) -> bool:
    if code is None:
        return False
    if fold(code) == fold(agency.code):
        return True
    speaker = speakers(code)
    if speaker is None or not may_speak(speaker, agency):
        return False
    if speaker.state is AgencyState.LOCKED:
        raise NotAuthorised(f"{speaker.code}.", code="AUT-003")
    return True


def _coverage(caller: Caller, *, signed: bool) -> Coverage:
    if signed:
        return Coverage.DOCUMENT
    over_body = caller.method is CallerMethod.SIGNATURE
    return Coverage.SOAP_BODY if over_body else Coverage.TRANSPORT


def _backed(caller: Caller) -> bool:
    """A signature must come with its verdict, over the Body."""
    if caller.method is not CallerMethod.SIGNATURE:
        return True
    return caller.verdict is not None and caller.verdict.coverage is Coverage.SOAP_BODY


def _sound(verdict: SignatureVerdict) -> bool:
    excused = verdict.cause is None or (verdict.cause == "SIG-009" and bool(verdict.legacy))
    return verdict.intact is True and verdict.trusted and excused


def _holds(document: SignatureVerdict | None) -> bool:
    return document is not None and _sound(document) and document.coverage is Coverage.DOCUMENT
