"""The floor L1: the same checks with plain library calls and nothing around them.

lxml parse + lxml XSD + libxml2 exclusive C14N + SHA-256 + ECDSA verify + SQLite WAL FULL insert.
One signature is checked, nobody is asked who signs, nothing is routed, the answer is not signed.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import corpus
import pybase64
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from lxml import etree
from sink import RECEIVE_HEAD, RECEIVE_TAIL

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "schemas" / "qcvn102" / "2016" / "inbound.xsd"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
_ANSWER = b"<ok/>"


class Floor:
    """The least that can be called accepting a message."""

    name = "floor"

    def __init__(self, folder: Path, keys: Path) -> None:
        self._own = corpus.load_key(keys, "bus")
        self._local = threading.local()
        # libxml2 sets up its built-in types at the first compilation, not safely for many threads
        etree.XMLSchema(file=str(SCHEMA))
        self._lock = threading.Lock()
        self._store = sqlite3.connect(
            folder / "floor.sqlite3", check_same_thread=False, isolation_level=None
        )
        self._store.execute("PRAGMA journal_mode=WAL")
        self._store.execute("PRAGMA synchronous=FULL")
        self._store.execute(
            "CREATE TABLE IF NOT EXISTS m (id INTEGER PRIMARY KEY, body BLOB, done INT)"
        )

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Accept one message."""
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        parser, schema = self._tools()
        document = etree.fromstring(body, parser).find("{*}Body/{*}SendDocument")[0]
        schema.assertValid(document)
        _verify(document)
        with self._lock:
            self._store.execute("INSERT INTO m (body, done) VALUES (?, 0)", (body,))
        start_response(
            "200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(_ANSWER)))]
        )
        return [_ANSWER]

    def deliver(self, address: tuple[str, int]) -> int:
        """Push everything accepted: hash and sign once, splice, POST to all, mark; the pushes."""
        line = http.client.HTTPConnection(*address)
        rows = self._store.execute("SELECT id, body FROM m WHERE done = 0").fetchall()
        for number, body in rows:
            digest = hashlib.sha256(body).digest()
            self._own.key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
            content = RECEIVE_HEAD + pybase64.b64encode(body) + RECEIVE_TAIL
            for code in corpus.PUSHED:
                line.request("POST", f"/{code}", content, {"Content-Type": "text/xml"})
                line.getresponse().read()
            self._store.execute("UPDATE m SET done = 1 WHERE id = ?", (number,))
        line.close()
        return len(rows) * len(corpus.PUSHED)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _tools(self) -> tuple[Any, Any]:
        if not hasattr(self._local, "tools"):
            parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
            self._local.tools = (parser, etree.XMLSchema(file=str(SCHEMA)))
        return self._local.tools  # type: ignore[no-any-return]


def _verify(document: Any) -> None:
    signature = document.find(f".//{DS}Signature")
    info = signature.find(f"{DS}SignedInfo")
    signed = etree.tostring(info, method="c14n", exclusive=True)
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(signature.findtext(f".//{DS}X509Certificate"))
    )
    value = base64.b64decode(signature.findtext(f"{DS}SignatureValue"))
    half = len(value) // 2
    der = utils.encode_dss_signature(
        int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
    )
    certificate.public_key().verify(der, signed, ec.ECDSA(hashes.SHA256()))
    signature.getparent().remove(signature)
    canonical = etree.tostring(document, method="c14n", exclusive=True, with_tail=False)
    digest = base64.b64encode(hashlib.sha256(canonical).digest()).decode()
    if info.findtext(f".//{DS}DigestValue") != digest:
        raise ValueError("digest")
