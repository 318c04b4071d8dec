"""Every table of the store; instants are whole microseconds UTC, codes are stored as they came.

The schema a database really has comes from `migrations`; a test keeps both equal.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
)

from bus.errors import Defect
from bus.model import DeliveryState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as whole microseconds since 1970 UTC so that both stores sort alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse an instant without a zone: its meaning would depend on the machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise Defect("an instant without a time zone reached the store")
        return (value - EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the instant back in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


#: SQLite counts rows itself only in a column that is INTEGER to the letter.
RowId = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

messages = Table(
    "messages",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("message_id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("dialect", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("document_id", String, nullable=False),
    Column("action", Integer, nullable=False),
    Column("content_digest", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("body_sha256", String, nullable=False),
    Column("body_size", BigInteger, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("correlation_id", String, nullable=False),
    Column("routes_version", Integer, nullable=False),
    Column("caller_agency", String),
    Column("caller_method", String, nullable=False),
    Column("remote", String, nullable=False),
    # What is read by people: subject and document id without accents and case.
    Column("folded", String, nullable=False),
    Column("verdicts", JSON, nullable=False),
    # Recipients the sender asked for, those served earlier included, copies left out.
    Column("requested", JSON, nullable=False),
    Column("receipt", JSON, nullable=False),
    Column("receipt_xml", LargeBinary, nullable=False),
)
Index("ix_messages_document", messages.c.document_id, messages.c.sender, messages.c.kind)
Index("ix_messages_sender", messages.c.sender, messages.c.id)

# Neither content nor file: the same bytes as the message's body.
bodies = Table(
    "bodies",
    metadata,
    Column("message", ForeignKey("messages.id"), primary_key=True),
    Column("part", String, primary_key=True),
    Column("sha256", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("content_type", String, nullable=False),
    Column("file", String),
    Column("content", LargeBinary),
)
Index(
    "ix_bodies_file",
    bodies.c.file,
    sqlite_where=bodies.c.file.is_not(None),
    postgresql_where=bodies.c.file.is_not(None),
)

renderings = Table(
    "renderings",
    metadata,
    Column("message", ForeignKey("messages.id"), primary_key=True),
    Column("dialect", String, primary_key=True),
    Column("original", Boolean, nullable=False),
    Column("sha256", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("content_type", String, nullable=False),
    Column("file", String),
    Column("content", LargeBinary),
)
Index(
    "ix_renderings_file",
    renderings.c.file,
    sqlite_where=renderings.c.file.is_not(None),
    postgresql_where=renderings.c.file.is_not(None),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("message", ForeignKey("messages.id"), nullable=False),
    Column("recipient", String, nullable=False),
    # As the sender asked for it, before any redirect; null for copies and notices.
    Column("requested", String),
    Column("kind", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("due_at", Instant, nullable=False),
    # When a worker may take it: `due_at`, or the end of the lease while one is held.
    Column("ready_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease", String),
    Column("row", Integer, nullable=False),
    Column("routes_version", Integer, nullable=False),
    Column("via", String),
    Column("copied", Boolean, nullable=False),
    Column("reason", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("message", "recipient"),
)


def in_state(state: DeliveryState) -> Any:
    """The state as a literal condition: a bound parameter would not use a partial index."""
    return deliveries.c.state == literal_column(f"'{state.value}'")


IS_PENDING = in_state(DeliveryState.PENDING)
IS_AVAILABLE = in_state(DeliveryState.AVAILABLE)
#: Named by every query that looks for what needs a person, so that finished rows cost nothing.
IS_NOT_DONE = deliveries.c.state != literal_column(f"'{DeliveryState.DONE.value}'")

Index(
    "ix_deliveries_ready",
    deliveries.c.priority,
    deliveries.c.ready_at,
    sqlite_where=IS_PENDING,
    postgresql_where=IS_PENDING,
)
Index(
    "ix_deliveries_mailbox",
    deliveries.c.recipient,
    deliveries.c.priority.desc(),
    deliveries.c.id,
    sqlite_where=IS_AVAILABLE,
    postgresql_where=IS_AVAILABLE,
)
Index(
    "ix_deliveries_open",
    deliveries.c.state,
    deliveries.c.id,
    sqlite_where=IS_NOT_DONE,
    postgresql_where=IS_NOT_DONE,
)
# For heartbeats: they must not look through everything that waits.
Index(
    "ix_deliveries_lease",
    deliveries.c.lease,
    sqlite_where=deliveries.c.lease.is_not(None),
    postgresql_where=deliveries.c.lease.is_not(None),
)
Index("ix_deliveries_recipient", deliveries.c.recipient, deliveries.c.message)

duplicate_keys = Table(
    "duplicate_keys",
    metadata,
    # As the query has it: for a status this is issuer, document, code and instant.
    Column("document_id", String, primary_key=True),
    Column("sender", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("action", Integer, primary_key=True),
    # The content digest where it belongs to the key, else "".
    Column("key_digest", String, primary_key=True),
    # Folded; the whole request behind "=" where others serve everybody it names.
    Column("recipient", String, primary_key=True),
    Column("message", ForeignKey("messages.id"), nullable=False),
    sqlite_with_rowid=False,
)

statuses = Table(
    "statuses",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("issuer", String, nullable=False),
    Column("document_id", String, nullable=False),
    Column("reporter", String, nullable=False),
    Column("code", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("description", String),
    Column("message_id", String, nullable=False),
    UniqueConstraint("document_id", "issuer", "reporter", "code", "at"),
)
Index("ix_statuses_message_id", statuses.c.message_id)

agencies = Table(
    "agencies",
    metadata,
    Column("code", String, primary_key=True),
    Column("folded", String, nullable=False, unique=True),
    Column("name", String, nullable=False),
    # Name without accents and case (đ → d), the same on every store.
    Column("name_folded", String, nullable=False),
    Column("parent", String),
    Column("state", String, nullable=False),
    Column("policy", JSON, nullable=False),
    Column("dialect", String),
    Column("channel", String),
    Column("address", String),
    Column("channel_options", JSON, nullable=False),
    Column("codes", JSON, nullable=False),
    Column("speaks_for", JSON, nullable=False),
    # The directory version of its last change.
    Column("version", BigInteger, nullable=False),
)
Index("ix_agencies_parent", agencies.c.parent)
Index("ix_agencies_version", agencies.c.version)

agency_codes = Table(
    "agency_codes",
    metadata,
    Column("folded", String, primary_key=True),
    Column("agency", String, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_agency_codes_agency", agency_codes.c.agency)

key_bindings = Table(
    "key_bindings",
    metadata,
    Column("fingerprint", String, primary_key=True),
    Column("agency", String, nullable=False),
    Column("certificate_der", LargeBinary, nullable=False),
    Column("subject", String, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("not_after", Instant, nullable=False),
    Column("bound_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)
Index("ix_key_bindings_agency", key_bindings.c.agency)

#: Numbers that only grow, by name (`directory`).
counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

routes_versions = Table(
    "routes_versions",
    metadata,
    Column("version", RowId, primary_key=True),
    Column("text", String, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("source", String, nullable=False),
    Column("note", String, nullable=False),
    Column("created_at", Instant, nullable=False),
)

routes_chunks = Table(
    "routes_chunks",
    metadata,
    Column("version", ForeignKey("routes_versions.version"), primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("rows", JSON, nullable=False),
)

#: One row: the version that routes now.
routes_active = Table(
    "routes_active",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", ForeignKey("routes_versions.version"), nullable=False),
    Column("activated_at", Instant, nullable=False),
)

nodes = Table(
    "nodes",
    metadata,
    Column("node", String, primary_key=True),
    Column("routes_version", Integer, nullable=False),
    Column("reported_at", Instant, nullable=False),
)

#: Append-only: triggers refuse UPDATE and DELETE.
audit = Table(
    "audit",
    metadata,
    Column("seq", RowId, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("event", String, nullable=False),
    Column("message_id", String),
    Column("agency", String),
    Column("correlation_id", String, nullable=False),
    Column("code", String, nullable=False),
    Column("detail", String, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_audit_message_id", audit.c.message_id)
