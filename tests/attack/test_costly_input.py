"""Small inputs built to cost seconds: each is refused or cut before the costly part sees it."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import tracemalloc
import unicodedata
import zipfile

import pytest
from lxml import etree

from bus.config import LimitSettings
from bus.db.folding import containing
from bus.edxml import catalogue, limits
from bus.edxml.attachments import Budget, unpack
from bus.edxml.catalogue import SchemaName
from bus.edxml.paths import element_path, element_paths
from bus.edxml.possessive import SOUND
from bus.endpoints.request import version_asked
from bus.endpoints.request_schema import check_payload
from bus.envelope.soap import SoapVersion
from bus.errors import LimitExceeded, ProtocolRejected
from bus.model import LegacyDefect
from bus.model.codes import LONGEST_CODE, fold
from bus.trust import legacy

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
#: Two marks whose canonical order is the other way round: sorting a run of them is quadratic.
MARKS = "\u0315\u0300"


def test_what_is_too_long_for_a_code_is_not_normalised() -> None:
    """A megabyte of combining marks as an agency code would hold the whole process for minutes."""
    short = "A" + MARKS
    assert fold(short) == unicodedata.normalize("NFC", short).casefold()
    long = "a" + MARKS * LONGEST_CODE
    assert fold(f" {long} ") == long


def test_a_search_reads_only_the_beginning_of_its_text() -> None:
    """A search text of megabytes is cut before its accents are taken off."""
    assert containing("đ" * 100_000) == containing("đ" * 500)


@pytest.mark.parametrize(
    "tail", [';a="' + ";" * 60_000, "; charset*" + "9" * 5_000 + "=x", ";a=" + '"\\' * 30_000]
)
def test_a_media_type_of_kilobytes_is_not_taken_apart(tail: str) -> None:
    """The library's parser is quadratic in the header, and stumbles over 5,000 digits."""
    asked = version_asked({"CONTENT_TYPE": "application/soap+xml" + tail})
    assert asked is SoapVersion.V11


def test_one_element_cannot_carry_thousands_of_attributes() -> None:
    """Canonicalisation sorts and looks up the attributes of an element in quadratic time."""
    most = LimitSettings().element_attributes
    fitting = "<a {}/>".format(" ".join(f'b{n}="1"' for n in range(most)))
    limits.check(fitting.encode(), LimitSettings())
    for name in ("b", "xmlns:b"):
        flood = "<a {}/>".format(" ".join(f'{name}{n}="1"' for n in range(most + 1)))
        with pytest.raises(LimitExceeded) as refusal:
            limits.check(flood.encode(), LimitSettings())
        assert refusal.value.code == "RCV-003"
        assert "element_attributes" in refusal.value.detail


@pytest.mark.parametrize(
    "markup", ["<%s/>", "<%s>a</%s>", '<%s b="1"/>', '<a %s="1"/>', '<a b="1" %s="2"/>']
)
def test_a_name_of_kilobytes_is_refused(markup: str) -> None:
    """Paths repeat the names around an element: long ones multiply a message by its elements."""
    name = "n" * 2_000
    body = markup.replace("%s", name).encode()
    with pytest.raises(LimitExceeded) as refusal:
        limits.check(body, LimitSettings())
    assert refusal.value.code == "RCV-003"
    assert "name" in refusal.value.detail


@pytest.mark.parametrize("elements", [3, 60_000])
@pytest.mark.parametrize("name", ["xmlns:p", "xmlns", "\n xmlns:p\n"])
@pytest.mark.parametrize("before", ["", 'b="1" '], ids=["first", "second"])
def test_a_namespace_of_kilobytes_is_refused(before: str, name: str, elements: int) -> None:
    """Exclusive canonical form writes a namespace again for every element that uses it."""
    body = f'<a {before}{name}="urn:{"x" * 2_000}">{"<p:b/>" * elements}</a>'.encode()
    with pytest.raises(LimitExceeded) as refusal:
        limits.check(body, LimitSettings())
    assert refusal.value.code == "RCV-003"
    assert "namespace" in refusal.value.detail


@pytest.mark.parametrize("elements", [3, 60_000])
@pytest.mark.parametrize("attributes", [64, 1_000])
def test_the_longest_namespace_is_what_the_limit_says(attributes: int, elements: int) -> None:
    """500 bytes pass and 501 do not, in small bodies and large ones, whatever else is allowed."""
    settings = LimitSettings(element_attributes=attributes)
    body = '<a xmlns:p="{}">' + "<p:b/>" * elements + "</a>"
    limits.check(body.format("u" * 500).encode(), settings)
    with pytest.raises(LimitExceeded) as refusal:
        limits.check(body.format("u" * 501).encode(), settings)
    assert "namespace" in refusal.value.detail


