"""A registered agency that goes beyond its rights, against a running bus on real sockets."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.running_bus import NATION, TOKEN, RunningBus, running_bus

from bus import errors
from bus.client import ExchangeClient

RELATIVE = b'<x xmlns="relative"/>'


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBus]:
    """A bus on which G22, with a mere token, may speak for H17 (signature) and H29 (locked)."""
    agencies = tuple(
        replace(one, speaks_for=("H17", "H29")) if one.code == "G22" else one for one in NATION
    )
    with running_bus(tmp_path_factory.mktemp("bus"), agencies=agencies) as running:
        yield running


def by_token(bus: RunningBus) -> ExchangeClient:
    """G22 with its token and no signature."""
    return ExchangeClient(bus.url, token=TOKEN)


@pytest.mark.parametrize(("mailbox", "code"), [("H17", "SIG-001"), ("H29", "AUT-003")])
def test_a_weaker_proof_opens_no_mailbox_of_a_represented_agency(
    bus: RunningBus, mailbox: str, code: str
) -> None:
    """Whoever speaks for an agency reads its mailbox only with the proof that agency demands."""
    with pytest.raises(errors.Rejected) as refusal:
        by_token(bus).list_pending(agency=mailbox)
    assert refusal.value.code == code
    with pytest.raises(errors.Rejected) as refusal:
        by_token(bus).get_message("0" * 32, agency=mailbox)
    assert refusal.value.code == code


def test_the_right_proof_still_opens_it(bus: RunningBus) -> None:
    """The same clearing-house, signing, reads the mailbox it may read."""
    assert bus.client("G22").list_pending(agency="H17").more is False


def test_a_namespace_that_cannot_be_canonicalised_is_a_refusal(bus: RunningBus) -> None:
    """A relative namespace is the sender's mistake, not a defect of the bus."""
    xml = bus.app.parts.dialects.get("qcvn102_java").write(bus.letter("G22", "H17")).content
    xml = re.sub(rb"(<(?:\w+:)?MessageHeader)", RELATIVE + rb"\1", xml, count=1)
    with pytest.raises(errors.NotWellFormed):
        by_token(bus).send_package(xml)
    with pytest.raises(errors.NotWellFormed):
        by_token(bus)._wire.call("SendDocument", xml[xml.index(b"?>") + 2 :])


def test_a_refusal_by_a_recipient_is_cut_to_a_line(bus: RunningBus) -> None:
    """A reason of a megabyte reaches neither the trace nor the report to the sender."""
    sent = bus.client("G09").send_document(bus.signed(bus.letter("G09", "H57", number=77)))
    id_ = sent.receipt.message_id
    waited = time.monotonic() + 30
    while not bus.client("H57").list_pending().items:
        assert time.monotonic() < waited, "the document never became available"
    bus.client("H57").acknowledge(id_, done=False, reason="x\n\u202e" + "a\u0315\u0300" * 400_000)
    (delivery,) = bus.client("G09").get_trace(id_).deliveries
    assert len(delivery.reason) <= 500
    assert delivery.reason.isprintable()
