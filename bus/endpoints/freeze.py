"""Rewrite the frozen WSDLs: `python -m bus.endpoints.freeze` in the checkout.

Only for a deliberate change of the contract: a test compares the frozen files with what the
service gives out.
"""

from __future__ import annotations

from pathlib import Path

from bus.endpoints.edoc.wsdl import wsdl as edoc_wsdl
from bus.endpoints.wsdl import wsdl
from bus.envelope.soap import SoapVersion

#: The addresses in the frozen files; clients set their own.
ADDRESS = "http://localhost:8080/services/exchange"
EDOC_ADDRESS = "http://localhost:8080/services/eDoc"
EDOC = "edoc-1.0.wsdl"
FORMS: dict[str, tuple[SoapVersion, ...]] = {
    "exchange-1.wsdl": (SoapVersion.V11, SoapVersion.V12),
    "exchange-1-soap11.wsdl": (SoapVersion.V11,),
    "exchange-1-soap12.wsdl": (SoapVersion.V12,),
}


def freeze(folder: Path) -> None:
    """Write every form of the WSDL into `folder`."""
    for name, versions in FORMS.items():
        (folder / name).write_bytes(wsdl(ADDRESS, versions))
    (folder / EDOC).write_bytes(edoc_wsdl(EDOC_ADDRESS))


if __name__ == "__main__":
    freeze(Path("wsdl"))
