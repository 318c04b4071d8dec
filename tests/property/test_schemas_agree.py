"""The three QCVN 102 schemas say the same thing, each in its own way.

For every XML tree t with root {QCVN}edXML:

    specification(t)  ⇔  inbound(t) ∧ counts(t) ∧ forms(t) ∧ tidy(t)
    outbound(t)       ⇔  specification(t) ∧ order(t)

where outbound means "the document or the status schema accepts t", counts = every child
stands as often as the grammar below demands, forms = every leaf has the lexical form of its
type and nothing else holds text, tidy = no attribute the standard lacks and no foreign element outside the end of the
header, order = children stand in the order of the SDK. It follows that outbound(t) ⇒
inbound(t). The right-hand sides are computed here without any schema.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from lxml import etree

from bus.edxml import catalogue
from bus.edxml.catalogue import SchemaName

QCVN = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
FOREIGN = "urn:example:foreign"
XLINK = "http://www.w3.org/1999/xlink"

#: type → children in the order of the SDK: name, type, and `!` 1, `?` 0..1, `*` 0..n, `+` 1..n.
SHARED = {
    "Org": "OrganId:required! OrganizationInCharge:text? OrganName:text? OrganAdd:text? "
    "Email:text? Telephone:text? Fax:text? Website:text?",
}
DOCUMENT = SHARED | {
    "Root": "edXMLEnvelope:Envelope! AttachmentEncoded:Files?",
    "Envelope": "edXMLHeader:Header! edXMLBody:Body?",
    "Header": "MessageHeader:Head! TraceHeaderList:Trace?",
    "Head": "From:Org! To:Org+ DocumentId:required! Code:Code! PromulgationInfo:Issue! "
    "DocumentType:Kind? Subject:required! Content:text? SignerInfo:Signer? DueDate:date? "
    "OtherInfo:Other? ResponseFor:Ref* SteeringType:int? ResponseForTask:Task? "
    "ApplicationType:text? ToPlaces:Places?",
    "Code": "CodeNumber:text? CodeNotation:text?",
    "Issue": "Place:text? PromulgationDate:date!",
    "Kind": "Type:int? TypeDetail:int? TypeName:text?",
    "Signer": "Competence:text? Position:text? FullName:text?",
    "Other": "Priority:priority? SphereOfPromulgation:text? TyperNotation:text? "
    "PromulgationAmount:int? PageAmount:int? ReplyFors:Replies? Direction:boolean? "
    "ReferenceCodes:Codes? Appendixes:Appendixes?",
    "Replies": "ReplyFor:text*",
    "Codes": "ReferenceCode:text*",
    "Appendixes": "Appendix:text*",
    "Ref": "OrganId:text? Code:text? PromulgationDate:date? DocumentId:text?",
    "Task": "TaskCode:text*",
    "Places": "Place:text*",
    "Trace": "TraceHeader:Hop* Bussiness:Business?",
    "Hop": "OrganId:text? Timestamp:instant?",
    "Business": "DocumentId:text? BussinessDocType:action? BussinessDocReason:text? Paper:int? "
    "BussinessDocumentInfo:Update? ReplacementInfoList:Replaced? StaffInfo:Staff?",
    "Update": "DocumentInfo:int? DocumentReceiver:int? ReceiverList:Receivers?",
    "Receivers": "Receiver:Receiver*",
    "Receiver": "OrganId:text? ReceiverType:int?",
    "Replaced": "ReplacementInfo:OneReplaced*",
    "OneReplaced": "DocumentId:text? OrganIdList:Holders?",
    "Holders": "OrganId:text*",
    "Staff": "Department:text? Staff:text? Email:text? Mobile:text? DepartmentId:text? StaffId:text?",
    "Body": "edXMLManifest:Manifest!",
    "Manifest": "Reference:Part*",
    "Part": "ContentId:text! ContentType:text? Description:text? AttachmentName:text?",
    "Files": "Attachment:File*",
    "File": "ContentId:text! AttachmentName:text? Description:text? ContentType:text? "
    "ContentTransferEncoded:base64!",
}
STATUS = SHARED | {
    "Root": "edXMLEnvelope:Envelope!",
    "Envelope": "edXMLHeader:Header!",
    "Header": "MessageHeader:Head!",
    "Head": "From:Org! ResponseFor:Ref! StaffInfo:Staff? StatusCode:status! Description:text? "
    "Timestamp:instant!",
    "Ref": "OrganId:required! Code:required! PromulgationDate:date? DocumentId:required!",
    "Staff": "Department:text? Staff:text? Mobile:text? Email:text? DepartmentId:text? StaffId:text?",
}
DAY = r"\d{4}/(0[1-9]|1[0-2])/(0[1-9]|[12]\d|3[01])"
FORMS = {
    "text": r"(?s).{0,100}",
    "required": r"(?s)\S(.{0,98}\S)?",
    "date": DAY,
    "instant": DAY + r" ([01]\d|2[0-3]):[0-5]\d:[0-5]\d",
    "int": r"[+-]?\d{1,9}",
    "priority": "[0-4]",
    "action": "[0-3]",
    "boolean": "true|false|0|1",
    "status": "0[1-6]|13|15|16",
    "base64": "([A-Za-z0-9+/]{4})*",
}
GOOD = {
    "text": ["", "Công văn", " hai  chữ "],
    "required": ["000.00.00.G22", " H53.13 "],
    "date": ["2020/10/30", "2014/02/30"],
    "instant": ["2018/09/28 00:00:00"],
    "int": ["0", " 7 ", "-1"],
    "priority": ["0", "4"],
    "action": ["0", "3"],
    "boolean": ["true", "0"],
    "status": ["01", "13", "16"],
    "base64": ["", "QUJD"],
}
ANY_VALUE = [
    "", " ", "x", "9", "-1", "07", "7.0", "99999999999", "30/10/2020", "2020/13/01", "2020/01/31",
    "2018/09/28 25:00:00", "2018/09/28 10:00", "true", "yes", "Q@@D", "d" * 6000,
]  # fmt: skip
ATTRIBUTES = {
    "edXMLManifest": {"version"},
    "TraceHeaderList": {"id", "version", "mustUnderstand", "actor"},
    "Reference": {f"{{{XLINK}}}href"},
}


@dataclass
class Node:
    """One element, free of any schema's idea of it."""

    name: str
    space: str = QCVN
    text: str = ""
    children: list[Node] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    def all(self) -> list[Node]:
        """The node and everything below it."""
        return [self, *(below for child in self.children for below in child.all())]


