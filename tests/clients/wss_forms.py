"""WS-Security by other implementations: WSS4J signs in every form it knows, WSS4J and xmlsec1 check replies."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from bus.clock import SystemClock
from bus.trust import keys, pki
from tests.clients.live_bus import BY_KEY, P12_PASSWORD, LiveBus, live_bus

JAVA = Path(__file__).parent / "wss4j"
JARS = ("wss4j", "xmlsec", "slf4j-api", "slf4j-nop", "commons-logging", "commons-codec")
#: What WSS4J can do and the bus refuses, naming the cure; it takes every other form.
REFUSED = {"path": "SIG-008", "key-value": "SIG-008"}
FORMS = {
    *("token", "path", "token-signed", "actor-next", "issuer-serial"),
    *("certificate", "subject-key", "thumbprint", "key-value"),
}
MEDIA = {"1.1": "text/xml; charset=utf-8", "1.2": "application/soap+xml; charset=utf-8"}
SOAP = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
TNS = "urn:lienthong:exchange:1"


def wrong(bus: LiveBus, folder: Path) -> list[str]:
    """What another implementation and the bus do not agree about; empty when all is well."""
    lacking = [tool for tool in ("javac", "java", "xmlsec1") if shutil.which(tool) is None]
    if lacking:
        return [f"not installed: {', '.join(lacking)} (tests/clients/install)"]
    folder.mkdir()
    classpath = ":".join(f"/usr/share/java/{jar}.jar" for jar in JARS)
    source = str(JAVA / "KeyForms.java")
    _run("javac", "-nowarn", "-encoding", "UTF-8", "-cp", classpath, "-d", str(folder), source)
    return [
        *_wss4j(bus, f"{folder}:{classpath}", bus.folder / "agency.p12", "RSA"),
        *_wss4j(bus, f"{folder}:{classpath}", _with_ec_key(bus, folder), "EC"),
        *_xmlsec1(bus, folder),
    ]


@contextmanager
def rsa_bus(folder: Path) -> Iterator[LiveBus]:
    """A bus whose own key is RSA-2048: the only kind whose signatures gSOAP can check."""
    now = SystemClock().now()
    authority = pki.create_authority("trial", now)
    key, certificate = pki.issue(authority, "bus", kind="rsa", not_before=now)
    pki.write_pair(folder / "bus.key.pem", folder / "bus.cert.pem", key, certificate)
    with live_bus(folder) as bus:
        yield bus


def _wss4j(bus: LiveBus, classpath: str, p12: Path, kind: str) -> Iterator[str]:
    certificate = str(bus.settings.trust.certificate_file)
    command = ("java", "-Dfile.encoding=UTF-8", "-cp", classpath, "KeyForms")
    said = _run(*command, bus.url, str(p12), P12_PASSWORD, certificate)
    lines = [line.split() for line in said.splitlines() if not line.startswith(" ")]
    told = {(line[0], line[1]): line[3:] for line in lines}
    for form in sorted(FORMS):
        for version in SOAP:
            wanted = [REFUSED.get(form, BY_KEY), "verified"]
            found = told.get((form, version))
            if found != wanted:
                yield f"WSS4J, {kind}, SOAP {version}, {form}: {found}, expected {wanted}"


def _xmlsec1(bus: LiveBus, folder: Path) -> Iterator[str]:
    """Replies and faults verify with the command-line tool, and no longer once they are changed."""
    for version, namespace in SOAP.items():
        for content in ("<recipient>H17</recipient>", "<nothing/>"):
            reply = _reply(bus, version, content)
            for text, intact in ((reply, True), (reply.replace(b"urn:lien", b"urn:Lien"), False)):
                if _verifies(bus, folder, text, namespace) is not intact:
                    what = f"SOAP {version}, <Ping>{content}</Ping>"
                    yield f"xmlsec1, {what}: {'refused' if intact else 'changed, and accepted'}"


def _reply(bus: LiveBus, version: str, content: str) -> bytes:
    ping = f'<Ping xmlns="{TNS}">{content}</Ping>'
    envelope = f'<s:Envelope xmlns:s="{SOAP[version]}"><s:Body>{ping}</s:Body></s:Envelope>'
    proof = bus.proof("plain")
    caller = (proof["EXCHANGE_AGENCY"], proof["EXCHANGE_TOKEN"])
    headers = {"Content-Type": MEDIA[version]}
    answer = requests.post(bus.url, envelope, headers=headers, auth=caller, timeout=30)
    return answer.content


def _verifies(bus: LiveBus, folder: Path, text: bytes, namespace: str) -> bool:
    path = folder / "reply.xml"
    path.write_bytes(text)
    certificate = str(bus.settings.trust.certificate_file)
    ids = [f"--id-attr:Id {namespace}:Body", f"--id-attr:Id {WSU}:Timestamp"]
    words = [word for each in ids for word in each.split()]
    command = ["xmlsec1", "--verify", "--pubkey-cert-pem", certificate, *words, str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _with_ec_key(bus: LiveBus, folder: Path) -> Path:
    """A second certificate of the same agency, with a key on P-256."""
    now = SystemClock().now()
    own = pki.issue_own(pki.create_authority("trial", now), BY_KEY, now)
    bus.database.directory.bind_key(keys.make_binding(BY_KEY, own.certificate_der, now))
    encryption = BestAvailableEncryption(P12_PASSWORD.encode())
    path = folder / "ec.p12"
    path.touch(mode=0o600)
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"agency", own.key, own.certificate, None, encryption)
    )
    return path


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
