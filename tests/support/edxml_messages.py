"""Messages of the canonical model for tests: Hypothesis strategies and small edXML bodies."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from bus import model
from bus.edxml import attachments

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
HEADER = "/edXML/edXMLEnvelope/edXMLHeader"
#: In the order a reader meets them: the innermost first.
EXTENSIONS = (
    model.Extension(
        parent=f"{HEADER}/MessageHeader/From",
        xml=b'<edXML:TaxCode xmlns:edXML="' + NAMESPACE.encode() + b'">0100000001</edXML:TaxCode>',
    ),
    model.Extension(
        parent=f"{HEADER}/MessageHeader",
        xml=b'<v:Room xmlns:v="urn:vendor:rooms"><plain>2&lt;3</plain></v:Room>',
    ),
    model.Extension(
        parent=f"{HEADER}/MessageHeader",
        xml=b'<Note xmlns="urn:vendor:notes"><b xmlns="">x</b></Note>',
    ),
    model.Extension(parent=HEADER, xml=b"<bare>1</bare>"),
)

CHARACTERS = st.one_of(
    st.sampled_from("ăâđêôơưĂĐƯ ảẫếộữỳ.,/-&<>\"'\t\n\r"),
    st.characters(
        min_codepoint=0x20, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"
    ),
)
TEXT = st.text(CHARACTERS, min_size=1, max_size=12).filter(lambda text: text.strip(" \t\r\n"))
LINE = st.text(
    st.characters(categories=("L", "N"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=10
)
SMALL = st.integers(min_value=-1, max_value=99_999)
DATES = st.dates()
#: Whole seconds, from the year 2 to the year 9999.
INSTANTS = st.integers(-62_100_000_000, 253_370_000_000).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def maybe(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """The value, or nothing said."""
    return st.none() | values


def several(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    """Up to three of them."""
    return st.lists(values, max_size=3).map(tuple)


def filled(cls: type, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """A record that says something: an empty element counts as absent."""
    return st.builds(cls, **fields).filter(lambda record: record != cls())


ORGANIZATIONS = st.builds(
    model.Organization,
    organ_id=LINE,
    in_charge=maybe(TEXT),
    name=maybe(TEXT),
    address=maybe(TEXT),
    email=maybe(TEXT),
    telephone=maybe(TEXT),
    fax=maybe(TEXT),
    website=maybe(TEXT),
)
REFERENCES = filled(
    model.Reference,
    organ_id=maybe(LINE),
    code=maybe(TEXT),
    issued_on=maybe(DATES),
    document_id=maybe(LINE),
)
STAFF = filled(
    model.Staff,
    department=maybe(TEXT),
    name=maybe(TEXT),
    mobile=maybe(TEXT),
    email=maybe(TEXT),
    department_id=maybe(TEXT),
    staff_id=maybe(TEXT),
)
OTHER = st.builds(
    model.OtherInfo,
    priority=maybe(st.integers(0, 4)),
    sphere=maybe(TEXT),
    typist=maybe(TEXT),
    copies=maybe(SMALL),
    pages=maybe(SMALL),
    appendixes=several(TEXT),
    is_directive=maybe(st.booleans()),
    reply_fors=several(TEXT),
    reference_codes=several(TEXT),
)
UPDATES = filled(
    model.UpdateInfo,
    document_changed=maybe(st.integers(0, 1)),
    receivers_changed=maybe(st.integers(0, 1)),
    receivers=several(
        filled(model.ReceiverChange, organ_id=maybe(LINE), kind=maybe(st.integers(0, 1)))
    ),
)
BUSINESS = filled(
    model.Business,
    document_id=maybe(LINE),
    action=maybe(st.integers(0, 3)),
    reason=maybe(TEXT),
    paper=maybe(st.integers(0, 1)),
    update=maybe(UPDATES),
    replacements=several(
        filled(model.Replacement, document_id=maybe(LINE), organ_ids=several(LINE))
    ),
    staff=maybe(STAFF),
)
NAMES = st.tuples(LINE, st.sampled_from(("", ".pdf", ".doc", ".txt", ".ký"))).map("".join)


@st.composite
def attachment(draw: st.DrawFn, content_id: str, *, zipped: bool) -> model.Attachment:
    """One file with digests that agree with its bytes and with our way of zipping."""
    content = draw(st.binary(max_size=60).filter(lambda data: not data.startswith(b"PK")))
    name = draw(NAMES)
    in_zip = zipped and draw(st.booleans())
    wire = attachments.pack(content, name) if in_zip else content
    return model.Attachment(
        content_id=content_id,
        name=name,
        content_type=draw(maybe(st.sampled_from(("application/pdf", "text/plain")))),
        description=draw(maybe(TEXT)),
        content=content,
        zipped=in_zip,
        wire_sha256=hashlib.sha256(wire).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        manifest=model.ManifestEntry(
            content_id=content_id,
            content_type=draw(maybe(LINE)),
            description=draw(maybe(TEXT)),
            name=draw(maybe(LINE)),
        ),
    )


@st.composite
def documents(draw: st.DrawFn, *, zipped: bool, extended: bool = True) -> model.Document:
    """A document with everything the strict schema demands and any choice of the rest."""
    ids = draw(st.lists(LINE, max_size=2, unique=True))
    chosen = draw(st.lists(st.booleans(), min_size=4, max_size=4)) if extended else [False] * 4
    return model.Document(
        sender=draw(ORGANIZATIONS),
        recipients=tuple(draw(st.lists(ORGANIZATIONS, min_size=1, max_size=3))),
        document_id=draw(TEXT),
        code=draw(filled(model.DocumentCode, number=maybe(TEXT), notation=maybe(TEXT))),
        promulgation=draw(st.builds(model.Promulgation, place=maybe(TEXT), issued_on=DATES)),
        document_type=draw(
            st.builds(
                model.DocumentType, category=maybe(SMALL), detail=maybe(SMALL), name=maybe(TEXT)
            )
        ),
        subject=draw(TEXT),
        content=draw(maybe(TEXT)),
        signer=draw(
            st.builds(
                model.Signer, competence=maybe(TEXT), position=maybe(TEXT), full_name=maybe(TEXT)
            )
        ),
        due_date=draw(maybe(DATES)),
        to_places=draw(several(TEXT)),
        other=draw(OTHER),
        response_for=draw(several(REFERENCES)),
        steering_type=draw(maybe(st.integers(0, 3))),
        task_codes=draw(several(TEXT)),
        application_type=draw(maybe(TEXT)),
        trace=draw(several(filled(model.TraceHop, organ_id=maybe(LINE), at=maybe(INSTANTS)))),
        business=draw(maybe(BUSINESS)),
        attachments=tuple(draw(attachment(item, zipped=zipped)) for item in ids),
        extensions=tuple(item for item, taken in zip(EXTENSIONS, chosen, strict=True) if taken),
    )


STATUSES = st.builds(
    model.StatusMessage,
    sender=ORGANIZATIONS,
    response_for=st.builds(
        model.Reference, organ_id=LINE, code=TEXT, issued_on=maybe(DATES), document_id=TEXT
    ),
    code=st.sampled_from(model.StatusCode),
    description=maybe(TEXT),
    at=INSTANTS,
    staff=maybe(STAFF),
)


def body(header: str, *, manifest: str = "", files: str = "", trace: str = "") -> bytes:
    """A small edXML message around the parts given; children are in the default namespace."""
    return (
        f'<edXML xmlns="{NAMESPACE}"><edXMLEnvelope><edXMLHeader>'
        f"<MessageHeader>{header}</MessageHeader>{trace}</edXMLHeader>"
        f"<edXMLBody><edXMLManifest>{manifest}</edXMLManifest></edXMLBody></edXMLEnvelope>"
        f"<AttachmentEncoded>{files}</AttachmentEncoded></edXML>"
    ).encode()