def rows(grammar: dict[str, str], kind: str) -> list[tuple[str, str, int, float]]:
    bounds = {"!": (1, 1), "?": (0, 1), "*": (0, float("inf")), "+": (1, float("inf"))}
    found = []
    for word in grammar[kind].split():
        name, _, rest = word.partition(":")
        low, high = bounds[rest[-1]]
        found.append((name, rest[:-1], low, high))
    return found


@st.composite
def good(draw: st.DrawFn, grammar: dict[str, str], name: str, kind: str) -> Node:
    """An element that breaks nothing, in the SDK's order."""
    if kind in GOOD:
        return Node(name, text=draw(st.sampled_from(GOOD[kind])))
    node = Node(name)
    for child, child_kind, low, high in rows(grammar, kind):
        for _ in range(draw(st.integers(low, min(high, low + 1)))):
            node.children.append(draw(good(grammar, child, child_kind)))
    if kind == "Header" and draw(st.booleans()):
        node.children.append(Node("Signature", space=FOREIGN))
    for attribute in sorted(ATTRIBUTES.get(name, ())):
        if draw(st.booleans()):
            node.attributes[attribute] = "1.0"
    return node


@st.composite
def trees(draw: st.DrawFn) -> Node:
    """A good message of either kind, then up to three things done to it."""
    root = draw(good(draw(st.sampled_from([DOCUMENT, STATUS])), "edXML", "Root"))
    for _ in range(draw(st.integers(0, 3))):
        mutate(draw, root)
    return root


def mutate(draw: st.DrawFn, root: Node) -> None:
    parents = [n for n in root.all() if n.children]
    parent = draw(st.sampled_from(parents or [root]))
    victim = draw(st.sampled_from(parent.children or [root]))
    match draw(
        st.sampled_from(["shuffle", "shuffle", "drop", "twice", "value", "stranger", "attribute"])
    ):
        case "shuffle":
            several = draw(st.sampled_from([n for n in parents if len(n.children) > 1] or [root]))
            several.children[:] = draw(st.permutations(several.children))
        case "drop" if victim is not root:
            parent.children[:] = [child for child in parent.children if child is not victim]
        case "twice" if victim is not root:
            parent.children.append(copy.deepcopy(victim))
        case "value":
            leaf = draw(st.sampled_from([n for n in root.all() if not n.children]))
            leaf.text = draw(st.sampled_from(ANY_VALUE))
        case "stranger":
            names = ["Subject", "StatusCode", "Timestamp", "To", "Unheard"]
            space = draw(st.sampled_from([QCVN, FOREIGN]))
            at = draw(st.integers(0, len(parent.children)))
            parent.children.insert(at, Node(draw(st.sampled_from(names)), space=space))
        case "attribute":
            victim.attributes[draw(st.sampled_from(["version", "zz"]))] = "1"


