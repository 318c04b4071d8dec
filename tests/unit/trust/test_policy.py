"""What proof is enough for whom."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from bus.errors import NotAuthorised, SignatureRejected
from bus.model import (
    AgencyState,
    Caller,
    CallerMethod,
    Coverage,
    LegacyDefect,
    PolicyMode,
    Severity,
    SignatureVerdict,
)
from bus.trust import legacy, policy
from tests.support import pki

TODAY = date(2025, 10, 20)
CLEARING_HOUSE = "VXP"


def _document(signer: str = pki.SENDER, **facts) -> SignatureVerdict:
    good = SignatureVerdict(
        intact=True, trusted=True, signer=signer, coverage=Coverage.DOCUMENT, fingerprint="ab"
    )
    return replace(good, **facts)


def _call(method: CallerMethod, code: str = pki.SENDER, **facts) -> Caller:
    verdict = None
    if method is CallerMethod.SIGNATURE:
        verdict = _document(code, coverage=Coverage.SOAP_BODY, **facts)
    return Caller(agency=code, method=method, verdict=verdict)


def _code(agency, caller, document=None, **options) -> str | None:
    try:
        policy.judge(agency, caller, document, options.pop("today", TODAY), **options)
    except (SignatureRejected, NotAuthorised) as refusal:
        return refusal.code
    return None


NOBODY = Caller()


@pytest.mark.parametrize(
    ("mode", "method", "code"),
    [
        (PolicyMode.SIGNATURE, CallerMethod.SIGNATURE, None),
        (PolicyMode.SIGNATURE, CallerMethod.MTLS, "SIG-001"),
        (PolicyMode.SIGNATURE, CallerMethod.TOKEN, "SIG-001"),
        (PolicyMode.SIGNATURE, CallerMethod.LOCAL, "SIG-001"),
        (PolicyMode.MTLS, CallerMethod.SIGNATURE, None),
        (PolicyMode.MTLS, CallerMethod.MTLS, None),
        (PolicyMode.MTLS, CallerMethod.TOKEN, "AUT-001"),
        (PolicyMode.MTLS, CallerMethod.LOCAL, "AUT-001"),
        (PolicyMode.TOKEN, CallerMethod.SIGNATURE, None),
        (PolicyMode.TOKEN, CallerMethod.MTLS, None),
        (PolicyMode.TOKEN, CallerMethod.TOKEN, None),
        (PolicyMode.TOKEN, CallerMethod.NONE, "AUT-001"),
    ],
)
def test_each_mode_takes_its_own_proof_or_a_stronger_one(mode, method, code):
    """Unsigned documents need a caller proved the way the policy says, or better."""
    assert _code(pki.agency(mode=mode), _call(method)) == code


@pytest.mark.parametrize("mode", list(PolicyMode))
@pytest.mark.parametrize("caller", [NOBODY, _call(CallerMethod.TOKEN), _call(CallerMethod.MTLS)])
def test_a_signed_document_is_enough_under_every_mode(mode, caller):
    """The sender's right signature over the document proves more than any transport."""
    judged = policy.judge(pki.agency(mode=mode), caller, _document(), TODAY)
    assert judged.coverage is Coverage.DOCUMENT
    assert judged.caller.agency == pki.SENDER
    assert judged.warnings == ()


def test_the_signer_becomes_the_caller():
    """Where the call itself proved nothing, the document's signer is who called."""
    judged = policy.judge(pki.agency(), Caller(remote="127.0.0.1"), _document(), TODAY)
    assert judged.caller.method is CallerMethod.SIGNATURE
    assert judged.caller.verdict == _document()
    assert judged.caller.remote == "127.0.0.1"


@pytest.mark.parametrize(
    ("method", "coverage"),
    [
        (CallerMethod.SIGNATURE, Coverage.SOAP_BODY),
        (CallerMethod.MTLS, Coverage.TRANSPORT),
        (CallerMethod.TOKEN, Coverage.TRANSPORT),
    ],
)
def test_coverage_says_what_the_proof_covers(method, coverage):
    """A signed call covers the Body, an authenticated transport only itself."""
    judged = policy.judge(pki.agency(mode=PolicyMode.TOKEN), _call(method), None, TODAY)
    assert judged.coverage is coverage


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        (PolicyMode.SIGNATURE, "SIG-001"),
        (PolicyMode.MTLS, "AUT-001"),
        (PolicyMode.TOKEN, "AUT-001"),
    ],
)
def test_nobody_is_refused(mode, code):
    """A call that proves nothing is refused under every mode."""
    assert _code(pki.agency(mode=mode), NOBODY) == code


