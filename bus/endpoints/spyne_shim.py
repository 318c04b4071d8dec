"""Spyne made to import on Python 3.12 and 3.13, and its names for the rest of this package.

Nothing else may import spyne: its bundled copy of six fails on 3.12, and it imports the
module cgi, which 3.13 removed (the distribution legacy-cgi brings it back).
"""

from __future__ import annotations

import importlib
import operator
import sys
import warnings

import six  # type: ignore[import-untyped]  # its stubs are not among our dependencies

_MOVED = (
    "collections_abc",
    "urllib",
    "urllib.parse",
    "urllib.request",
    "urllib.error",
    "http_cookies",
    "http_client",
)


def _replace_bundled_six() -> None:
    six.get_function_name = operator.attrgetter("__name__")
    sys.modules["spyne.util.six"] = six
    sys.modules["spyne.util.six.moves"] = six.moves
    for name in _MOVED:
        sys.modules[f"spyne.util.six.moves.{name}"] = importlib.import_module(f"six.moves.{name}")


_replace_bundled_six()
with warnings.catch_warnings():
    # Its own deprecation and escape-sequence warnings are not ours to mend.
    warnings.simplefilter("ignore")
    from spyne import (  # type: ignore[import-untyped]  # spyne has no type hints
        Application,
        Fault,
        Integer,
        MethodContext,
        ServiceBase,
        Unicode,
        rpc,
    )
    from spyne.interface.wsdl import (  # type: ignore[import-untyped]  # spyne has no type hints
        Wsdl11,
    )
    from spyne.protocol.xml import (  # type: ignore[import-untyped]  # spyne has no type hints
        XmlDocument,
    )
    from spyne.server import ServerBase  # type: ignore[import-untyped]  # spyne has no type hints

__all__ = [
    "Application",
    "Fault",
    "Integer",
    "MethodContext",
    "ServerBase",
    "ServiceBase",
    "Unicode",
    "Wsdl11",
    "XmlDocument",
    "rpc",
]
