"""Verify: who proved to be the sender, and what that proof covers."""

from __future__ import annotations

from bus import errors
from bus.journey.states import Received, Verified
from bus.model import Agency, Caller, Coverage, SignatureVerdict
from bus.ports import Clock, Directory, Verifier
from bus.trust import policy


def verify(received: Received, verifier: Verifier, directory: Directory, clock: Clock) -> Verified:
    """Judge the document's signature and the caller by the proven agency's policy.

    Raises SignatureRejected with the first cause, NotAuthorised when nobody proved anything.
    """
    submission = received.submission
    verdict = verifier.verify_document(received.body)
    agency = _proven(submission.caller, verdict, directory)
    judgement = policy.judge(agency, submission.caller, verdict, policy.local_day(clock.now()))
    return Verified(
        submission=submission,
        body=received.body,
        caller=judgement.caller,
        coverage=judgement.coverage,
        document_verdict=verdict,
        warnings=received.warnings + judgement.warnings,
    )


def observe(received: Received, verifier: Verifier) -> Verified:
    """Look at the signature without demanding one: what is wrong with it becomes a warning."""
    verdict = verifier.verify_document(received.body)
    return Verified(
        submission=received.submission,
        body=received.body,
        caller=received.submission.caller,
        coverage=verdict.coverage if verdict else Coverage.NOTHING,
        document_verdict=verdict,
        warnings=received.warnings + policy.remarks(verdict),
    )


def _proven(caller: Caller, verdict: SignatureVerdict | None, directory: Directory) -> Agency:
    code = caller.agency or (verdict.signer if verdict else None)
    if code is None and verdict is None and caller.stranger:
        raise policy.unknown(caller)
    if code is None:
        cause = verdict.cause if verdict and verdict.cause else "SIG-001"
        raise errors.SignatureRejected(verdict.detail if verdict else "", code=cause)
    agency = directory.find(code)
    if agency is None:
        raise errors.NotAuthorised(code, code="AUT-005")
    return agency
