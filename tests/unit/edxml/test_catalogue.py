"""The schema catalogue: what validates, and how a violation is told."""

from __future__ import annotations

import threading
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from bus.edxml import catalogue
from bus.edxml.catalogue import SchemaName, validate
from bus.edxml.field_paths import edxml_path
from bus.edxml.lengths import LENGTHS, TOLERANCE
from bus.edxml.paths import element_path, element_paths, node_paths
from bus.model import Problem, Severity

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
EDOC = "http://www.e-doc.vn/Schema/"
XS = "{http://www.w3.org/2001/XMLSchema}"
IN = SchemaName.QCVN102_INBOUND
OUT = SchemaName.QCVN102_OUTBOUND_DOCUMENT
OUT_STATUS = SchemaName.QCVN102_OUTBOUND_STATUS
SPEC = SchemaName.QCVN102_SPECIFICATION
XSD_10 = [name for name in SchemaName if not name.is_specification]

DOCUMENT = f"""\
<edXML xmlns="{QCVN}">
 <e:edXMLEnvelope xmlns:e="{QCVN}">
  <e:edXMLHeader>
   <e:MessageHeader>
    <e:From><e:OrganId>000.00.00.G22</e:OrganId><e:OrganName>Bộ mẫu</e:OrganName></e:From>
    <e:To><e:OrganId>H53.13</e:OrganId></e:To>
    <e:To><e:OrganId>H53.14</e:OrganId></e:To>
    <e:DocumentId>G22-2026-000118</e:DocumentId>
    <e:Code><e:CodeNumber>12a</e:CodeNumber><e:CodeNotation>BM-VP</e:CodeNotation></e:Code>
    <e:PromulgationInfo><e:PromulgationDate>2026/03/02</e:PromulgationDate></e:PromulgationInfo>
    <e:Subject>V/v thử lược đồ</e:Subject>
    <e:OtherInfo><e:Priority>2</e:Priority></e:OtherInfo>
   </e:MessageHeader>
   <e:TraceHeaderList>
    <e:Bussiness><e:BussinessDocType>0</e:BussinessDocType></e:Bussiness>
   </e:TraceHeaderList>
  </e:edXMLHeader>
  <e:edXMLBody><e:edXMLManifest version="1.0">
   <e:Reference><e:ContentId>cid:1</e:ContentId></e:Reference>
  </e:edXMLManifest></e:edXMLBody>
 </e:edXMLEnvelope>
 <AttachmentEncoded><Attachment>
  <ContentId>cid:1</ContentId><e:ContentTransferEncoded xmlns:e="{QCVN}"/>
 </Attachment></AttachmentEncoded>
</edXML>"""

STATUS = f"""\
<edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLHeader><MessageHeader>
<From><OrganId>H53.13</OrganId></From>
<ResponseFor><OrganId>000.00.00.G22</OrganId><Code>12a/BM-VP</Code>
<DocumentId>G22-2026-000118</DocumentId></ResponseFor>
<StatusCode>02</StatusCode><Description>Sai nơi nhận</Description>
<Timestamp>2026/03/02 09:30:00</Timestamp>
</MessageHeader></edXMLHeader></edXMLEnvelope></edXML>"""

EDOC_HEADER = f"""\
<MessageHeader xmlns="{EDOC}">
<From><OrganId>H19.10</OrganId><OrganName>Sở mẫu</OrganName><OrganizationInCharge/><OrganAdd/>
<Email/><Telephone/><Fax/><Website/></From>
<To><OrganId>H19.11</OrganId><OrganName>Sở khác</OrganName><OrganAdd/><Email/><Telephone/><Fax/>
<Website/></To>
<Code><CodeNumber>7</CodeNumber><CodeNotation>SM-VP</CodeNotation></Code>
<PromulgationInfo><Place/><PromulgationDate>2015/09/30</PromulgationDate></PromulgationInfo>
<DocumentType><Type>2</Type><TypeName>Công văn</TypeName></DocumentType>
<Subject>V/v thử</Subject><Content/>
<SignerInfo><Competence/><Position/><FullName>Nguyễn Văn A</FullName></SignerInfo>
<DueDate/><ToPlaces/>
<OtherInfo><Priority>0</Priority><SphereOfPromulgation/><TyperNotation/>
<PromulgationAmount>0</PromulgationAmount><PageAmount>0</PageAmount><Appendixes/></OtherInfo>
</MessageHeader>"""


