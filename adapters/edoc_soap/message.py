"""A packed message taken apart: its blocks under today's names, the files' bytes out of the tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field

from lxml import etree

from adapters.edoc_soap.mapping import DRAFT_SPELLINGS, SPELLINGS
from bus.edxml import attachments
from bus.edxml.encodings import Coding, coding, root_at, wide_codec
from bus.edxml.paths import element_path, element_paths, line_of, local_name
from bus.edxml.rules import problem
from bus.envelope import edoc
from bus.errors import NotWellFormed, SchemaRejected

_HEAD = 16 * 1024
_ROOT = re.compile(rb"<(?:[\w.\-]+:)?Envelope\s(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
#: What stands around the files, outermost first; the draft spells it in small letters and leaves
#: out the outermost.
_AROUND_FILES = ("alldocument", "document", "attach")
#: What a Reference says, and what a file of the list does, each once.
_IN_REFERENCE = frozenset(
    edoc.tag(name) for name in ("AttachmentName", "ContentId", "ContentType", "Description")
)
_IN_FILE = frozenset({"name", "value"})
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One inline file; `content` is None when its text, beginning `start`, is no base64."""

    element: etree._Element
    content_id: str | None
    name: str | None
    content_type: str | None
    encoding: str
    content: bytes | None = field(repr=False)
    start: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The blocks of one message; `paths` are the sender's, whatever today's names are."""

    root: etree._Element
    header: etree._Element | None = None
    trace: etree._Element | None = None
    errors: etree._Element | None = None
    manifest: etree._Element | None = None
    status: etree._Element | None = None
    files: tuple[File, ...] = ()
    #: What stands in the body, in the manifest or in a file and has no place there.
    strays: tuple[etree._Element, ...] = ()
    paths: Mapping[etree._Element, str] = field(repr=False)
    #: Whether any spelling is one of the draft of 2013, whose tag list was another.
    is_draft: bool = False

    @property
    def blocks(self) -> tuple[etree._Element, ...]:
        """Every block there is, in the order of the envelope."""
        found = (self.header, self.trace, self.errors, self.manifest, self.status)
        return tuple(block for block in found if block is not None)


def is_edoc(body: bytes) -> bool:
    """Whether a body is a SOAP 1.1 envelope that speaks eDoc, told from its first kilobytes."""
    try:
        wide = coding(body) is Coding.UTF_16
    except NotWellFormed:
        return False
    head = body[: 2 * _HEAD] if wide else body[:_HEAD]
    if wide:
        head = head.decode(wide_codec(body), errors="replace").encode("utf-8", errors="replace")
    head = head.removeprefix("\ufeff".encode())
    root = _ROOT.match(head, root_at(head))
    return root is not None and edoc.SOAP.encode() in root[0] and edoc.NAMESPACE.encode() in head


def take_apart(root: etree._Element) -> Message:
    """Find the blocks of a parsed envelope, which is changed: files leave it, names become today's.

    Raises SchemaRejected with rule E02 when it is no envelope with a MessageHeader or a Status.
    """
    if root.tag != edoc.soap_tag("Envelope"):
        raise _unreadable(root, str(root.tag), edoc.soap_tag("Envelope"))
    paths = element_paths(root)
    head, body = (root.find(edoc.soap_tag(name)) for name in ("Header", "Body"))
    content = _content(body)
    blocks = {
        "header": _only("MessageHeader", head),
        "trace": _only("TraceHeaderList", head),
        "errors": _only("ErrorList", head),
        "manifest": _only("Manifest", content, body),
        "status": _only("Status", head, content, body),
    }
    _only("AllDocument", content, body)
    if (blocks["header"] is None) is (blocks["status"] is None):
        # Two messages in one: what was checked would not be what somebody reads.
        raise _unreadable(root, "", "MessageHeader | Status")
    files = _files(body if content is None else content)
    found = [block for block in blocks.values() if block is not None]
    drafts = [_rename(block) for block in found]
    strays = (
        *_beside(body, {*found, *(file.element for file in files)}),
        *_in_manifest(blocks["manifest"]),
        *(stray for one in files for stray in _others(one.element, _small_name, _IN_FILE)),
    )
    return Message(
        root=root, files=files, strays=strays, paths=paths, is_draft=any(drafts), **blocks
    )


def _content(body: etree._Element | None) -> etree._Element | None:
    found = (edoc.child(body, name) for name in (edoc.DOCUMENT_WRAPPER, edoc.STATUS_WRAPPER))
    return next((one for one in found if one is not None), None)


def _only(name: str, *homes: etree._Element | None) -> etree._Element | None:
    """The one block of a name in all places it may have; a second one could be read for the first."""
    tags = (edoc.tag(name), name)
    found = [one for home in homes if home is not None for one in home.iterchildren(*tags)]
    if len(found) > 1:
        raise _unreadable(found[1], f"{len(found)} × {name}", f"1 × {name}")
    return found[0] if found else None


def _beside(body: etree._Element | None, read: Set[etree._Element]) -> Iterator[etree._Element]:
    """What stands in the body or in an element around what is read, but is neither."""
    around = {above for one in read for above in one.iterancestors()}
    homes = [body] if body is not None else []
    while homes:
        for child in homes.pop():
            if child in around:
                homes.append(child)
            elif child not in read:
                yield child


def _in_manifest(manifest: etree._Element | None) -> Iterator[etree._Element]:
    for child in manifest if manifest is not None else ():
        if child.tag == edoc.tag("Reference"):
            yield from _others(child, lambda one: str(one.tag), _IN_REFERENCE)
        else:
            yield child


def _others(
    element: etree._Element, name_of: Callable[[etree._Element], str], known: Collection[str]
) -> Iterator[etree._Element]:
    """Children of other names, and further ones of a known name."""
    met: set[str] = set()
    for child in element:
        name = name_of(child)
        if name not in known or name in met:
            yield child
        met.add(name)


def _small_name(element: etree._Element) -> str:
    return local_name(element).lower()


def _rename(block: etree._Element) -> bool:
    """Put every element into eDoc's namespace under its name of today; True for one of the draft."""
    is_draft = False
    for element in block.iter(etree.Element):
        name, above = local_name(element), element.getparent()
        if element.tag not in {name, edoc.tag(name)}:
            continue
        around = local_name(above) if above is not None and element is not block else ""
        is_draft = is_draft or (around, name) in DRAFT_SPELLINGS
        element.tag = edoc.tag(SPELLINGS.get((around, name), name))
    return is_draft


