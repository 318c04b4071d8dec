"""Agencies that prove themselves by client certificate or token, behind a real nginx."""

from __future__ import annotations

import base64
import socket
import ssl
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.nginx import SHIPPED, Nginx, handshake, nginx
from support.outside import Answer, kept, package, post
from support.running_bus import NATION, TOKEN, RunningBus, agency, running_bus
from support.soap_edge import SOAP11, SOAP12, SOAP_XML, TEXT_XML, TNS, envelope

from bus.error_catalogue import CATALOGUE
from bus.model import Attachment, PolicyMode, TrustPolicy
from bus.trust import keys, pki

VERSIONS = pytest.mark.parametrize("soap", [SOAP11, SOAP12], ids=["1.1", "1.2"])
MTLS = TrustPolicy(mode=PolicyMode.MTLS)
AGENCIES = (*NATION, agency("M01", policy=MTLS), agency("M02", policy=MTLS))
PING = f'<Ping xmlns="{TNS}"><recipient>H57</recipient></Ping>'
#: Where the client in the tests calls from; neither nginx nor the test's own direct calls.
CLIENT = "127.0.0.7"
LIMIT = 3 * 1024 * 1024


@dataclass
class Site:
    """A bus, nginx in front of it, and certificates of every standing."""

    bus: RunningBus
    nginx: Nginx
    folder: Path

    def pair(self, name: str) -> tuple[Path, Path]:
        """Files of a certificate and its key."""
        return self.folder / f"{name}.cert.pem", self.folder / f"{name}.key.pem"

    def call(
        self,
        payload: str,
        *,
        show: str | None = None,
        soap: str = SOAP11,
        **headers: str,
    ) -> Answer:
        """One call through nginx, with a client certificate or without."""
        media = TEXT_XML if soap == SOAP11 else SOAP_XML
        with self.nginx.session(self.pair(show) if show else None, source=CLIENT) as session:
            sent = session.post(
                self.nginx.url,
                data=envelope(payload, soap=soap),
                headers={"Content-Type": media, **headers},
                timeout=60,
            )
        return Answer(sent.status_code, sent.headers, sent.content)

    def document(self, sender: str, number: int) -> str:
        """SendPackage with an unsigned document."""
        letter = self.bus.letter(sender, "H57", number=number)
        return package(self.bus.app.parts.dialects.get("qcvn102_java").write(letter).content)

    def new_pair(self, name: str, *, bound_to: str | None, ends: datetime | None = None) -> None:
        """A self-signed authority's certificate, bound to an agency or to nobody."""
        now = datetime.now(UTC)
        authority = pki.create_authority("client authority", now - timedelta(days=90))
        start = now - timedelta(days=60)
        key, certificate = pki.issue(authority, name, not_before=start, not_after=ends)
        pki.write_pair(*reversed(self.pair(name)), key, certificate)
        if bound_to:
            directory = self.bus.app.database.directory
            directory.bind_key(keys.make_binding(bound_to, self.pair(name)[0].read_bytes(), start))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A bus that believes 127.0.0.2, from where nginx calls it, and nobody else."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "bus").mkdir()
    with running_bus(
        folder / "bus",
        agencies=AGENCIES,
        server={"port": 0, "trusted_proxies": ["127.0.0.2"], "body_deadline_s": 3.0},
        limits={"body_bytes": LIMIT},
        delivery={"workers": 0},
    ) as bus:
        assert bus.address is not None
        changes = {"client_max_body_size 80m;": "client_max_body_size 4m;"}
        with nginx(folder / "nginx", bus.address[1], **changes) as made:
            site = Site(bus, made, folder)
            site.new_pair("good", bound_to="M01")
            site.new_pair("other", bound_to="M02")
            site.new_pair("stranger", bound_to=None)
            yesterday = datetime.now(UTC) - timedelta(days=1)
            site.new_pair("expired", bound_to="M01", ends=yesterday)
            site.new_pair("revoked", bound_to="M01")
            mark = keys.fingerprint(ssl.PEM_cert_to_DER_cert(site.pair("revoked")[0].read_text()))
            bus.app.database.directory.revoke_key(mark, datetime.now(UTC))
            yield site


def escaped(site: Site, name: str) -> str:
    """A certificate as nginx hands it over."""
    return urllib.parse.quote(site.pair(name)[0].read_text(), safe="")


# Client certificates


@VERSIONS
def test_a_bound_certificate_is_its_agency(site: Site, soap: str) -> None:
    """The agency of the certificate is who is calling, and an unsigned document of it is accepted."""
    pong = site.call(PING, show="good", soap=soap)
    assert (pong.status, pong.root.findtext(".//{*}agency")) == (200, "M01")
    assert pong.root.findtext(".//{*}method") == "mtls"
    sent = site.call(site.document("M01", 1 + len(soap)), show="good", soap=soap)
    assert sent.root.findtext(".//{*}messageId")


