"""The trial run: a letter, its answers, a reload in the middle, and a check of every hop."""

from __future__ import annotations

import json

from bus.dev.nation import REDIRECT, ROUTES, Citizen
from bus.dev.troupe import Event, Troupe
from bus.errors import Defect


class Story(Troupe):
    """The trial nation of three agencies and what happens in it."""

    def tell_all(self, first_number: int) -> None:
        """The whole story; raises Defect when a hop does not hold, PeerUnavailable on time-out."""
        issuer, puller, pushed = self.nation.citizens
        self.say("→ letter 1 to both")
        self._send(issuer, first_number, (puller, pushed), "V/v kết nối, liên thông văn bản")
        first = self.expect("sent", issuer.code)
        for citizen in (puller, pushed):
            self._follow(first, citizen)
        self.say(f"→ reload: what is sent to {puller.code} now goes to {pushed.code}")
        self.reload(REDIRECT.format(old=puller.code, new=pushed.code) + ROUTES)
        self._send(issuer, first_number + 1, (puller,), "V/v sáp nhập đơn vị")
        second = self.expect("sent", issuer.code)
        if second["routesVersion"] <= first["routesVersion"]:
            raise Defect("the second letter was routed by the old table")
        self._follow(second, pushed)
        if any(_is(e, "received", puller.code, second["documentId"]) for e in self.events):
            raise Defect("the redirected letter reached the old unit")
        self.reload(ROUTES)

    def _send(self, issuer: Citizen, number: int, to: tuple[Citizen, ...], subject: str) -> None:
        order = {"number": number, "to": {c.code: c.name for c in to}, "subject": subject}
        stdin = self._agencies[issuer.code].stdin
        stdin.write(json.dumps({"send": order}).encode() + b"\n")
        stdin.flush()

    def _follow(self, sent: Event, citizen: Citizen) -> None:
        """One letter at one recipient, and its three statuses back at the issuer; checks each hop."""
        about = {"documentId": sent["documentId"]}
        received = self.expect("received", citizen.code, about)
        _check_hops(sent, received, citizen)
        for code in ("01", "03", "06"):
            facts = about | {"code": code, "from": citizen.code}
            told = self.expect("status", sent["agency"], facts)
            _require(told["digestHolds"], "digest of a status", told)
            _require(told["signedBy"] in {citizen.code, "bus"}, "signature of a status", told)
            self.say(f"  {citizen.code} → {sent['agency']}: {code}")


def _is(event: Event, name: str, agency: str, document_id: str) -> bool:
    same = event["event"] == name and event["agency"] == agency
    return same and event.get("documentId") == document_id


def _require(holds: object, what: str, event: Event) -> None:
    if not holds:
        raise Defect(f"{what} does not hold: {json.dumps(event, ensure_ascii=False)}")


def _check_hops(sent: Event, received: Event, citizen: Citizen) -> None:
    _require(sent["receiptSigned"], "the bus's signature on the receipt", sent)
    _require(sent["digest"] == sent["expectedDigest"], "the receipt's digest", sent)
    _require(received["digestHolds"], "the digest at the recipient", received)
    _require(received["originalDigest"] == sent["digest"], "the digest from end to end", received)
    _require(received["attachments"] == sent["attachments"], "the attachment", received)
    signer = sent["agency"] if received["original"] else "bus"
    _require(received["signedBy"] == signer, "the signature at the recipient", received)
    expected_original = citizen.dialect == "qcvn102_java"
    _require(received["original"] is expected_original, "the dialect at the recipient", received)
