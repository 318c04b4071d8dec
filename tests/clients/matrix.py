"""Which client is asked for what, and what it cannot do, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

VERSIONS = ("1.1", "1.2")
MODES = ("plain", "mtom", "signed", "fault")
#: Stands for both versions in `cannot`.
ANY = "any"


@dataclass(frozen=True, kw_only=True)
class Client:
    """One folder under `wsdl/examples/` and the limits of the client in it."""

    folder: str
    name: str
    #: (version or ANY, mode) → why this client itself cannot; such a cell is not run.
    cannot: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: Words of generated files that must be there: a shape the WSDL promises to its generator.
    generated: tuple[str, ...] = ()
    #: What must be found on the machine before its `build` can run.
    needs: tuple[str, ...] = ()

    def reason(self, version: str, mode: str) -> str | None:
        """Why the client cannot do a cell; None when it can."""
        return self.cannot.get((version, mode)) or self.cannot.get((ANY, mode))


CLIENTS = (
    Client(
        folder="java",
        name="JAX-WS (wsimport)",
        generated=(
            'wsdlLocation = "{url}?wsdl"',
            "EdxmlDocument edXML,",
            "throws ExchangeException",
        ),
        needs=("wsimport", "javac"),
    ),
    Client(
        folder="cpp",
        name="gSOAP",
        generated=('soap_endpoint = "{url}"',),
        needs=("wsdl2h", "soapcpp2", "g++"),
    ),
    Client(
        folder="php",
        name="PHP SoapClient",
        generated=("SendDocument(SendDocument $parameters)", "struct EdxmlDocument {{"),
        cannot={
            (ANY, "mtom"): "SoapClient has no MTOM",
            (ANY, "signed"): "SoapClient has no WS-Security",
        },
        needs=("php",),
    ),
    Client(
        folder="csharp",
        name="Mono wsdl (.NET)",
        generated=(
            'this.Url = "{url}"',
            "SoapParameterStyle.Wrapped)",
            "EdxmlDocument edXML, out bool duplicate)",
        ),
        cannot={
            (ANY, "mtom"): "proxies of System.Web.Services have no MTOM",
            (ANY, "signed"): "proxies of System.Web.Services have no WS-Security",
        },
        needs=("wsdl", "mcs", "mono"),
    ),
    Client(
        folder="node",
        name="npm soap",
        generated=('"SendDocument"', '"PromulgationInfo"'),
        needs=("node", "npm"),
    ),
    Client(
        folder="python",
        name="zeep",
        generated=("SendDocument(edXML: ns0:EdxmlDocument) -> Receipt: ns1:Receipt",),
    ),
)


def cells() -> Iterator[tuple[str, str]]:
    """(version, mode) in the order of the table."""
    return ((version, mode) for version in VERSIONS for mode in MODES)
