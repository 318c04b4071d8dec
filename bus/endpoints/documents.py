"""What can be read with GET: the WSDL in three forms, and the schemas behind it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

from lxml import etree

from bus import errors
from bus.endpoints.request_schema import EXCHANGE_SCHEMA, XSD, schema_text
from bus.endpoints.wsdl import imported_schemas, wsdl
from bus.envelope.soap import SoapVersion

_FORMS: dict[str, tuple[SoapVersion, ...]] = {
    "": (SoapVersion.V11, SoapVersion.V12),
    "1.1": (SoapVersion.V11,),
    "1.2": (SoapVersion.V12,),
}
#: A host, or an IPv6 address in brackets, with an optional port (RFC 3986, 3.2).
_HOST = re.compile(r"(?:[A-Za-z0-9.\-_]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


class Documents:
    """Answers `?wsdl`, `?wsdl=1.1`, `?wsdl=1.2`, `?xsd` and `?xsd=PATH`."""

    def __init__(self, public_url: str | None) -> None:
        self._public_url = public_url

    def get(self, environ: dict[str, Any]) -> bytes | None:
        """The document a query string asks for, UTF-8; None when it asks for none.

        Raises NotFound SVC-011 for a form or schema that does not exist.
        """
        query = parse_qs(str(environ.get("QUERY_STRING") or ""), keep_blank_values=True)
        asked = {name.lower(): values[0] for name, values in query.items()}
        if "wsdl" in asked:
            if asked["wsdl"] not in _FORMS:
                raise errors.NotFound(f"?wsdl={asked['wsdl'][:20]}", code="SVC-011")
            return wsdl(self._address(environ), _FORMS[asked["wsdl"]])
        if "xsd" in asked:
            return _schema(asked["xsd"] or EXCHANGE_SCHEMA)
        return None

    def _address(self, environ: dict[str, Any]) -> str:
        """Where this service is reached: as configured, else as requested."""
        path = str(environ.get("SCRIPT_NAME") or "") + str(environ.get("PATH_INFO") or "")
        if self._public_url is not None:
            return self._public_url.rstrip("/") + path
        host = str(environ.get("HTTP_HOST") or "")
        if not _HOST.fullmatch(host):
            host = f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
        return f"{environ['wsgi.url_scheme']}://{host}{path}"


def _schema(name: str) -> bytes:
    """One schema, its references turned into addresses of this service."""
    if name not in {EXCHANGE_SCHEMA, *imported_schemas()}:
        raise errors.NotFound(f"?xsd={name[:60]}", code="SVC-011")
    root = etree.fromstring(schema_text(name))
    for imported, target in zip(root.iterfind(f"{XSD}import"), imported_schemas(), strict=False):
        imported.set("schemaLocation", f"?xsd={target}")
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")