def test_a_policy_can_demand_the_documents_own_signature():
    """Then a signed call alone is not enough, in any mode."""
    for mode in PolicyMode:
        strict = pki.agency(mode=mode, require_document_signature=True)
        assert _code(strict, _call(CallerMethod.SIGNATURE)) == "SIG-001"
        assert _code(strict, _call(CallerMethod.SIGNATURE), _document()) is None


@pytest.mark.parametrize(
    "cause",
    ["SIG-002", "SIG-003", "SIG-004", "SIG-005", "SIG-006", "SIG-007", "SIG-008", "SIG-011"],
)
@pytest.mark.parametrize("mode", list(PolicyMode))
def test_a_broken_document_signature_always_refuses(cause, mode):
    """No policy and no transport excuses a real signature that does not hold."""
    broken = _document(intact=None, trusted=False, coverage=Coverage.NOTHING, cause=cause)
    agency = pki.agency(mode=mode, allow_legacy_signature=True)
    assert _code(agency, _call(CallerMethod.SIGNATURE), broken) == cause


def test_a_verdict_without_cause_must_still_be_sound():
    """Facts decide, not the absence of a cause."""
    for facts in ({"intact": None}, {"trusted": False}, {"coverage": Coverage.NOTHING}):
        assert _code(pki.agency(), NOBODY, _document(**facts)) == "SIG-001"
    for facts in ({"intact": False}, {"trusted": False}):
        assert _code(pki.agency(), _call(CallerMethod.SIGNATURE, **facts)) == "SIG-004"


def test_nobody_acts_for_another_without_registration():
    """The proven identity must be the sender, or be registered to speak for it."""
    other = _call(CallerMethod.SIGNATURE, pki.OTHER)
    house = pki.agency(pki.OTHER, speaks_for=(pki.SENDER.lower(),))
    assert _code(pki.agency(), other) == "AUT-002"
    assert _code(pki.agency(), other, speakers=lambda _: pki.agency(pki.OTHER)) == "AUT-002"
    assert _code(pki.agency(), other, speakers=lambda _: house) is None
    assert _code(pki.agency(), NOBODY, _document(pki.OTHER), speakers=lambda _: house) is None
    locked = replace(house, state=AgencyState.LOCKED)
    assert _code(pki.agency(), other, speakers=lambda _: locked) == "AUT-003"


def test_speaking_for_somebody_is_not_mutual():
    """Whom a clearing-house speaks for may not speak for the clearing-house."""
    house = pki.agency(CLEARING_HOUSE, speaks_for=(pki.SENDER,))
    find = {CLEARING_HOUSE: house, pki.SENDER: pki.agency()}.get
    assert _code(house, _call(CallerMethod.SIGNATURE, pki.SENDER), speakers=find) == "AUT-002"
    assert _code(house, NOBODY, _document(pki.SENDER), speakers=find) == "AUT-002"


def test_a_clearing_house_hands_over_what_others_signed():
    """It may; but that signature is no proof of the clearing-house itself."""
    house = pki.agency(CLEARING_HOUSE, speaks_for=(pki.SENDER,))
    signed_call = _call(CallerMethod.SIGNATURE, CLEARING_HOUSE)
    judged = policy.judge(house, signed_call, _document(), TODAY)
    assert judged.coverage is Coverage.SOAP_BODY
    assert _code(house, _call(CallerMethod.TOKEN, CLEARING_HOUSE), _document()) == "SIG-001"
    assert _code(house, signed_call, _document(pki.OTHER)) == "AUT-002"
    judged = policy.judge(
        pki.agency(), signed_call, _document(), TODAY, speakers={CLEARING_HOUSE: house}.get
    )
    assert judged.coverage is Coverage.DOCUMENT


def test_locked_agencies_are_refused():
    """Nobody acts for a locked agency."""
    assert _code(pki.agency(state=AgencyState.LOCKED), _call(CallerMethod.SIGNATURE)) == "AUT-003"


def test_codes_are_compared_folded():
    """Spelling of a code in another case or with blanks is the same code."""
    assert _code(pki.agency(), _call(CallerMethod.SIGNATURE, " 000.00.00.h41 ")) is None