def _files(home: etree._Element | None) -> tuple[File, ...]:
    if home is None:
        return ()
    homes = [home]
    for name in _AROUND_FILES:
        homes = [inner for one in homes for inner in _named(one, name)] or homes
    return tuple(_file(element) for one in homes for element in _named(one, "attachment"))


def _named(parent: etree._Element, name: str) -> list[etree._Element]:
    return [one for one in parent.iterchildren() if _small_name(one) == name]


def _file(element: etree._Element) -> File:
    attributes = {str(name).rpartition("}")[2].lower(): str(v) for name, v in element.items()}
    value = next(iter(_named(element, "value")), element)
    name = next((one.text for one in _named(element, "name")), None)
    text = value.text or ""
    # The tree's copy goes before the decoded one is made: bodies have tens of megabytes.
    value.text = None
    return File(
        element=element,
        content_id=attachments.strip_cid(attributes.get("content-id", "").strip("<>")) or None,
        name=name,
        content_type=attributes.get("content-type") or None,
        encoding=attributes.get("content-transfer-encoding", "base64").strip().lower(),
        content=attachments.decode(text),
        start=text[:_SHOWN],
    )


def _unreadable(element: etree._Element, value: str, expected: str) -> SchemaRejected:
    path, line = element_path(element), line_of(element)
    found = problem("E02", path=path, line=line, value=value, expected=expected)
    return SchemaRejected(f"{expected}?", path=path, line=line, problems=(found,))