def tree(text: str) -> etree._Element:
    return etree.fromstring(text.encode())


def told(problems: tuple[Problem, ...]) -> dict[str, str]:
    return {p.path.removeprefix("/edXML/edXMLEnvelope/"): p.value for p in problems}


def test_every_message_schema_of_the_folder_has_a_name() -> None:
    """No schema file is forgotten by the catalogue, and no name lacks its file."""
    folder = files("bus.resources") / "schemas"
    with_names = {
        f"{family.name}/{version.name}/{file.name.removesuffix('.xsd')}"
        for family in folder.iterdir()
        if family.is_dir() and family.name != "exchange"
        for version in family.iterdir()
        for file in version.iterdir()
        # What a service asks and answers around a message is no format of messages.
        if file.name.endswith(".xsd") and file.name != "service.xsd"
    }
    assert with_names == {name.value for name in SchemaName}


@pytest.mark.parametrize("name", SchemaName)
def test_no_schema_points_outside(name: SchemaName) -> None:
    """A schema imports and includes nothing, so that nothing is ever fetched."""
    schema = etree.fromstring(catalogue.source(name))
    assert [e for e in schema if e.tag in {f"{XS}import", f"{XS}include", f"{XS}redefine"}] == []


@pytest.mark.parametrize("name", [IN, SPEC, OUT])
def test_a_plain_document_is_valid(name: SchemaName) -> None:
    """One document in the SDK's order passes all schemas, its attachment text taken out."""
    assert validate(tree(DOCUMENT), name) == ()


@pytest.mark.parametrize("name", [IN, SPEC, OUT_STATUS])
def test_a_plain_status_is_valid(name: SchemaName) -> None:
    """One status in the SDK's order passes all schemas."""
    assert validate(tree(STATUS), name) == ()


def test_document_and_status_are_kept_apart_on_the_way_out() -> None:
    """Neither outbound schema takes the other kind of message."""
    assert validate(tree(STATUS), OUT)
    assert validate(tree(DOCUMENT), OUT_STATUS)


def test_what_the_field_sends_is_read() -> None:
    """Empty leaves, any order, any prefix, legacy signatures and attributes are all accepted."""
    message = tree(
        f"""<q:edXML xmlns:q="{QCVN}" xmlns:xlink="http://www.w3.org/1999/xlink"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
        <q:AttachmentEncoded><q:Attachment><q:ContentTransferEncoded/></q:Attachment>
        </q:AttachmentEncoded>
        <q:edXMLEnvelope><q:edXMLBody><q:edXMLManifest>
        <q:Reference xlink:href="cid:1" xlink:role="XLinkRole" xlink:type="simple"/>
        </q:edXMLManifest></q:edXMLBody><q:edXMLHeader>
        <q:DigitalSignature/><Signature xmlns="{QCVN}"><SignedInfo><Any/>text</SignedInfo></Signature>
        <ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:Odd/></ds:Signature>
        <q:TraceHeaderList id="a" version="1.0" mustUnderstand="1" actor="next">
        <q:Bussiness><q:Paper/></q:Bussiness><q:TraceHeader/></q:TraceHeaderList>
        <q:MessageHeader><q:Subject/><q:ResponseFor/><q:DueDate xsi:nil="true"/><q:To/><q:From/>
        <q:OtherInfo><q:ReferenceCodes>một mã</q:ReferenceCodes></q:OtherInfo></q:MessageHeader>
        </q:edXMLHeader></q:edXMLEnvelope></q:edXML>"""
    )
    assert validate(message, IN) == ()


def test_an_unknown_element_is_passed_over_but_nothing_beside_it() -> None:
    """Vendor extensions do not refuse a message (E20), other violations beside them do."""
    broken = tree(
        DOCUMENT.replace("<e:To>", "<e:Mau><e:A/></e:Mau><e:To>", 1).replace(
            "<e:CodeNumber>12a", "<e:CodeNumber><e:B/>12a"
        )
    )
    assert [e.tag for e in catalogue.unknown_elements(broken, IN)] == [f"{{{QCVN}}}Mau"]
    (found,) = validate(broken, IN)
    assert found.path.endswith("/MessageHeader/Code/CodeNumber")
    assert found.line == 9
    assert len(broken.findall(f".//{{{QCVN}}}Mau")) == 1


