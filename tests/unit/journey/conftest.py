"""A bus without sockets: real store, directory, table, keys; calls go to the exchange service."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.running_bus import RunningBus, agency, running_bus

from bus import pipeline
from bus.dev import letters
from bus.exchange import Call
from bus.journey.parts import Parts
from bus.model import (
    AcceptResult,
    AgencyState,
    Caller,
    CallerMethod,
    Delivery,
    DeliveryState,
    Document,
    Organization,
    PolicyMode,
    StatusCode,
    StatusMessage,
    Submission,
    TrustPolicy,
)

_TRUSTED_LINE = TrustPolicy(mode=PolicyMode.TOKEN)
NATION = (
    *(agency(code, policy=_TRUSTED_LINE) for code in ("G09", "H17", "H53", "H57", "H01")),
    agency("H29", policy=_TRUSTED_LINE, state=AgencyState.LOCKED),
)


@dataclass
class Desk:
    """One clerk's view of a bus: documents and statuses go in, copies are looked at."""

    bus: RunningBus

    @property
    def parts(self) -> Parts:
        """The parts of the journey."""
        return self.bus.app.parts

    def call(self, sender: str) -> Call:
        """A call of an agency whose token was accepted."""
        return Call(
            caller=Caller(agency=sender, method=CallerMethod.TOKEN),
            correlation_id="test",
            received_at=datetime.now(UTC),
            evidence=b"<soap/>",
        )

    def submission(self, message: Document | StatusMessage) -> Submission:
        """A message as the service hands it to the journey."""
        sender = str(message.sender.organ_id)
        call = self.call(sender)
        return Submission(
            body=self.parts.dialects.get("qcvn102_java").write(message).content,
            evidence=call.evidence,
            caller=call.caller,
            channel="test",
            received_at=call.received_at,
            correlation_id=call.correlation_id,
        )

    def send(self, message: Document | StatusMessage, parts: Parts | None = None) -> AcceptResult:
        """Accept one message."""
        return pipeline.accept(self.submission(message), parts or self.parts)

    def letter(self, *to: str, number: int = 1) -> Document:
        """A letter from G09; what it says does not depend on whom it goes to."""
        made = self.bus.letter("G09", *to, number=number)
        return dataclasses.replace(made, to_places=("Như trên",), trace=())

    def status(
        self, code: StatusCode, reporter: str, document: Document, at: datetime, **about: str
    ) -> StatusMessage:
        """A status about a document; `about` changes what it says of the document."""
        made = letters.status(
            StatusCode.ARRIVED, Organization(organ_id=reporter, name=reporter), document, at
        )
        reference = dataclasses.replace(made.response_for, **about)
        return dataclasses.replace(made, code=code, response_for=reference)

    def copies_of(self, *results: AcceptResult) -> list[tuple[str, DeliveryState]]:
        """Who got a copy by these messages, in order, and how it stands."""
        return [(d.recipient, d.state) for d in self.deliveries(*results)]

    def deliveries(self, *results: AcceptResult) -> list[Delivery]:
        """The copies these messages made."""
        ids = dict.fromkeys(result.receipt.message_id for result in results)
        return [d for id_ in ids for d in self.parts.store.trace(id_).deliveries]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A bus with six agencies that delivers everything as registered; no worker runs."""
    with running_bus(tmp_path, agencies=NATION, serve=False) as bus:
        yield Desk(bus)
