"""What each error of the bus becomes on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from bus import errors
from bus.endpoints import faults
from bus.endpoints.request_schema import XSD, schema_text
from bus.envelope.soap import SoapVersion
from bus.error_catalogue import CATALOGUE
from bus.model import Problem, Severity

TNS = "{urn:lienthong:exchange:1}"


def tree(kind: type[errors.BusError]) -> Iterator[type[errors.BusError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


ALL = sorted(set(tree(errors.BusError)), key=lambda kind: kind.__name__)


def reply(error: errors.BusError, version: SoapVersion = SoapVersion.V11) -> faults.FaultReply:
    return faults.fault_reply(version, error, correlation_id="corr")


def detail(error: errors.BusError) -> dict[str, str]:
    element = reply(error).envelope.find(f".//{TNS}ExchangeFault")
    assert element is not None
    return {etree.QName(child).localname: child.text or "" for child in element}


@pytest.fixture(scope="module")
def fault_schema() -> etree.XMLSchema:
    root = etree.fromstring(schema_text("exchange/1/exchange.xsd"))
    for element in root.findall(f".//{XSD}element[@ref]"):
        element.getparent().remove(element)
    return etree.XMLSchema(root)


@pytest.mark.parametrize("kind", ALL)
def test_every_error_of_the_bus_is_mapped(kind: type[errors.BusError]) -> None:
    """No error class is forgotten: each stands in the table itself."""
    assert kind in faults.BY_CLASS


def test_an_error_class_of_an_adapter_travels_as_its_parent() -> None:
    """A class nobody foresaw still becomes a typed fault."""
    outsider = type("Outsider", (errors.NotFound,), {})("x")
    # the class must not stay visible to the test above
    assert faults.treatment_of(outsider) == faults.BY_CLASS[errors.NotFound]


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind in faults.BY_CLASS])
@pytest.mark.parametrize("version", list(SoapVersion))
def test_status_and_code_follow_the_class(
    kind: type[errors.BusError], version: SoapVersion
) -> None:
    """The sender's mistakes are Sender with 400, ours Receiver with 500; SOAP 1.1 says 500."""
    found = reply(kind(), version)
    ours = not issubclass(kind, errors.Rejected)
    expected = "500" if ours or version is SoapVersion.V11 else "400"
    assert found.status.startswith(expected)


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind in faults.BY_CLASS])
def test_every_fault_fits_the_published_schema(
    kind: type[errors.BusError], fault_schema: etree.XMLSchema
) -> None:
    """The detail of each fault is valid by the schema that clients generated classes from."""
    problem = Problem(rule="E01", severity=Severity.WARN, path="/a", line=2)
    error = kind("chi\x00tiết", path="/edXML", line=3, column=4, problems=[problem])
    element = reply(error).envelope.find(f".//{TNS}ExchangeFault")
    assert fault_schema.validate(etree.fromstring(etree.tostring(element))), fault_schema.error_log


@pytest.mark.parametrize("code", sorted(CATALOGUE))
@pytest.mark.parametrize("version", list(SoapVersion))
def test_every_code_can_travel(code: str, version: SoapVersion) -> None:
    """Every code of the catalogue makes a fault in both versions."""
    xml = etree.tostring(reply(errors.Rejected(code=code), version).envelope)
    assert f">{code}<".encode() in xml


@pytest.mark.parametrize(
    ("asked", "told"), [(None, "30"), (0.2, "1"), (12.1, "13"), (600.0, "600")]
)
def test_a_retryable_fault_says_when(asked: float | None, told: str) -> None:
    """Retry-After stands in the HTTP header and in the fault, whole seconds, at least one."""
    error = errors.StoreUnavailable(retry_after_s=asked)
    assert ("Retry-After", told) in reply(error).headers
    assert detail(error)["retryAfterSeconds"] == told
    assert detail(error)["retryable"] == "true"


def test_a_fault_for_good_names_no_time() -> None:
    """What must be mended is not to be sent again unchanged."""
    error = errors.SchemaRejected()
    assert reply(error).headers == ()
    assert "retryAfterSeconds" not in detail(error)


@pytest.mark.parametrize("kind", [errors.Defect, errors.Misconfigured, errors.StoreUnavailable])
def test_our_inside_stays_inside(kind: type[errors.BusError]) -> None:
    """The detail of errors about ourselves is in the log only."""
    xml = etree.tostring(reply(kind("/srv/bus/secret.sqlite3 is locked")).envelope)
    assert b"secret" not in xml


def test_the_correlation_id_of_the_journey_wins() -> None:
    """An error that already carries an id keeps it; others get the request's."""
    assert detail(errors.NotFound(correlation_id="earlier"))["correlationId"] == "earlier"
    assert detail(errors.NotFound())["correlationId"] == "corr"
