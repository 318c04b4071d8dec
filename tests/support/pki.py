"""Throw-away agencies with keys of every standing, and messages for them to sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from lxml import etree

from bus.config import TrustSettings
from bus.model import Agency, AgencyState, KeyBinding, PolicyMode, TrustPolicy
from bus.model.codes import fold
from bus.trust import form, keys, pki, xmldsig
from bus.trust.keyring import Keyring
from bus.trust.keys import OwnKey, Resolve

NOW = datetime(2025, 10, 20, 3, 0, tzinfo=UTC)
QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
DS = "http://www.w3.org/2000/09/xmldsig#"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = _OASIS + "wssecurity-secext-1.0.xsd"
WSU = _OASIS + "wssecurity-utility-1.0.xsd"

SENDER = "000.00.00.H41"
OTHER = "000.00.00.G22"
JAVA = "000.00.00.H26"
EXPIRED = "000.00.00.H01"
REVOKED = "000.00.00.H02"


@dataclass
class FixedClock:
    """A clock that stands where the test puts it."""

    at: datetime = NOW

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


@dataclass
class Roster:
    """A directory in memory."""

    agencies: dict[str, Agency] = field(default_factory=dict)
    bindings: dict[str, KeyBinding] = field(default_factory=dict)

    def find(self, code: str) -> Agency | None:
        """The agency of a code."""
        return self.agencies.get(fold(code))

    def ancestors(self, code: str) -> tuple[str, ...]:
        """Nobody stands above anybody here."""
        return ()

    def binding(self, fingerprint: str) -> KeyBinding | None:
        """The binding of a certificate, revoked or not."""
        return self.bindings.get(fingerprint)

    def add(self, agency: Agency) -> Agency:
        """Register an agency, or register it anew."""
        self.agencies[fold(agency.code)] = agency
        return agency

    def bind(self, code: str, own: OwnKey, *, revoked_at: datetime | None = None) -> None:
        """Bind a key to an agency."""
        made = keys.make_binding(code, own.certificate_der, NOW - timedelta(days=30))
        self.bindings[own.fingerprint] = replace(made, revoked_at=revoked_at)


@dataclass
class World:
    """A directory, a clock, the bus's keyring over both, and everybody's private keys."""

    roster: Roster
    clock: FixedClock
    keyring: Keyring
    own: dict[str, OwnKey]
    stranger: OwnKey
    settings: TrustSettings

    @property
    def resolve(self) -> Resolve:
        """The look-up the keyring hands to the verifiers."""
        return self.keyring._standing


@cache
def pairs() -> tuple[dict[str, OwnKey], OwnKey]:
    """Keys by agency, and a stranger's; made once, RSA is slow."""
    authority = pki.create_authority("Cơ quan chứng thực thử nghiệm", NOW - timedelta(days=900))
    day, year = timedelta(days=1), timedelta(days=365)

    def made(name: str, kind: str = "ec", start: datetime = NOW - 30 * day) -> OwnKey:
        pair = pki.issue(authority, name, kind=kind, not_before=start, not_after=start + year)
        return keys.own_key(*pair)

    own = {
        SENDER: made("Sở A"),
        OTHER: made("Bộ B"),
        JAVA: made("Tỉnh C", "rsa"),
        EXPIRED: made("Hết hạn", start=NOW - 500 * day),
        REVOKED: made("Thu hồi"),
    }
    return own, made("Người lạ")


def world() -> World:
    """A fresh world in which every agency but the stranger is bound."""
    own, stranger = pairs()
    roster, clock, settings = Roster(), FixedClock(), TrustSettings()
    for code, key in own.items():
        roster.add(agency(code))
        roster.bind(code, key, revoked_at=NOW - timedelta(hours=1) if code == REVOKED else None)
    return World(roster, clock, Keyring(roster, clock, settings), own, stranger, settings)


