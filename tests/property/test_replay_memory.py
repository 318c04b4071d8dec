"""The memory of signed calls beside a model that forgets nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.config import TrustSettings
from bus.error_catalogue import CATALOGUE
from bus.errors import BusError, Defect, SignatureRejected, StoreUnavailable
from bus.model import SignatureVerdict
from bus.trust.replay import PresentedCalls
from tests.support import pki

WINDOW_S = 360
#: Seconds to wait, the call to present, and what comes of it.
STEPS = st.lists(
    st.tuples(
        st.floats(0, 100, allow_nan=False),
        st.integers(0, 12),
        st.sampled_from([None, None, None, StoreUnavailable, Defect]),
    ),
    max_size=60,
)


def _verdict(number: int, *, life_s: float = WINDOW_S, whole: bool = False) -> SignatureVerdict:
    created = pki.NOW if whole else pki.NOW.replace(microsecond=1)
    return SignatureVerdict(
        intact=True,
        trusted=True,
        signer=pki.SENDER,
        signed_at=created,
        signed=bytes([number]),
        fresh_until=pki.NOW + timedelta(seconds=life_s),
    )


def _memory(clock: pki.FixedClock, grace_s: float = 2.0) -> PresentedCalls:
    return PresentedCalls(clock, TrustSettings(repeat_grace_s=grace_s))


def _admitted(
    memory: PresentedCalls,
    verdict: SignatureVerdict | None,
    fails: Callable[[], BusError] | None = None,
    *,
    repeatable: bool = False,
) -> bool:
    """Whether a call was let in; `fails` is what its operation raises."""
    entered = False
    with suppress(BusError), memory.once(verdict, repeatable=repeatable):
        entered = True
        if fails is not None:
            raise fails()
    return entered


@settings(max_examples=300)
@given(STEPS)
def test_nothing_answered_is_answered_again_while_its_timestamp_holds(steps):
    """Whatever comes in whatever order, a signed call is let in once as long as it is fresh."""
    clock = pki.FixedClock()
    memory, answered = _memory(clock), {}
    for wait_s, number, fails in steps:
        clock.at += timedelta(seconds=wait_s)
        verdict = _verdict(number, life_s=WINDOW_S + 60.25 * number)
        if clock.at > verdict.fresh_until:
            continue
        assert _admitted(memory, verdict, fails) == (number not in answered)
        if fails is None:
            answered.setdefault(number, verdict.fresh_until)
        held = [until for until in answered.values() if until >= clock.at]
        assert len(held) <= len(memory) <= len(answered)


@settings(max_examples=100)
@given(st.lists(st.floats(0.01, 400), min_size=1, max_size=80))
def test_memory_holds_what_the_window_holds(waits):
    """It never holds more than the calls whose Timestamps end now or later, to the second."""
    clock = pki.FixedClock()
    memory, ends = _memory(clock), []
    for number, wait_s in enumerate(waits):
        clock.at += timedelta(seconds=wait_s)
        until = clock.at + timedelta(seconds=WINDOW_S)
        memory_of = SignatureVerdict(
            intact=True, trusted=True, signed=bytes([number]), fresh_until=until
        )
        assert _admitted(memory, memory_of)
        ends.append(until)
        second = clock.at.replace(microsecond=0)
        assert len(memory) == sum(end >= second for end in ends)


def test_one_of_many_at_once_is_answered():
    """Of sixteen threads that present the same call together, one is let in."""
    memory, together = _memory(pki.FixedClock()), Barrier(16)

    def present(_: int) -> bool:
        together.wait()
        return _admitted(memory, _verdict(1))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(present, range(16))) == 1


def test_a_refused_repeat_says_what_to_do():
    """The refusal has its own code and a cure in both languages."""
    memory = _memory(pki.FixedClock())
    assert _admitted(memory, _verdict(1))
    with pytest.raises(SignatureRejected) as refused, memory.once(_verdict(1), repeatable=False):
        pass
    assert refused.value.code == "SIG-012"
    assert "Sign every call anew" in CATALOGUE["SIG-012"].hint
    assert "ký mới" in CATALOGUE["SIG-012"].hint_vi


def test_calls_without_proof_and_repeatable_ones_leave_no_trace():
    """Nobody but a known signer can put anything into the memory; sends are not even looked up."""
    memory = _memory(pki.FixedClock())
    unproven = SignatureVerdict(intact=True, trusted=True, signed=b"x")
    for _ in range(3):
        assert _admitted(memory, None)
        assert _admitted(memory, unproven)
        assert _admitted(memory, _verdict(1), repeatable=True)
    assert len(memory) == 0


@pytest.mark.parametrize(
    ("after_s", "whole", "grace_s", "admitted"),
    [
        (0.0, True, 2.0, True),
        (1.9, True, 2.0, True),
        (2.0, True, 2.0, False),
        (0.0, False, 2.0, False),
        (0.0, True, 0.0, False),
    ],
)
def test_stacks_that_write_whole_seconds_may_call_twice_in_one(after_s, whole, grace_s, admitted):
    """The same bytes so soon are a call of their own only where the Timestamp has no fractions."""
    clock = pki.FixedClock()
    memory = _memory(clock, grace_s)
    assert _admitted(memory, _verdict(1, whole=whole))
    clock.at += timedelta(seconds=after_s)
    assert _admitted(memory, _verdict(1, whole=whole)) is admitted


def test_a_second_call_in_the_grace_does_not_lengthen_it():
    """The grace counts from the first presentation, and a failed second one forgets nothing."""
    clock = pki.FixedClock()
    memory = _memory(clock)
    assert _admitted(memory, _verdict(1, whole=True))
    clock.at += timedelta(seconds=1.5)
    assert _admitted(memory, _verdict(1, whole=True), StoreUnavailable)
    clock.at += timedelta(seconds=1)
    assert not _admitted(memory, _verdict(1, whole=True))
