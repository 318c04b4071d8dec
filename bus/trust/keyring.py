"""The keys bound to agencies, asked at the door: who signed, who is calling."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lxml import etree

from bus.config import TrustSettings
from bus.errors import NotAuthorised, SignatureRejected
from bus.model import Caller, CallerMethod, KeyBinding, SignatureVerdict
from bus.ports import Clock, Directory
from bus.trust import keys, policy, wssecurity, xmldsig
from bus.trust.bound import BoundCertificates
from bus.trust.keys import Standing


class Keyring:
    """Judges signatures, tokens and client certificates; fulfils `bus.ports.Verifier`.

    A certificate that travels in a message is only the name of a key: it counts for
    nothing unless the directory binds its fingerprint to an agency.
    """

    def __init__(
        self,
        directory: Directory,
        clock: Clock,
        settings: TrustSettings,
        *,
        bindings: Callable[[], Sequence[KeyBinding]] = tuple,
    ) -> None:
        """`bindings` are all that messages may name; it gives the same object until one changes."""
        self._bound = BoundCertificates(bindings)
        self._directory = directory
        self._clock = clock
        self._settings = settings

    def verify_document(self, body: bytes) -> SignatureVerdict | None:
        """Facts about the ds:Signature in an XML document; None when it carries none.

        Raises NotWellFormed.
        """
        return xmldsig.verify_document(body, self._standing)

    def verify_envelope(self, envelope: etree._Element) -> SignatureVerdict | None:
        """Facts about the WS-Security signature of a SOAP message; None when it carries none."""
        return wssecurity.verify_envelope(
            envelope,
            self._standing,
            self._clock.now(),
            self._settings,
            named=self._bound.named,
        )

    def authenticate(
        self,
        envelope: etree._Element | None,
        *,
        token: tuple[str, str] | None = None,
        client_certificate_der: bytes | None = None,
        remote: str = "",
    ) -> Caller:
        """Who is calling: by signature, else by (agency code, token), else by TLS certificate.

        A caller who shows nothing comes back with method NONE. Raises SignatureRejected with
        the cause of a signature or bound certificate that does not hold, NotAuthorised AUT-001
        for a wrong token.
        """
        verdict = None if envelope is None else self.verify_envelope(envelope)
        if verdict is not None:
            return _signed(verdict, remote)
        if token is not None:
            return self._by_token(token, remote)
        if client_certificate_der is not None:
            return self._by_certificate(client_certificate_der, remote)
        return Caller(remote=remote)

    def _by_token(self, token: tuple[str, str], remote: str) -> Caller:
        code, secret = token
        agency = self._directory.find(code)
        if agency is None or not policy.authenticate_token(secret, agency):
            raise NotAuthorised("The token is not accepted.", code="AUT-001")
        return Caller(agency=agency.code, method=CallerMethod.TOKEN, remote=remote)

    def _by_certificate(self, der: bytes, remote: str) -> Caller:
        standing = self._standing(der)
        if standing.signer is None:
            # a terminator passes on any certificate; one bound to nobody proves nothing
            return Caller(remote=remote, stranger=keys.fingerprint(der))
        if standing.cause is not None:
            raise SignatureRejected("It is the TLS client's.", code=standing.cause)
        return Caller(agency=standing.signer, method=CallerMethod.MTLS, remote=remote)

    def _standing(self, der: bytes) -> Standing:
        binding = self._directory.binding(keys.fingerprint(der))
        return keys.standing(der, binding, self._clock.now())


def _signed(verdict: SignatureVerdict, remote: str) -> Caller:
    if verdict.cause is not None or not verdict.intact or not verdict.trusted:
        raise SignatureRejected(verdict.detail, code=verdict.cause or "SIG-011")
    return Caller(
        agency=verdict.signer, method=CallerMethod.SIGNATURE, verdict=verdict, remote=remote
    )
