"""The certificates bound to agencies, found by the names that messages use for them."""

from __future__ import annotations

import enum
import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cryptography import x509

from bus.model import KeyBinding

_Index: TypeAlias = Mapping[tuple["Naming", bytes], tuple[bytes, ...]]


class Naming(enum.StrEnum):
    """How a message names a certificate without carrying it."""

    #: SHA-1 of the DER certificate; a name only, nothing rests on the digest.
    THUMBPRINT = "thumbprint"
    SUBJECT_KEY = "subject key identifier"
    SERIAL = "issuer and serial number"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateName:
    """One such name; `value` of a serial number is its decimal digits."""

    naming: Naming
    value: bytes
    #: Distinguished name as the sender spells it, where the name has one.
    issuer: str = ""


class BoundCertificates:
    """An index over the bindings of the directory, made anew when they have changed.

    `bindings` gives the same object as long as nothing has changed.
    """

    def __init__(self, bindings: Callable[[], Sequence[KeyBinding]]) -> None:
        self._bindings = bindings
        self._made: tuple[Sequence[KeyBinding], _Index] = ((), {})

    def named(self, name: CertificateName) -> tuple[bytes, ...]:
        """Every DER certificate bound under a name, revoked ones included."""
        found = self._index().get((name.naming, name.value), ())
        if name.naming is not Naming.SERIAL:
            return found
        issuer = _parsed(name.issuer)
        # an issuer that cannot be read decides nothing; the key will
        return tuple(der for der in found if issuer is None or _issuer(der) == issuer)

    def _index(self) -> _Index:
        bindings, index = self._made
        present = self._bindings()
        if present is not bindings:
            index = _indexed(present)
            self._made = (present, index)
        return index


def _indexed(bindings: Sequence[KeyBinding]) -> _Index:
    index: dict[tuple[Naming, bytes], tuple[bytes, ...]] = defaultdict(tuple)
    for binding in bindings:
        der = binding.certificate_der
        for name in _names(der):
            index[name] += (der,)
    return dict(index)


def _names(der: bytes) -> list[tuple[Naming, bytes]]:
    certificate = x509.load_der_x509_certificate(der)
    # SHA-1 is how the profile defines the name
    thumbprint = hashlib.sha1(der, usedforsecurity=False).digest()
    return [
        (Naming.THUMBPRINT, thumbprint),
        (Naming.SUBJECT_KEY, _subject_key(certificate)),
        (Naming.SERIAL, str(certificate.serial_number).encode()),
    ]


def _subject_key(certificate: x509.Certificate) -> bytes:
    """The identifier a certificate states, or the one stacks compute: RFC 5280 §4.2.1.2 (1)."""
    try:
        stated = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except (x509.ExtensionNotFound, ValueError):
        stated = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return stated.digest


def _issuer(der: bytes) -> frozenset[tuple[str, str]] | None:
    return _comparable(x509.load_der_x509_certificate(der).issuer)


def _parsed(text: str) -> frozenset[tuple[str, str]] | None:
    try:
        return _comparable(x509.Name.from_rfc4514_string(text)) or None
    except ValueError:
        return None


def _comparable(name: x509.Name) -> frozenset[tuple[str, str]]:
    """A name without what stacks differ in: order, case and spaces."""
    return frozenset(
        (one.oid.dotted_string, " ".join(str(one.value).casefold().split())) for one in name
    )