@pytest.mark.parametrize(
    ("show", "code"),
    [(None, "SIG-001"), ("stranger", "SIG-005"), ("expired", "SIG-006"), ("revoked", "SIG-007")],
)
@VERSIONS
def test_what_proves_nothing_is_refused_with_its_reason(
    site: Site, show: str | None, code: str, soap: str
) -> None:
    """No, an unbound, an expired and a revoked certificate: a typed fault each, nothing stored."""
    with kept(site.bus) as left:
        answer = site.call(site.document("M01", 20), show=show, soap=soap)
    assert (answer.fault["code"], answer.fault["retryable"]) == (code, "false")
    assert answer.root.tag == f"{{{soap}}}Envelope"
    assert left.only_refusal(code).detail.endswith(f"remote={CLIENT}")


@VERSIONS
def test_without_a_certificate_nobody_is_known(site: Site, soap: str) -> None:
    """Reading a mailbox without any proof is refused as a caller who is not known."""
    answer = site.call(f'<ListPending xmlns="{TNS}"/>', soap=soap)
    assert answer.fault["code"] == "AUT-001"


def test_the_unbound_certificate_is_named(site: Site) -> None:
    """The fault tells the fingerprint that the operator has to bind."""
    der = ssl.PEM_cert_to_DER_cert(site.pair("stranger")[0].read_text())
    assert keys.fingerprint(der) in site.call(PING, show="stranger").fault["message"]


def test_one_agencys_certificate_sends_nothing_for_another(site: Site) -> None:
    """A document of another agency under the caller's certificate is refused."""
    assert site.call(site.document("M02", 21), show="good").fault["code"] == "AUT-002"


def test_a_certificate_is_not_enough_where_signatures_are_demanded(site: Site) -> None:
    """An agency with the policy `signature` must sign even with a bound certificate."""
    site.new_pair("signer", bound_to="G09")
    assert site.call(PING, show="signer").fault["code"] == "SIG-001"


# Who may hand over a certificate


def test_a_certificate_header_does_not_pass_the_proxy(site: Site) -> None:
    """What a client writes into the header itself is overwritten, in every spelling."""
    forged = escaped(site, "good")
    for name in ("X-Client-Cert", "x-client-cert", "X_Client_Cert"):
        assert site.call(PING, **{name: forged}).fault["code"] == "AUT-001"
        pong = site.call(PING, show="other", **{name: forged})
        assert pong.root.findtext(".//{*}agency") == "M02"


def test_a_certificate_header_from_anybody_else_is_dropped(site: Site) -> None:
    """Straight to the bus from an address that is no terminator the header says nothing."""
    with kept(site.bus) as left:
        told = {"X-Client-Cert": escaped(site, "good"), "X-Forwarded-For": "10.9.8.7"}
        answer = post(site.bus, envelope(PING), **told)
    assert answer.fault["code"] == "AUT-001"
    assert left.only_refusal("AUT-001").detail.endswith("remote=127.0.0.1")


def test_the_clients_own_forwarding_header_is_not_believed(site: Site) -> None:
    """The audit row names the address nginx saw, whatever the client says of itself."""
    forged = {"X-Forwarded-For": "10.9.8.7", "Forwarded": "for=10.9.8.7"}
    with kept(site.bus) as left:
        site.call(PING, **forged)
    assert left.only_refusal("AUT-001").detail.endswith(f"remote={CLIENT}")


def test_accepted_documents_name_the_client_too(site: Site) -> None:
    """The row of an accepted document has the client's address, not the terminator's."""
    with kept(site.bus) as left:
        site.call(site.document("M01", 30), show="good")
    accepted = [one.message_id for one in left.events if one.event == "accepted"]
    found = text("SELECT remote FROM messages WHERE message_id = :id")
    with site.bus.app.database.readers.connect() as connection:
        assert [connection.scalar(found, {"id": one}) for one in accepted] == [CLIENT]


# Tokens


def test_a_token_is_accepted_as_bearer_and_as_basic(site: Site) -> None:
    """Both forms of authorization pass nginx; a wrong token is refused; case of the scheme is free."""
    pair = ":".join(TOKEN)
    basic = base64.b64encode(pair.encode()).decode()
    for value in (f"Bearer {pair}", f"Basic {basic}", f"basic {basic}"):
        pong = site.call(PING, Authorization=value)
        assert (pong.status, pong.root.findtext(".//{*}agency")) == (200, TOKEN[0])
        assert pong.root.findtext(".//{*}method") == "token"
    assert site.call(PING, Authorization=f"Bearer {pair}x").fault["code"] == "AUT-001"
    sent = site.call(site.document("G22", 40), Authorization=f"Basic {basic}")
    assert sent.root.findtext(".//{*}messageId")
    assert site.call(site.document("M01", 41), Authorization=f"Bearer {pair}").fault["code"] == (
        "AUT-002"
    )


def test_a_certificate_is_proof_enough_for_a_token_agency(site: Site) -> None:
    """A stronger proof than the policy asks for is enough."""
    site.new_pair("tokened", bound_to="G22")
    assert site.call(PING, show="tokened").root.findtext(".//{*}method") == "mtls"


# Bodies