def test_text_after_an_unknown_element_is_still_seen() -> None:
    """Passing over an element does not hide the stray text that follows it."""
    broken = tree(DOCUMENT.replace("<e:To>", "<e:Mau/>lạc<e:To>", 1))
    (found,) = validate(broken, IN)
    assert found.path.endswith("/MessageHeader")


def test_every_violation_is_told_with_place_value_and_form() -> None:
    """All errors of a document come at once, each with path, line, value and what was expected."""
    broken = tree(
        DOCUMENT.replace("2026/03/02", "02/03/2026")
        .replace("<e:Priority>2", "<e:Priority>9")
        .replace("H53.14", " ")
        .replace("<e:BussinessDocType>0", "<e:BussinessDocType>mới")
        .replace("<e:edXMLBody>", '<e:edXMLBody lang="vi">')
    )
    problems = validate(broken, OUT)
    head = "edXMLHeader/MessageHeader"
    assert told(problems) == {
        f"{head}/To[2]/OrganId": "",
        f"{head}/PromulgationInfo/PromulgationDate": "02/03/2026",
        f"{head}/OtherInfo/Priority": "9",
        "edXMLHeader/TraceHeaderList/Bussiness/BussinessDocType": "mới",
        "edXMLBody": "lang",
    }
    expected = {p.path.rpartition("/")[2]: p.expected for p in problems}
    assert expected["PromulgationDate"] == "yyyy/MM/dd"
    assert expected["Priority"] == "at most 4"
    assert [p.line for p in problems] == [7, 10, 12, 15, 18]
    assert {(p.rule, p.severity) for p in problems} == {("XSD", Severity.REJECT)}
    assert all(p.message and p.message_vi and p.hint and p.hint_vi for p in problems)
    assert "{http" not in "".join(p.message + p.message_vi + p.expected for p in problems)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("<e:DocumentId>G22-2026-000118</e:DocumentId>", "", "To, DocumentId"),
        ("<e:PromulgationDate>2026/03/02</e:PromulgationDate>", "", "Place, PromulgationDate"),
        ("12a", "1" * 111, "at most 110 characters"),
        ("<e:Code>", "<e:Code>chữ", "elements only"),
        ("12a", "<e:X/>", "text only"),
        ("<e:Priority>2", "<e:Priority>-1", "at least 0"),
        ("<e:Priority>2", "<e:Priority>2.5", "0 to 4"),
    ],
)
def test_each_kind_of_violation_says_what_should_stand_there(
    old: str, new: str, expected: str
) -> None:
    """The expected form is read from the schema, in words without namespaces."""
    assert expected in [p.expected for p in validate(tree(DOCUMENT.replace(old, new, 1)), OUT)]


def test_a_status_code_out_of_the_list_is_told_with_the_list() -> None:
    """07 is refused and the nine codes are named."""
    (found,) = validate(tree(STATUS.replace(">02<", ">07<")), OUT_STATUS)
    assert found.expected == "01, 02, 03, 04, 05, 06, 13, 15, 16"


def test_a_crowd_of_errors_is_cut_short() -> None:
    """Five thousand children are looked at, one more is refused as such, without a list of errors."""
    crowd = tree(DOCUMENT)
    head = crowd.find(f".//{{{QCVN}}}MessageHeader")
    assert head is not None
    for _ in range(catalogue.MOST_CHILDREN - len(head)):
        etree.SubElement(head, f"{{{QCVN}}}To")
    assert validate(crowd, IN) == ()
    etree.SubElement(etree.SubElement(head, f"{{{QCVN}}}Subject"), "wrong")
    (found,) = validate(crowd, IN)
    assert found.path.endswith("/edXMLHeader/MessageHeader")
    assert (found.value, found.expected) == ("5001", "at most 5000 children")


def test_a_foreign_root_is_refused() -> None:
    """A document of another format is told so at its root."""
    (found,) = validate(tree("<EdXML xmlns='http://www.go.vn/eDoc'/>"), IN)
    assert (found.path, found.line) == ("/EdXML", 1)


def test_lines_beyond_sixteen_bits_are_right() -> None:
    """A violation on line 70,006 is told on that line."""
    far = DOCUMENT.replace(" <e:edXMLEnvelope", "\n" * 70_000 + " <e:edXMLEnvelope", 1)
    (found,) = validate(tree(far.replace("<e:OrganId>H53.13", "<e:OrganId> <e:X/>")), IN)
    assert found.line == 70_006
    (found,) = validate(tree(far.replace("<e:OrganId>H53.13", "<e:OrganId><e:X/>")), IN)
    assert found.line in range(70_000, 70_007)


