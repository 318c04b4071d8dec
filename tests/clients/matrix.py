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
        needs=("wsimport", "javac"),
    ),
    Client(
        folder="cpp",
        name="gSOAP",
        needs=("wsdl2h", "soapcpp2", "g++"),
    ),
    Client(
        folder="php",
        name="PHP SoapClient",
        cannot={
            (ANY, "mtom"): "SoapClient has no MTOM",
            (ANY, "signed"): "SoapClient has no WS-Security",
        },
        needs=("php",),
    ),
    Client(
        folder="csharp",
        name="Mono wsdl (.NET)",
        cannot={
            (ANY, "mtom"): "proxies of System.Web.Services have no MTOM",
            (ANY, "signed"): "proxies of System.Web.Services have no WS-Security",
        },
        needs=("wsdl", "mcs", "mono"),
    ),
    Client(
        folder="node",
        name="npm soap",
        needs=("node", "npm"),
    ),
    Client(
        folder="python",
        name="zeep",
        cannot={("1.2", "mtom"): "pymtom-xop labels every root part text/xml, that is SOAP 1.1"},
    ),
)


def cells() -> Iterator[tuple[str, str]]:
    """(version, mode) in the order of the table."""
    return ((version, mode) for version in VERSIONS for mode in MODES)
