"""Render: the recipient's dialect, or the sender's own bytes where the dialect is the same."""

from __future__ import annotations

from bus import errors
from bus.edxml import provenance
from bus.journey.states import Rendered
from bus.model import Agency, AgencyState, Delivery, Kind, Rendering
from bus.ports import Dialects, Directory, MessageStore, Signer


def render(
    delivery: Delivery,
    store: MessageStore,
    directory: Directory,
    dialects: Dialects,
    signer: Signer,
) -> Rendered:
    """Put one delivery into its recipient's dialect; a signed document is never edited.

    Raises NotAuthorised RTE-003 or RTE-006 when the recipient cannot be served as registered,
    DeliveryRefused DLV-005 when the dialect cannot say it.
    """
    recipient = _recipient(delivery, directory)
    rendering = render_as(delivery, recipient.dialect or "", store, dialects, signer)
    return Rendered(delivery=delivery, recipient=recipient, rendering=rendering)


def render_as(
    delivery: Delivery, dialect: str, store: MessageStore, dialects: Dialects, signer: Signer
) -> Rendering:
    """The message of a delivery in a named dialect, made and signed once per dialect."""
    if delivery.kind is Kind.NOTICE or dialect == delivery.dialect:
        return Rendering(dialect=delivery.dialect, content=store.body(delivery.message_id))
    kept = store.rendering(delivery.message_id, dialect)
    if kept is None:
        kept = _translated(delivery, dialect, store, dialects, signer)
        store.keep_rendering(delivery.message_id, kept)
    return kept


def _recipient(delivery: Delivery, directory: Directory) -> Agency:
    recipient = directory.find(delivery.recipient)
    if recipient is None or recipient.dialect is None:
        raise errors.NotAuthorised(delivery.recipient, code="RTE-006", stage="render")
    if recipient.state is AgencyState.LOCKED:
        raise errors.NotAuthorised(delivery.recipient, code="RTE-003", stage="render")
    return recipient


def _translated(
    delivery: Delivery, dialect: str, store: MessageStore, dialects: Dialects, signer: Signer
) -> Rendering:
    source = dialects.get(delivery.dialect)
    target = dialects.get(dialect)
    try:
        message = source.read(source.parse(store.body(delivery.message_id))).message
        written = target.write(message)
    except errors.Rejected as error:
        raise errors.DeliveryRefused(error.message, code="DLV-005", stage="render") from error
    origin = provenance.Origin(
        message_id=delivery.message_id,
        sender=delivery.sender,
        dialect=delivery.dialect,
        sha256=delivery.body_sha256,
    )
    content = provenance.mark(written.content, origin)
    if content is not written.content:
        # What is no edXML has a place for neither mark nor signature.
        content = signer.sign_document(content)
    return Rendering(
        dialect=dialect, content=content, content_type=written.content_type, original=False
    )