def test_the_bus_may_add_its_mark_and_signature_at_the_end_of_the_header() -> None:
    """Outbound messages may end their header with foreign elements, and only the header."""
    mark = '<m:Original xmlns:m="urn:lienthong:rendering:1"/>'
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>'
    end = "</e:edXMLHeader>"
    assert validate(tree(DOCUMENT.replace(end, mark + signature + end)), OUT) == ()
    assert validate(
        tree(DOCUMENT.replace("<e:TraceHeaderList>", mark + "<e:TraceHeaderList>")), OUT
    )
    assert (
        validate(tree(STATUS.replace("</edXMLHeader>", signature + "</edXMLHeader>")), OUT_STATUS)
        == ()
    )


def test_the_specification_tells_its_findings_too() -> None:
    """The XSD 1.1 engine's errors carry the sender's path, line and value."""
    broken = DOCUMENT.replace("<e:Subject>V/v thử lược đồ</e:Subject>", "").replace(
        "2026/03/02", "2/3/2026"
    )
    found = {p.path.rpartition("/")[2]: p for p in validate(tree(broken), SPEC)}
    assert set(found) == {"MessageHeader", "PromulgationDate"}
    assert (found["PromulgationDate"].value, found["PromulgationDate"].line) == ("2/3/2026", 10)


@pytest.mark.parametrize(
    "name", [SchemaName.EDOC_INBOUND, SchemaName.EDOC_OUTBOUND, SchemaName.EDOC_SPECIFICATION]
)
def test_the_older_format_validates_block_by_block(name: SchemaName) -> None:
    """Each block of an eDoc 1.0 message is a root of its own."""
    blocks = [
        EDOC_HEADER,
        f'<ErrorList xmlns="{EDOC}"/>',
        f"""<TraceHeaderList xmlns="{EDOC}"><TraceHeader><OrganId>H19.10</OrganId>
        <Timestamp>2015/09/30 08:15:00</Timestamp></TraceHeader></TraceHeaderList>""",
        f"""<Manifest xmlns="{EDOC}" xmlns:x="http://www.w3.org/1999/xlink" version="1.0">
        <Reference x:href="cid:7"><AttachmentName>7.pdf</AttachmentName></Reference></Manifest>""",
    ]
    assert [validate(tree(block), name) for block in blocks] == [()] * 4


def test_the_older_format_is_strict_only_on_the_way_out() -> None:
    """A tag the hub demands may lack inbound, never outbound."""
    lacking = tree(EDOC_HEADER.replace("<Content/>", "").replace("2015/09/30", "30/09/2015"))
    assert validate(lacking, SchemaName.EDOC_INBOUND) == ()
    assert validate(lacking, SchemaName.EDOC_OUTBOUND)
    assert validate(lacking, SchemaName.EDOC_SPECIFICATION)


def test_threads_do_not_mix_their_findings() -> None:
    """Four threads that validate different documents each get the errors of their own."""
    wrong: list[str] = []

    def work(mark: str) -> None:
        broken = tree(DOCUMENT.replace("<e:Priority>2", f"<e:Priority>{mark}"))
        for _ in range(50):
            values = [p.value for p in validate(broken, OUT)]
            if values != [mark]:
                wrong.append(f"{mark}: {values}")

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(10, 14)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_document_schema_suits_old_code_generators() -> None:
    """Embedded in a WSDL it has one root, named types, sequences only and nothing mixed."""
    schema = etree.fromstring(catalogue.source(OUT))
    assert [e.get("name") for e in schema.findall(f"{XS}element")] == ["edXML"]
    for kind in schema.iter(f"{XS}complexType", f"{XS}simpleType"):
        assert kind.getparent() is schema
        assert kind.get("name", "")[0].isupper()
    used = {etree.QName(e).localname for e in schema.iter(etree.Element)}
    assert not used & {"choice", "all", "group", "union", "list", "extension", "redefine"}
    assert "mixed" not in {a for e in schema.iter(etree.Element) for a in e.attrib}