def agency(code: str = SENDER, **policy: object) -> Agency:
    """A live agency with a trust policy (mode `signature` unless told)."""
    mode = policy.pop("mode", PolicyMode.SIGNATURE)
    speaks_for = policy.pop("speaks_for", ())
    state = policy.pop("state", AgencyState.LIVE)
    trust = TrustPolicy(mode=mode, **policy)
    return Agency(
        code=code, name=f"Cơ quan {code}", policy=trust, speaks_for=speaks_for, state=state
    )


def document(*, attachment: str = "TuG7mWkgZHVuZw==", inner: str = "") -> bytes:
    """An edXML document of our own, unsigned, with mixed prefixes, a comment and Vietnamese."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- mẫu -->
<edXML xmlns="{QCVN}" xmlns:unused="urn:x">
  <e:edXMLEnvelope xmlns:e="{QCVN}">
    <e:edXMLHeader>
      <e:MessageHeader>
        <e:From><e:OrganId>{SENDER}</e:OrganId><e:OrganName>Sở Nội vụ</e:OrganName></e:From>
        <e:To><e:OrganId>{OTHER}</e:OrganId></e:To>
        <e:DocumentId>{SENDER},2025/10/20,12/SNV</e:DocumentId>
        <e:Subject kind="a&amp;b">V/v báo cáo quý &lt;III&gt;</e:Subject><!-- ghi chú -->
        <e:Empty/>
      </e:MessageHeader>
      <e:TraceHeaderList/>{inner}
    </e:edXMLHeader>
    <e:edXMLBody/>
  </e:edXMLEnvelope>
  <AttachmentEncoded><Attachment>{attachment}</Attachment></AttachmentEncoded>
</edXML>
""".encode()


def envelope(soap: str = SOAP11, *, header: bool = False, body: str = "") -> etree._Element:
    """A SOAP envelope with one operation element in its Body."""
    inner = (
        body
        or '<x:Ping xmlns:x="urn:lienthong:exchange:1"><x:recipient>Bộ B</x:recipient></x:Ping>'
    )
    head = "<s:Header/>" if header else ""
    text = f'<s:Envelope xmlns:s="{soap}">{head}<s:Body>\n{inner}\n</s:Body>\n</s:Envelope>'
    return etree.fromstring(text)


def reparsed(element: etree._Element) -> etree._Element:
    """The element as a receiver gets it: written to bytes and parsed."""
    return etree.fromstring(etree.tostring(element))


def edited(xml: bytes, edit: Callable[[etree._Element], object]) -> bytes:
    """A document after a change to its tree."""
    root = etree.fromstring(xml, etree.XMLParser(strip_cdata=False, huge_tree=True))
    edit(root)
    return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)


def find(root: etree._Element, name: str) -> etree._Element:
    """The first element with a local name, wherever it is."""
    return next(root.iter(f"{{*}}{name}"))


def signed_parts(
    parts: Sequence[tuple[str, etree._Element]], own: OwnKey, key_info: etree._Element
) -> etree._Element:
    """A ds:Signature of the bus over elements as they stand, each under its reference URI."""
    canonical = [(uri, form.canonical(element, exclusive=True)) for uri, element in parts]
    text = etree.tostring(key_info, with_tail=False).decode()
    return etree.fromstring(xmldsig.sign_parts(canonical, own, text))


class Resigner:
    """Signs what an attacker, or an old library, wrote into SignedInfo: RSA or EC, any digest."""

    def __init__(self, own: OwnKey) -> None:
        self._own = own

    def resign(self, signature: etree._Element) -> None:
        """Give a ds:Signature a value that is right for its SignedInfo as it stands."""
        import base64

        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        info = find(signature, "SignedInfo")
        text = etree.tostring(info, method="c14n", exclusive=True)
        method = find(info, "SignatureMethod").get("Algorithm", "")
        digest = hashes.SHA1() if method.endswith("sha1") else hashes.SHA256()
        if isinstance(self._own.key, ec.EllipticCurvePrivateKey):
            r, s = utils.decode_dss_signature(self._own.key.sign(text, ec.ECDSA(digest)))
            value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        else:
            value = self._own.key.sign(text, padding.PKCS1v15(), digest)
        find(signature, "SignatureValue").text = base64.b64encode(value).decode()