def test_canonical_form_stays_within_a_small_multiple_of_its_limits() -> None:
    """The most that repeated namespaces can add is known: elements and attributes times a length."""
    settings = LimitSettings(elements=2_000)
    body = f'<a xmlns:p="urn:{"x" * 490}">{"<p:b/>" * 1_900}</a>'.encode()
    limits.check(body, settings)
    grown = len(etree.tostring(etree.fromstring(body), method="c14n", exclusive=True))
    assert grown < settings.elements * 520


def test_what_a_schema_leaves_out_is_never_copied() -> None:
    """Copying and cutting unknown elements is quadratic; only known ones are written anew."""
    inner = "<b/>" * 50
    xml = (
        f'<edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLHeader><MessageHeader/></edXMLHeader>'
        f"<Stranger>{inner}</Stranger></edXMLEnvelope></edXML>"
    )
    tree = etree.fromstring(xml)
    originals = catalogue._without_unknown(tree, SchemaName.QCVN102_INBOUND)
    assert next(iter(originals.values())) is tree
    assert {etree.QName(e).localname for e in originals} == {
        "edXML",
        "edXMLEnvelope",
        "edXMLHeader",
        "MessageHeader",
    }
    assert all(
        etree.QName(copy).localname == etree.QName(e).localname for copy, e in originals.items()
    )


def beneath_long_names(leaves: int) -> etree._Element:
    """A request of kilobytes whose elements have paths of 90 KB each."""
    names = [f"n{n}{'x' * 990}" for n in range(90)]
    opened = "".join(f"<{name}>" for name in names).replace(">", ' xmlns="">', 1)
    closed = "".join(f"</{name}>" for name in reversed(names))
    xml = f'<GetTrace xmlns="urn:lienthong:exchange:1">{opened}{"<a/>" * leaves}{closed}</GetTrace>'
    limits.check(xml.encode(), LimitSettings())
    return etree.fromstring(xml)


def test_a_request_that_does_not_fit_costs_no_path_for_each_element() -> None:
    """Before anybody proved anything, 400 KB of short elements under long names took gigabytes."""
    request = beneath_long_names(2000)
    tracemalloc.start()
    with pytest.raises(ProtocolRejected) as refusal:
        check_payload(request)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal.value.code == "SVC-006"
    assert peak < 20 * 1024 * 1024


def test_a_path_is_no_longer_than_anybody_reads() -> None:
    """Problems and losses keep a path each: however deep the names, they stay short."""
    request = beneath_long_names(2)
    deepest = list(request.iter())[-1]
    path = element_path(deepest)
    assert path == element_paths(request)[deepest]
    assert path.startswith("/GetTrace/n0x")
    assert path.endswith("x/a[2]")
    assert len(path) <= 1001


@pytest.mark.skipif(not SOUND, reason="re keeps ways back before Python 3.11.5")
def test_a_prefix_repeated_millions_of_times_takes_no_memory() -> None:
    """The matcher kept a way back for each `cid:`: 20 MB from anybody took 600 MB, unseen by Python."""
    program = (
        "import resource\n"
        "from bus.edxml.attachments import strip_cid\n"
        "text = 'cid: ' * 4_000_000\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert strip_cid(text + 'a') == 'a'\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 100 * 1024


def test_signatures_within_signatures_are_looked_through_once() -> None:
    """Nobody had proved anything when a certificate under 90 signatures was decoded 90 times."""
    opened, closed = "<Signature>" * 90, "</Signature>" * 90
    certificate = f"<X509Certificate>{'QUFB' * 5_000_000}</X509Certificate>"
    xml = f'<edXML xmlns="{QCVN}">{opened}{certificate}{closed}</edXML>'
    limits.check(xml.encode(), LimitSettings())
    root = etree.fromstring(xml, etree.XMLParser(huge_tree=True))
    started = time.perf_counter()
    verdict = legacy.find(root)
    assert time.perf_counter() - started < 1
    assert verdict is not None
    assert verdict.legacy == (LegacyDefect.WRONG_NAMESPACE,)


def zipped(content: bytes, *, damaged: bool = False) -> bytes:
    """One file in a transport ZIP, its checksum wrong where it is to be damaged."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
        if damaged:
            archive.filelist[0].CRC ^= 1
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        (zipped(bytes(15 << 20)), "a.txt"),
        (zipped(b"PK\3\4" + bytes(15 << 20)), "a.docx"),
        (zipped(bytes(15 << 20), damaged=True), "a.txt"),
    ],
    ids=["small bombs", "no wrappers after all", "damaged"],
)
def test_small_bombs_are_counted_together(wire: bytes, name: str) -> None:
    """Each of many files of 20 KB unpacked to 15 MB, to be kept or to be thrown away again."""
    budget = Budget(256 << 20)
    unpack(wire, name, budget)
    with pytest.raises(LimitExceeded) as refusal:
        unpack(wire, name, budget)
    assert refusal.value.code == "RCV-001"