@pytest.mark.parametrize(("name", "status"), [(OUT, False), (OUT_STATUS, True)])
def test_outbound_lengths_are_ten_times_the_table(name: SchemaName, *, status: bool) -> None:
    """What the length rule refuses is exactly what the outbound schema refuses."""
    schema = etree.fromstring(catalogue.source(name))
    checked = 0
    for field, length in LENGTHS.items():
        part = field.split(".")[0]
        if part != "sender" and (part in {"staff", "response_for", "description"}) != status:
            continue
        path = edxml_path(field.replace("[]", "[0]"), status=status)
        cap = _cap(schema, path.replace("[1]", ""))
        loose = {"subject": 5000}
        assert cap == loose.get(field, length * TOLERANCE), field
        checked += 1
    assert checked > 10


def _cap(schema: etree._Element, path: str) -> int:
    """The maxLength of the leaf at a path, found by walking the types of the schema."""
    kind = schema.find(f"{XS}element[@name='edXML']").get("type", "").partition(":")[2]  # type: ignore[union-attr]
    for step in path.split("/")[2:]:
        inner = schema.find(f"{XS}complexType[@name='{kind}']//{XS}element[@name='{step}']")
        assert inner is not None, path
        kind = inner.get("type", "").partition(":")[2]
    facet = schema.find(f"{XS}simpleType[@name='{kind}']//{XS}maxLength")
    assert facet is not None, path
    return int(facet.get("value", ""))


names = st.sampled_from(["a", "b", "To"])
spaces = st.sampled_from(["", QCVN])
elements = st.recursive(
    st.tuples(spaces, names, st.just([])),
    lambda inner: st.tuples(spaces, names, st.lists(inner, max_size=4)),
    max_leaves=15,
)


@given(elements, st.booleans())
@settings(max_examples=100, deadline=None)
def test_paths_agree_with_each_other_and_with_libxml2(
    shape: tuple[str, str, list[object]], prefixed: bool
) -> None:
    """One element's path equals its path in the table, and the log's paths are libxml2's own."""
    root = _build(shape, {"p": QCVN} if prefixed else {None: QCVN})
    paths = element_paths(root)
    assert paths == {e: element_path(e) for e in root.iter()}
    assert len(set(paths.values())) == len(paths)
    whole = root.getroottree()
    nodes, stranger = node_paths(root), etree.Element("stranger")
    assert all(nodes.get(whole.getpath(e), stranger) is e for e in root.iter())
    assert nodes.get(whole.getpath(root) + "/none", stranger) is stranger


def _build(
    shape: tuple[str, str, list[object]],
    prefixes: dict[str | None, str],
    parent: etree._Element | None = None,
) -> etree._Element:
    space, name, inner = shape
    tag = f"{{{space}}}{name}" if space else name
    element = (
        etree.Element(tag, nsmap=prefixes)
        if parent is None
        else etree.SubElement(parent, tag, nsmap=prefixes)
    )
    for child in inner:
        _build(child, prefixes, element)  # type: ignore[arg-type]
    return element


def test_paths_count_only_where_a_name_repeats() -> None:
    """The second To is To[2], the only From is From, whatever their prefixes."""
    message = tree(DOCUMENT.replace("<e:To>", "<To>", 1).replace("</e:To>", "</To>", 1))
    found = [element_path(e).rpartition("/")[2] for e in message.iter("{*}From", "{*}To")]
    assert found == ["From", "To[1]", "To[2]"]


def _skeletons(folder: Path) -> list[etree._Element]:
    trees = []
    for file in sorted(folder.glob("*.edxml")):
        raw = file.read_bytes()
        skeleton = etree.fromstring(raw[raw.index(b"<") :])
        for payload in skeleton.iter(f"{{{QCVN}}}ContentTransferEncoded"):
            payload.text = None
        trees.append(skeleton)
    return trees


def test_published_samples_are_read(samples: Path) -> None:
    """Every sample of the axis SDK is valid inbound, and by the specification but its signature."""
    trees = _skeletons(samples / "vxp-sdk")
    assert len(trees) >= 13
    for skeleton in trees:
        assert validate(skeleton, IN) == ()
        # Samples sign in the format's own namespace, which is no XML signature (rule E19).
        for signature in skeleton.findall(f".//{{{QCVN}}}Signature"):
            signature.getparent().remove(signature)  # type: ignore[union-attr]
        assert validate(skeleton, SPEC) == ()