@pytest.mark.parametrize(
    ("allowed", "until", "code"),
    [
        (False, None, "SIG-009"),
        (True, None, None),
        (True, TODAY, None),
        (True, TODAY - timedelta(days=1), "SIG-009"),
    ],
)
def test_legacy_signatures_pass_only_by_exception_and_until_its_day(allowed, until, code):
    """The exception names an agency and a last day; that day itself still counts."""
    agency = pki.agency(allow_legacy_signature=allowed, legacy_until=until)
    old = legacy.verdict((LegacyDefect.WRONG_NAMESPACE,))
    assert _code(agency, _call(CallerMethod.SIGNATURE), old) == code


def test_what_was_let_pass_is_flagged_in_both_languages():
    """Every defect becomes a warning of its own, in English and Vietnamese."""
    old = legacy.verdict(tuple(LegacyDefect))
    agency = pki.agency(allow_legacy_signature=True)
    judged = policy.judge(agency, _call(CallerMethod.SIGNATURE), old, TODAY)
    assert [one.value for one in judged.warnings] == [defect.value for defect in LegacyDefect]
    for one in judged.warnings:
        assert (one.rule, one.severity) == ("SIG-LEGACY", Severity.WARN)
        assert one.message.startswith("E19: ")
        assert one.message_vi.startswith("E19: ")
        assert one.message != one.message_vi
        assert one.hint
        assert one.hint_vi


def test_legacy_forms_prove_nothing():
    """A signature that cannot be computed is let pass, but the caller must still be proved."""
    agency = pki.agency(allow_legacy_signature=True)
    old = legacy.verdict((LegacyDefect.WRONG_NAMESPACE,))
    assert _code(agency, NOBODY, old) == "SIG-001"
    assert _code(agency, _call(CallerMethod.TOKEN), old) == "SIG-001"
    strict = pki.agency(allow_legacy_signature=True, require_document_signature=True)
    assert _code(strict, _call(CallerMethod.SIGNATURE), old) == "SIG-001"


def test_sha1_of_a_bound_key_proves_where_the_policy_excuses_it():
    """Computed and trusted, it counts for the agencies named, flagged; broken, it never does."""
    aged = _document(legacy=(LegacyDefect.SHA1,), cause="SIG-009")
    agency = pki.agency(allow_legacy_signature=True)
    judged = policy.judge(agency, NOBODY, aged, TODAY)
    assert judged.coverage is Coverage.DOCUMENT
    assert [one.value for one in judged.warnings] == ["sha1"]
    assert _code(pki.agency(), NOBODY, aged) == "SIG-009"
    broken = replace(aged, intact=False, cause="SIG-002")
    assert _code(agency, NOBODY, broken) == "SIG-002"
    revoked = replace(aged, trusted=False, revoked=True, cause="SIG-007")
    assert _code(agency, _call(CallerMethod.SIGNATURE), revoked) == "SIG-007"
    expired = replace(aged, trusted=False, expired=True, cause="SIG-006")
    assert _code(agency, NOBODY, expired) == "SIG-001"


def test_remarks_tell_what_would_be_refused():
    """A check without sending names the cause and every legacy defect as warnings."""
    assert policy.remarks(None) == ()
    assert policy.remarks(_document()) == ()
    old = policy.remarks(legacy.verdict((LegacyDefect.SHA1, LegacyDefect.CID_REFERENCE)))
    assert [one.value for one in old] == ["sha1", "cid-reference"]
    (broken,) = policy.remarks(_document(intact=False, cause="SIG-002"))
    assert (broken.rule, broken.severity) == ("SIG-002", Severity.WARN)
    assert broken.message_vi.startswith("Nội dung")


def test_tokens_are_compared_by_digest():
    """Only the right token of an agency in token mode is accepted."""
    digest = hashlib.sha256("bí mật".encode()).hexdigest()
    agency = pki.agency(mode=PolicyMode.TOKEN, token_sha256=digest.upper())
    assert policy.authenticate_token("bí mật", agency)
    assert not policy.authenticate_token("bí mật ", agency)
    assert not policy.authenticate_token("", agency)
    assert not policy.authenticate_token("bí mật", pki.agency(token_sha256=digest))
    assert not policy.authenticate_token("", pki.agency(mode=PolicyMode.TOKEN))


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2025, 10, 19, 16, 59, tzinfo=UTC), date(2025, 10, 19)),
        (datetime(2025, 10, 19, 17, 0, tzinfo=UTC), date(2025, 10, 20)),
    ],
)
def test_the_local_day_is_vietnams(instant, day):
    """The day turns at midnight in Vietnam, 17:00 UTC."""
    assert policy.local_day(instant) == day
