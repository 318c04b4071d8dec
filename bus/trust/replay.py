"""A signed call is answered once: the memory of those whose Timestamps still hold.

OASIS WS-Security 1.0 §13 leaves it to the receiver to see that a message is not presented again
inside the life of its Timestamp. What is remembered is not the signature value, of which ECDSA
has two for the same content, but the digest of what was signed, with the signer's certificate.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from bus.config import TrustSettings
from bus.errors import Rejected, SignatureRejected
from bus.model import SignatureVerdict
from bus.ports import Clock


class PresentedCalls:
    """Remembers signed calls until their Timestamps cannot be accepted any more.

    Only signatures that hold, of known signers, come in here: nobody else can fill it, and it
    holds as many as were accepted in one window, about a hundred bytes each. Safe from many
    threads. It is the memory of one process: a restarted bus has an empty one.
    """

    def __init__(self, clock: Clock, settings: TrustSettings) -> None:
        self._clock = clock
        self._grace = timedelta(seconds=settings.repeat_grace_s)
        #: The second in which a Timestamp ends → what was signed → when it was first presented.
        self._seen: dict[int, dict[bytes, datetime]] = {}
        self._swept = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many calls are remembered now."""
        with self._lock:
            return sum(map(len, self._seen.values()))

    @contextmanager
    def once(self, verdict: SignatureVerdict | None, *, repeatable: bool) -> Iterator[None]:
        """Let a call be answered inside the block; raises SignatureRejected SIG-012 for a repeat.

        Calls without a signature, and `repeatable` ones, pass always. A call that was not
        answered (the bus was busy, or failed) is forgotten: it may be presented again.
        """
        entered = None if verdict is None or repeatable else self._enter(verdict)
        answered = False
        try:
            yield
            answered = True
        except Rejected:
            answered = True
            raise
        finally:
            if entered is not None and not answered:
                self._forget(entered)

    def _enter(self, verdict: SignatureVerdict) -> SignatureVerdict | None:
        """The verdict when it was entered now; None when there is nothing to enter or to forget."""
        if verdict.fresh_until is None:
            return None
        now = self._clock.now()
        first = self._first(verdict.signed, verdict.fresh_until, now)
        if first is None:
            return verdict
        if not self._may_be_another(verdict, now - first):
            raise SignatureRejected(code="SIG-012")
        return None

    def _may_be_another(self, verdict: SignatureVerdict, since: timedelta) -> bool:
        """Whether a stack that writes whole seconds could have signed the same bytes anew."""
        coarse = verdict.signed_at is not None and verdict.signed_at.microsecond == 0
        return coarse and since < self._grace

    def _first(self, signed: bytes, until: datetime, now: datetime) -> datetime | None:
        """When this was first presented; None, and it is entered, when that is now."""
        with self._lock:
            self._sweep(int(now.timestamp()))
            calls = self._seen.setdefault(int(until.timestamp()), {})
            first = calls.get(signed)
            if first is None:
                calls[signed] = now
            return first

    def _sweep(self, second: int) -> None:
        """Drop what no Timestamp check would let in any more; once a second is enough."""
        if second == self._swept:
            return
        self._swept = second
        for ended in [each for each in self._seen if each < second]:
            del self._seen[ended]

    def _forget(self, verdict: SignatureVerdict) -> None:
        if verdict.fresh_until is None:
            return
        with self._lock:
            calls = self._seen.get(int(verdict.fresh_until.timestamp()), {})
            calls.pop(verdict.signed, None)