def test_a_large_body_passes(site: Site) -> None:
    """A document of two megabytes goes through nginx as it is."""
    letter = site.bus.letter("M01", "H57", number=50)
    big = Attachment(content_id="a", name="a.bin", content=bytes(range(256)) * 4096)
    letter = replace(letter, attachments=(big,))
    content = site.bus.app.parts.dialects.get("qcvn102_java").write(letter).content
    assert len(content) > 1_300_000
    assert site.call(package(content), show="good").status == 200


@VERSIONS
@pytest.mark.parametrize("size", [LIMIT + 1000, 5 * 1024 * 1024], ids=["bus", "nginx"])
def test_a_body_over_the_limit_gets_the_typed_fault(site: Site, size: int, soap: str) -> None:
    """Whether the bus or nginx refuses it, the sender reads the same fault of its own version."""
    answer = site.call(package(b"x" * (size * 3 // 4)), show="good", soap=soap)
    assert (answer.fault["code"], answer.fault["retryable"]) == ("RCV-001", "false")
    assert answer.root.tag == f"{{{soap}}}Envelope"
    assert answer.status == (500 if soap == SOAP11 else 400)
    assert answer.headers["X-Correlation-Id"] == answer.fault["correlationId"]


def test_a_slow_body_is_told_so(site: Site) -> None:
    """A sender that stalls gets the bus's own fault, while others are served."""
    context = ssl.create_default_context(cafile=str(site.nginx.authority))
    context.load_cert_chain(*site.pair("good"))
    with (
        socket.create_connection(("127.0.0.1", site.nginx.port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as slow,
    ):
        slow.sendall(
            b"POST /services/exchange HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
            b"Content-Length: 5000\r\n\r\n<s:Envelope"
        )
        started = time.monotonic()
        assert site.call(PING, show="good").status == 200
        told = b""
        while b"</soap:Envelope>" not in told and (piece := slow.recv(65536)):
            told += piece
        assert time.monotonic() - started < 20
    assert b"RCV-004" in told, told


@VERSIONS
def test_a_bus_that_is_away_is_a_retryable_fault(tmp_path: Path, soap: str) -> None:
    """With nobody behind nginx senders are told to come back, in a fault they can read."""
    with nginx(tmp_path / "alone", 9) as alone, alone.session() as session:
        media = TEXT_XML if soap == SOAP11 else SOAP_XML
        body = envelope(PING, soap=soap)
        sent = session.post(alone.url, data=body, headers={"Content-Type": media}, timeout=30)
    answer = Answer(sent.status_code, sent.headers, sent.content)
    assert (answer.fault["code"], answer.fault["retryable"]) == ("SVC-007", "true")
    assert answer.root.tag == f"{{{soap}}}Envelope"
    assert (answer.status, answer.headers["Retry-After"]) == (500, "30")


# The rest of the configuration


def test_only_modern_tls_is_spoken(site: Site) -> None:
    """TLS 1.2 and 1.3, and nothing older."""
    version = ssl.TLSVersion
    assert handshake(site.nginx, version.TLSv1_3) == "TLSv1.3"
    assert handshake(site.nginx, version.TLSv1_2) == "TLSv1.2"
    with pytest.warns(DeprecationWarning, match="TLS"):
        assert handshake(site.nginx, version.TLSv1_1) is None


def test_the_wsdl_names_the_outer_address_and_probes_stay_inside(site: Site) -> None:
    """The WSDL carries https and the host the client used; /metrics is not served."""
    with site.nginx.session() as session:
        wsdl = session.get(f"{site.nginx.url}?wsdl", timeout=30)
        assert f'location="{site.nginx.url}"' in wsdl.text
        base = site.nginx.url.removesuffix("/services/exchange")
        for path in ("/metrics", "/readyz", "/healthz", "/console/", "/"):
            assert session.get(base + path, timeout=30).status_code == 404
        assert session.get(f"{base}/wsdl/exchange-1.wsdl", timeout=30).status_code == 200


def test_certificates_may_be_demanded_by_nginx_itself(site: Site, tmp_path: Path) -> None:
    """With the commented lines for one's own authority a client without certificate gets nothing."""
    assert "#   ssl_verify_client on;" in SHIPPED.read_text(encoding="utf-8")
    changes = {
        "    ssl_verify_client optional_no_ca;": "    ssl_verify_client on;\n"
        f"    ssl_client_certificate {site.pair('good')[0]};\n",
        "    error_page 495 = @lienthong;": "",
    }
    assert site.bus.address is not None
    with nginx(tmp_path / "strict", site.bus.address[1], **changes) as strict:
        told = []
        for pair in (None, site.pair("stranger")):
            with strict.session(pair) as session:
                told.append(session.post(strict.url, data=envelope(PING), timeout=30).status_code)
    assert told == [400, 400]


def test_nginxs_own_faults_use_the_catalogues_words() -> None:
    """Every fault in the configuration says what the bus says under that code."""
    conf = SHIPPED.read_text(encoding="utf-8")
    for code in ("RCV-001", "SVC-007"):
        entry = CATALOGUE[code]
        assert conf.count(f"<code>{code}</code>") == 2
        for words in (entry.message, entry.message_vi, entry.hint, entry.hint_vi):
            assert conf.count(f">{words}<") >= 2