def xml(node: Node, parent: etree._Element | None = None) -> etree._Element:
    tag = f"{{{node.space}}}{node.name}"
    element = etree.Element(tag) if parent is None else etree.SubElement(parent, tag)
    element.text = node.text or None
    for name, value in node.attributes.items():
        element.set(name, value)
    for child in node.children:
        xml(child, element)
    return element


def grammar_of(root: Node) -> dict[str, str]:
    """A message with a StatusCode in its MessageHeader is a status, any other a document."""
    path = ["edXMLEnvelope", "edXMLHeader", "MessageHeader", "StatusCode"]
    nodes = [root]
    for step in path:
        nodes = [c for n in nodes for c in n.children if (c.space, c.name) == (QCVN, step)]
    return STATUS if nodes else DOCUMENT


def own(node: Node) -> list[Node]:
    return [child for child in node.children if child.space == QCVN]


def counts(grammar: dict[str, str], node: Node, kind: str = "Root") -> bool:
    if kind in FORMS:
        return True
    names = [child.name for child in own(node)]
    table = rows(grammar, kind)
    kinds = {name: child_kind for name, child_kind, _, _ in table}
    fit = all(low <= names.count(name) <= high for name, _, low, high in table)
    return (
        fit
        and set(names) <= set(kinds)
        and all(counts(grammar, child, kinds[child.name]) for child in own(node))
    )


def forms(grammar: dict[str, str], node: Node, kind: str = "Root") -> bool:
    """Assumes counts() holds."""
    if kind in FORMS:
        value = node.text if kind == "text" else " ".join(node.text.split())
        return re.fullmatch(FORMS[kind], value) is not None
    kinds = {name: child_kind for name, child_kind, _, _ in rows(grammar, kind)}
    return not node.text.strip() and all(
        forms(grammar, child, kinds[child.name]) for child in own(node)
    )


def tidy(root: Node) -> bool:
    for node in root.all():
        if node.space != QCVN:
            continue
        if not set(node.attributes) <= ATTRIBUTES.get(node.name, set()):
            return False
        if len(own(node)) < len(node.children) and node.name != "edXMLHeader":
            return False
    return True


def order(grammar: dict[str, str], node: Node, kind: str = "Root") -> bool:
    """Assumes counts() and tidy() hold."""
    if kind in FORMS:
        return True
    table = rows(grammar, kind)
    rank = {name: index for index, (name, _, _, _) in enumerate(table)}
    kinds = {name: child_kind for name, child_kind, _, _ in table}
    ranks = [rank[c.name] if c.space == QCVN else len(table) for c in node.children]
    return ranks == sorted(ranks) and all(order(grammar, c, kinds[c.name]) for c in own(node))


def accepts(name: SchemaName, tree: etree._Element) -> bool:
    """The bare schema; catalogue.validate() would pass over unknown elements."""
    if name.is_specification:
        return not catalogue.validate(tree, name)
    return bool(catalogue._schema(name).validate(tree))


@given(trees())
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_three_schemas_agree(root: Node) -> None:
    """Specification = inbound + counts + forms + tidy; outbound = specification + order."""
    tree, grammar = xml(root), grammar_of(root)
    inbound = accepts(SchemaName.QCVN102_INBOUND, tree)
    specification = accepts(SchemaName.QCVN102_SPECIFICATION, tree)
    outbound = any(
        accepts(name, tree)
        for name in (SchemaName.QCVN102_OUTBOUND_DOCUMENT, SchemaName.QCVN102_OUTBOUND_STATUS)
    )
    sound = inbound and counts(grammar, root) and tidy(root) and forms(grammar, root)
    event(f"inbound {inbound}, specification {specification}, outbound {outbound}")
    assert specification == sound, etree.tostring(tree, pretty_print=True).decode()
    assert outbound == (sound and order(grammar, root)), etree.tostring(tree).decode()
    assert inbound or not outbound


@given(st.sampled_from([DOCUMENT, STATUS]).flatmap(lambda g: good(g, "edXML", "Root")))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_the_grammar_writes_every_schema_accepts(root: Node) -> None:
    """A message written by the grammar in the SDK's order passes all schemas of its kind."""
    tree = xml(root)
    outbound = (
        SchemaName.QCVN102_OUTBOUND_STATUS
        if grammar_of(root) is STATUS
        else SchemaName.QCVN102_OUTBOUND_DOCUMENT
    )
    for name in (SchemaName.QCVN102_INBOUND, SchemaName.QCVN102_SPECIFICATION, outbound):
        assert catalogue.validate(tree, name) == ()
