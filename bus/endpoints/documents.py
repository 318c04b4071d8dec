"""What can be read with GET: a service's WSDL in its forms, and the schemas behind it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from lxml import etree

from bus import errors
from bus.endpoints.request_schema import EXCHANGE_SCHEMA, XSD, schema_text
from bus.endpoints.wsdl import imported_schemas, wsdl
from bus.envelope.soap import SoapVersion

#: The WSDL of a service at an address, by what `?wsdl=` asks for.
Forms: TypeAlias = Mapping[str, Callable[[str], bytes]]
#: One schema by the name `?xsd=` asks for, "" for the service's own; Raises NotFound SVC-011.
Schema: TypeAlias = Callable[[str], bytes]
#: A host, or an IPv6 address in brackets, with an optional port (RFC 3986, 3.2).
_HOST = re.compile(r"(?:[A-Za-z0-9.\-_]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


class Documents:
    """Answers `?wsdl`, `?wsdl=FORM`, `?xsd` and `?xsd=PATH` of one service."""

    def __init__(self, public_url: str | None, *, forms: Forms, schema: Schema) -> None:
        self._public_url = public_url
        self._forms = forms
        self._schema = schema

    def get(self, environ: dict[str, Any]) -> bytes | None:
        """The document a query string asks for, UTF-8; None when it asks for none.

        Raises NotFound SVC-011 for a form or schema that does not exist.
        """
        query = parse_qs(str(environ.get("QUERY_STRING") or ""), keep_blank_values=True)
        asked = {name.lower(): values[0] for name, values in query.items()}
        if "wsdl" in asked:
            if asked["wsdl"] not in self._forms:
                raise errors.NotFound(f"?wsdl={asked['wsdl'][:20]}", code="SVC-011")
            return self._forms[asked["wsdl"]](self._address(environ))
        if "xsd" in asked:
            return self._schema(asked["xsd"])
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


def exchange_forms() -> Forms:
    """The exchange service with both ports, or with one of them."""
    v11, v12 = SoapVersion.V11, SoapVersion.V12
    versions = {"": (v11, v12), "1.1": (v11,), "1.2": (v12,)}
    return {form: functools.partial(wsdl, versions=ports) for form, ports in versions.items()}


def exchange_schema(name: str) -> bytes:
    """One schema of the exchange service, its references turned into addresses of the service."""
    name = name or EXCHANGE_SCHEMA
    if name not in {EXCHANGE_SCHEMA, *imported_schemas()}:
        raise errors.NotFound(f"?xsd={name[:60]}", code="SVC-011")
    root = etree.fromstring(schema_text(name))
    for imported, target in zip(root.iterfind(f"{XSD}import"), imported_schemas(), strict=False):
        imported.set("schemaLocation", f"?xsd={target}")
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")
