"""The operations of eDoc 1.0: read the arguments, call, answer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote

from lxml import etree

from bus.edoc import EdocHub, Sent, Undelivered
from bus.edxml import dates
from bus.endpoints.edoc import packing, reports, requests
from bus.endpoints.edoc.packing import File
from bus.endpoints.edoc.reports import Entry, add, report
from bus.endpoints.edoc.requests import Asked
from bus.envelope import edoc
from bus.exchange import Call
from bus.model import Agency

_AGENCY = ("OrganizationInCharge", "OrganAdd", "Email", "Telephone", "Fax", "Website")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One request with what it travels on; `packed` is empty where no message was sent."""

    hub: EdocHub
    call: Call
    asked: Asked
    packed: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes into a reply: header blocks, one payload, and files beside or in it."""

    payload: etree._Element
    blocks: tuple[etree._Element, ...] = ()
    files: tuple[File, ...] = field(default=(), repr=False)

    @property
    def is_message(self) -> bool:
        """Whether it carries a document, which old clients expect in several parts."""
        return bool(self.blocks)


def send_document(asked: Invocation) -> Answer:
    """Accept one document; a repeat gets the same report."""
    requests.demand_message(asked.asked)
    sent = asked.hub.send_document(asked.call, asked.packed)
    root = new("SendDocumentResponse")
    report((), sent.correlation_id, parent=root)
    add(root, "DocumentId", sent.number)
    _add_recipients(root, sent)
    return Answer(payload=root)


def get_pending_document_ids(asked: Invocation) -> Answer:
    """List the numbers of the documents that wait."""
    root = new("GetPendingDocumentIdsResponse")
    listed = etree.SubElement(root, edoc.tag("DocumentIds"))
    for number in asked.hub.pending_documents(asked.call, asked.asked.agency):
        add(listed, "DocumentId", number)
    return Answer(payload=root)


def get_document(asked: Invocation) -> Answer:
    """Fetch one document whole: its blocks in the header, its files beside the envelope or in it."""
    number = requests.number(asked.asked)
    found = asked.hub.document(asked.call, asked.asked.agency, number)
    parts = packing.unpack(found.content)
    manifest = parts.manifest
    if manifest is None:
        manifest = etree.Element(edoc.tag("Manifest"), nsmap=edoc.PREFIXES)
    blocks = tuple(copy.deepcopy(block) for block in parts.blocks)
    _refer_to_all(manifest, parts.files)
    if asked.asked.old:
        return Answer(payload=manifest, blocks=blocks, files=parts.files)
    root = new("GetDocumentResponse")
    root.append(manifest)
    return Answer(payload=root, blocks=blocks, files=parts.files)


def confirm_received(asked: Invocation) -> Answer:
    """Take one document out of the pending ones; a repeat changes nothing."""
    number = requests.number(asked.asked)
    asked.hub.confirm_document(asked.call, asked.asked.agency, number)
    return reported("ConfirmReceived", (), asked.call)


def update_traces(asked: Invocation) -> Answer:
    """Accept one business status about a document."""
    requests.demand_message(asked.asked)
    asked.hub.update_traces(asked.call, asked.packed)
    return reported("UpdateTraces", (), asked.call)


def get_traces(asked: Invocation) -> Answer:
    """List the statuses that wait, and copies given up; all are given again until confirmed."""
    root = new("GetTracesResponse")
    listed = etree.SubElement(root, edoc.tag("Traces"))
    for trace in asked.hub.traces(asked.call, asked.asked.agency):
        status = packing.unpack(trace.content).status
        if status is not None:
            add(status, "TraceId", trace.number)
            listed.append(status)
    _add_undelivered(root, asked.hub.undelivered(asked.call, asked.asked.agency))
    return Answer(payload=root)


def confirm_traces(asked: Invocation) -> Answer:
    """Take statuses out of the waiting ones; each number that names none is told."""
    numbers = requests.trace_numbers(asked.asked)
    unknown = asked.hub.confirm_traces(asked.call, asked.asked.agency, numbers)
    found = tuple(
        Entry(
            code="M.TraceId", text=f"Không có trạng thái này. / There is no such status. [{number}]"
        )
        for number in unknown
    )
    return reported("ConfirmTraces", found, asked.call)


def check_permission(asked: Invocation) -> Answer:
    """Tell whether token and code are accepted."""
    asked.hub.check_permission(asked.call, asked.asked.agency)
    return reported("CheckPermission", (), asked.call)


def get_organizations(asked: Invocation) -> Answer:
    """List the agencies that can be sent to."""
    root = new("GetOrganizationsResponse")
    listed = etree.SubElement(root, edoc.tag("Organizations"))
    for agency in asked.hub.organizations(asked.call):
        _add_organization(listed, agency)
    return Answer(payload=root)


#: Every operation by name.
RUN: MappingProxyType[str, Callable[[Invocation], Answer]] = MappingProxyType(
    {
        "SendDocument": send_document,
        "GetPendingDocumentIds": get_pending_document_ids,
        "GetDocument": get_document,
        "ConfirmReceived": confirm_received,
        "UpdateTraces": update_traces,
        "GetTraces": get_traces,
        "ConfirmTraces": confirm_traces,
        "CheckPermission": check_permission,
        "GetOrganizations": get_organizations,
    }
)


def reported(operation: str, found: Iterable[Entry], call: Call) -> Answer:
    """The answer that is a report and nothing else."""
    root = new(f"{operation}Response")
    reports.report(tuple(found), call.correlation_id, parent=root)
    return Answer(payload=root)


def new(name: str) -> etree._Element:
    """A fresh payload."""
    return etree.Element(edoc.tag(name), nsmap={"edXML": edoc.NAMESPACE, "xlink": edoc.XLINK})


def _add_recipients(root: etree._Element, sent: Sent) -> None:
    listed = etree.SubElement(root, edoc.tag("Recipients"))
    for recipient in sent.receipt.recipients:
        element = etree.SubElement(listed, edoc.tag("Recipient"))
        add(element, "OrganId", recipient.recipient)
        add(element, "State", recipient.state.value)
        if recipient.reason:
            add(element, "Reason", recipient.reason)


def _add_undelivered(root: etree._Element, found: Iterable[Undelivered]) -> None:
    """What no status tells: copies the bus gave up. Absent where there are none."""
    for one in found:
        element = etree.SubElement(root, edoc.tag("Undelivered"))
        add(element, "DocumentId", one.document_id)
        add(element, "OrganId", one.recipient)
        add(element, "Reason", one.reason)
        add(element, "Timestamp", dates.write_instant(one.at))
        add(element, "TraceId", one.number)


def _add_organization(listed: etree._Element, agency: Agency) -> None:
    element = etree.SubElement(listed, edoc.tag("Organization"))
    add(element, "OrganId", agency.code)
    add(element, "OrganName", agency.name)
    for name in _AGENCY:
        add(element, name, "")


def _named(link: str, names: Collection[str]) -> str:
    """The name in the reply of the file that a link means, percent-encoded (RFC 2392 §2) or not."""
    found = [packing.safe_id(one) for one in (link, unquote(link))]
    return next((one for one in found if one in names), found[0])


def _refer_to_all(manifest: etree._Element, files: Collection[File]) -> None:
    """Refer to every file by the name it has in the reply; the draft's inline files had none."""
    names, known = {file.content_id for file in files}, set()
    for reference in manifest.iter(edoc.tag("Reference"), "Reference"):
        for name, value in reference.items():
            if str(name).rpartition("}")[2] == "href":
                content_id = _named(packing.bare_cid(str(value)), names)
                reference.set(str(name), f"cid:{content_id}")
                known.add(content_id)
    for file in files:
        if file.content_id not in known:
            reference = etree.SubElement(manifest, edoc.tag("Reference"))
            reference.set(f"{{{edoc.XLINK}}}href", f"cid:{file.content_id}")
            add(reference, "AttachmentName", file.name)
