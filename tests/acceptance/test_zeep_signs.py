"""A generated zeep client that signs with its own WS-Security and takes only signed replies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xmlsec
import zeep
from cryptography.hazmat.primitives import serialization
from lxml import etree
from support.running_bus import RunningBus
from zeep.exceptions import Fault
from zeep.wsse.signature import BinarySignature, Signature, verify_envelope
from zeep.wsse.utils import WSU, get_security_header

from bus.trust import keys, pki
from bus.trust.keys import OwnKey

PORTS = pytest.mark.parametrize("port", ["ExchangeSoap11", "ExchangeSoap12"])
#: BinarySecurityToken, and X509Data with certificate and issuer.
KINDS = pytest.mark.parametrize("kind", [BinarySignature, Signature])
METHODS = {"rsa": xmlsec.Transform.RSA_SHA256, "ec": xmlsec.Transform.ECDSA_SHA256}
ALGORITHMS = pytest.mark.parametrize("algorithm", METHODS)


@pytest.fixture(scope="module")
def own(bus: RunningBus) -> dict[str, OwnKey]:
    """Two keys of one agency, of both kinds."""
    now = datetime.now(UTC)
    authority = pki.create_authority("zeep", now)
    made = pki.issue(authority, "G09", kind="rsa", not_before=now - timedelta(days=1))
    rsa = keys.own_key(*made)
    bus.app.database.directory.bind_key(keys.make_binding("G09", rsa.certificate_der, now))
    return {"rsa": rsa, "ec": bus.own["G09"]}


def _signing(kind: type, own: OwnKey, method: Any, folder: Path, bus: RunningBus) -> Any:
    """Zeep's signature of one kind with a Timestamp; every reply must be signed by the bus."""
    bus_certificate = str(bus.app.settings.trust.certificate_file)

    class Signed(kind):  # type: ignore[misc]  # chosen by the test
        def apply(self, envelope: etree._Element, headers: Any) -> Any:
            now = datetime.now(UTC)
            created, expires = (at.isoformat() for at in (now, now + timedelta(minutes=5)))
            timestamp = WSU.Timestamp(WSU.Created(created), WSU.Expires(expires))
            get_security_header(envelope).append(timestamp)
            return super().apply(envelope, headers)

        def verify(self, envelope: etree._Element) -> etree._Element:
            verify_envelope(envelope, bus_certificate)
            self.verified = getattr(self, "verified", 0) + 1
            return envelope

    key, certificate = folder / "key.pem", folder / "cert.pem"
    keys.write_private_key(key, own.key)
    certificate.write_bytes(own.certificate.public_bytes(serialization.Encoding.PEM))
    return Signed(
        str(key), str(certificate), signature_method=method, digest_method=xmlsec.Transform.SHA256
    )


@PORTS
@KINDS
@ALGORITHMS
def test_zeep_calls_and_trusts_the_answers(
    bus: RunningBus,
    own: dict[str, OwnKey],
    tmp_path: Path,
    *,
    port: str,
    kind: type,
    algorithm: str,
) -> None:
    """Its signature proves the caller; replies and typed faults carry one that zeep accepts."""
    signed = _signing(kind, own[algorithm], METHODS[algorithm], tmp_path, bus)
    client = zeep.Client(f"{bus.url}?wsdl", wsse=signed)
    service = client.bind("ExchangeService", port)
    pong = service.Ping(recipient="H57")
    assert (pong.agency, pong.method) == ("G09", "signature")
    assert service.ListPending(limit=1).more in (True, False)
    with pytest.raises(Fault) as refused:
        service.GetMessage(messageId="none")
    detail = client.get_element("{urn:lienthong:exchange:1}ExchangeFault").parse(
        refused.value.detail[0], client.wsdl.types
    )
    assert detail.code == "STO-003"
    assert signed.verified == 3
