"""Who is calling."""

from __future__ import annotations

import hashlib

import pytest
from lxml import etree

from bus.errors import NotAuthorised, SignatureRejected
from bus.model import CallerMethod, Coverage, PolicyMode
from bus.trust import wssecurity
from tests.support import pki

SECRET = "m4t-kh4u"


@pytest.fixture
def tokened(world):
    """A world in which one agency has a token."""
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    world.roster.add(pki.agency(pki.OTHER, mode=PolicyMode.TOKEN, token_sha256=digest))
    return world


def _envelope(world, who=pki.SENDER):
    envelope = pki.envelope()
    return etree.fromstring(wssecurity.sign_envelope(envelope, world.own[who], pki.NOW))


def test_a_signature_comes_first(tokened):
    """A signed call is its signer's, whatever else it carries."""
    caller = tokened.keyring.authenticate(
        _envelope(tokened),
        token=(pki.OTHER, SECRET),
        client_certificate_der=tokened.own[pki.JAVA].certificate_der,
        remote="127.0.0.1",
    )
    assert (caller.agency, caller.method) == (pki.SENDER, CallerMethod.SIGNATURE)
    assert caller.verdict.coverage is Coverage.SOAP_BODY
    assert caller.remote == "127.0.0.1"


def test_a_broken_signature_is_not_replaced_by_a_token(tokened):
    """A signature that does not hold refuses the call even with a right token."""
    envelope = _envelope(tokened)
    pki.find(envelope, "recipient").text = "x"
    with pytest.raises(SignatureRejected) as refused:
        tokened.keyring.authenticate(envelope, token=(pki.OTHER, SECRET))
    assert refused.value.code == "SIG-002"


def test_a_token_names_its_agency(tokened):
    """The code may be spelled freely, the primary code comes back."""
    caller = tokened.keyring.authenticate(pki.envelope(), token=(f" {pki.OTHER.lower()} ", SECRET))
    assert (caller.agency, caller.method) == (pki.OTHER, CallerMethod.TOKEN)


@pytest.mark.parametrize(
    "token", [(pki.OTHER, "wrong"), (pki.OTHER, ""), (pki.SENDER, SECRET), ("nobody", SECRET)]
)
def test_wrong_tokens_are_refused_alike(tokened, token):
    """Unknown agencies and wrong tokens are told the same."""
    with pytest.raises(NotAuthorised) as refused:
        tokened.keyring.authenticate(None, token=token)
    assert (refused.value.code, refused.value.detail) == ("AUT-001", "The token is not accepted.")


def test_a_bound_client_certificate_names_its_agency(world):
    """The certificate handed over by the TLS terminator is looked up by fingerprint."""
    caller = world.keyring.authenticate(
        None, client_certificate_der=world.own[pki.JAVA].certificate_der
    )
    assert (caller.agency, caller.method) == (pki.JAVA, CallerMethod.MTLS)


@pytest.mark.parametrize(("who", "code"), [(pki.EXPIRED, "SIG-006"), (pki.REVOKED, "SIG-007")])
def test_client_certificates_out_of_force_are_refused(world, who, code):
    """An expired or revoked client certificate refuses the call."""
    with pytest.raises(SignatureRejected) as refused:
        world.keyring.authenticate(None, client_certificate_der=world.own[who].certificate_der)
    assert refused.value.code == code


def test_a_client_certificate_bound_to_nobody_proves_nothing(world):
    """Such a caller is simply unknown."""
    caller = world.keyring.authenticate(None, client_certificate_der=world.stranger.certificate_der)
    assert (caller.agency, caller.method) == (None, CallerMethod.NONE)


def test_bytes_that_are_no_certificate_are_refused(world):
    """A terminator that hands over something else is told so."""
    with pytest.raises(SignatureRejected) as refused:
        world.keyring.authenticate(None, client_certificate_der=b"x")
    assert refused.value.code == "SIG-011"


def test_who_shows_nothing_is_nobody(world):
    """No signature, token or certificate: method NONE, and the address for the record."""
    caller = world.keyring.authenticate(pki.envelope(), remote="127.0.0.1")
    assert (caller.agency, caller.method, caller.remote) == (None, CallerMethod.NONE, "127.0.0.1")


def test_a_revocation_counts_from_the_next_call(world):
    """Nothing about a certificate is remembered between two calls."""
    assert world.keyring.authenticate(_envelope(world)).agency == pki.SENDER
    world.roster.bind(pki.SENDER, world.own[pki.SENDER], revoked_at=pki.NOW)
    with pytest.raises(SignatureRejected) as refused:
        world.keyring.authenticate(_envelope(world))
    assert refused.value.code == "SIG-007"
