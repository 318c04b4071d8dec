"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    _create_messages()
    _create_bodies()
    _create_renderings()
    _create_statuses()
    _create_duplicate_keys()
    _create_deliveries()
    _create_agencies()
    _create_agency_codes()
    _create_key_bindings()
    _create_counters()
    _create_routes()
    _create_audit()
    _protect_audit()


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("dialect", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("action", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("body_size", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("routes_version", sa.Integer(), nullable=False),
        sa.Column("caller_agency", sa.String(), nullable=True),
        sa.Column("caller_method", sa.String(), nullable=False),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("verdicts", sa.JSON(), nullable=False),
        sa.Column("requested", sa.JSON(), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.Column("receipt_xml", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("message_id", name=op.f("uq_messages_message_id")),
    )
    op.create_index(
        "ix_messages_document", "messages", ["document_id", "sender", "kind"], unique=False
    )
    op.create_index("ix_messages_sender", "messages", ["sender", "id"], unique=False)


def _create_bodies() -> None:
    op.create_table(
        "bodies",
        sa.Column("message", ROW_ID, nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_bodies_message")),
        sa.PrimaryKeyConstraint("message", "part", name=op.f("pk_bodies")),
    )
    op.create_index(
        "ix_bodies_file",
        "bodies",
        ["file"],
        unique=False,
        sqlite_where=sa.text("file IS NOT NULL"),
        postgresql_where=sa.text("file IS NOT NULL"),
    )


def _create_renderings() -> None:
    op.create_table(
        "renderings",
        sa.Column("message", ROW_ID, nullable=False),
        sa.Column("dialect", sa.String(), nullable=False),
        sa.Column("original", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_renderings_message")),
        sa.PrimaryKeyConstraint("message", "dialect", name=op.f("pk_renderings")),
    )
    op.create_index(
        "ix_renderings_file",
        "renderings",
        ["file"],
        unique=False,
        sqlite_where=sa.text("file IS NOT NULL"),
        postgresql_where=sa.text("file IS NOT NULL"),
    )


def _create_statuses() -> None:
    op.create_table(
        "statuses",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("reporter", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statuses")),
        sa.UniqueConstraint(
            "document_id",
            "issuer",
            "reporter",
            "code",
            "at",
            name=op.f("uq_statuses_document_id_issuer_reporter_code_at"),
        ),
    )
    op.create_index("ix_statuses_message_id", "statuses", ["message_id"], unique=False)


def _create_duplicate_keys() -> None:
    op.create_table(
        "duplicate_keys",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("action", sa.Integer(), nullable=False),
        sa.Column("key_digest", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("message", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["message"], ["messages.id"], name=op.f("fk_duplicate_keys_message")
        ),
        sa.PrimaryKeyConstraint(
            "document_id",
            "sender",
            "kind",
            "action",
            "key_digest",
            "recipient",
            name=op.f("pk_duplicate_keys"),
        ),
        sqlite_with_rowid=False,
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("message", ROW_ID, nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("requested", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("routes_version", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(), nullable=True),
        sa.Column("copied", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"], name=op.f("fk_deliveries_message")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("message", "recipient", name=op.f("uq_deliveries_message_recipient")),
    )
    op.create_index(
        "ix_deliveries_lease",
        "deliveries",
        ["lease"],
        unique=False,
        sqlite_where=sa.text("lease IS NOT NULL"),
        postgresql_where=sa.text("lease IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_mailbox",
        "deliveries",
        ["recipient", sa.literal_column("priority DESC"), "id"],
        unique=False,
        sqlite_where=sa.text("state = 'available'"),
        postgresql_where=sa.text("state = 'available'"),
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["state", "id"],
        unique=False,
        sqlite_where=sa.text("state != 'done'"),
        postgresql_where=sa.text("state != 'done'"),
    )
    op.create_index(
        "ix_deliveries_ready",
        "deliveries",
        ["priority", "ready_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_deliveries_recipient", "deliveries", ["recipient", "message"], unique=False)


def _create_agencies() -> None:
    op.create_table(
        "agencies",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_folded", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("dialect", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("channel_options", sa.JSON(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("speaks_for", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_agencies")),
        sa.UniqueConstraint("folded", name=op.f("uq_agencies_folded")),
    )
    op.create_index("ix_agencies_parent", "agencies", ["parent"], unique=False)
    op.create_index("ix_agencies_version", "agencies", ["version"], unique=False)


def _create_agency_codes() -> None:
    op.create_table(
        "agency_codes",
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("folded", name=op.f("pk_agency_codes")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_agency_codes_agency", "agency_codes", ["agency"], unique=False)


def _create_key_bindings() -> None:
    op.create_table(
        "key_bindings",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("certificate_der", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("bound_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_key_bindings")),
    )
    op.create_index("ix_key_bindings_agency", "key_bindings", ["agency"], unique=False)


def _create_counters() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )


def _create_routes() -> None:
    op.create_table(
        "routes_versions",
        sa.Column("version", ROW_ID, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_routes_versions")),
    )
    op.create_table(
        "routes_chunks",
        sa.Column("version", ROW_ID, nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["routes_versions.version"], name=op.f("fk_routes_chunks_version")
        ),
        sa.PrimaryKeyConstraint("version", "chunk", name=op.f("pk_routes_chunks")),
    )
    op.create_table(
        "routes_active",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", ROW_ID, nullable=False),
        sa.Column("activated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["routes_versions.version"], name=op.f("fk_routes_active_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes_active")),
    )
    op.create_table(
        "nodes",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("routes_version", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_nodes")),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", ROW_ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("agency", sa.String(), nullable=True),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_message_id", "audit", ["message_id"], unique=False)


def _protect_audit() -> None:
    """What happened stays as it was written: rows are added, never changed or removed."""
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END"
        )
    # REPLACE removes a row without asking the trigger on DELETE.
    op.execute(
        "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit "
        "WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq) "
        "BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END"
    )
