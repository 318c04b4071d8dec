"""The duplicate key against a model of it, with restarts in the middle."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.store_builders import new_message, query_of

from bus.config import StoreSettings
from bus.db import Database, open_database, schema
from bus.model import NewMessage

DOCUMENTS = st.sampled_from(["d1", "d2"])
CONTENTS = st.sampled_from(["a", "b"])
ACTIONS = st.sampled_from([0, 2])
RECIPIENTS = st.frozensets(st.sampled_from(["R1", "R2", "R3"]), min_size=1)
#: document, action, and the content where it belongs to the key
Key = tuple[str, int, str]


class DuplicatesModel(RuleBasedStateMachine):
    """Whatever is sent in whatever order, each recipient gets one message per key."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.settings = StoreSettings(
            url=f"sqlite:///{self.folder}/bus.sqlite3", bodies=self.folder / "b", inline_bytes=10
        )
        schema.upgrade(self.settings)
        self.database: Database = open_database(self.settings)
        self.accepted: dict[Key, list[NewMessage]] = {}
        self.requests: dict[str, frozenset[str]] = {}

    @rule(document=DOCUMENTS, content=CONTENTS, action=ACTIONS, recipients=RECIPIENTS)
    def send(self, document: str, content: str, action: int, recipients: frozenset[str]) -> None:
        """Send as the journey does: what is served already is left out."""
        key = (document, action, content if action == 2 else "")
        served = {code for m in self.accepted.get(key, []) for code in m.reserves}
        self.try_to_store(key, content, recipients, served=frozenset(recipients & served))

    @rule(document=DOCUMENTS, content=CONTENTS, action=ACTIONS, recipients=RECIPIENTS)
    def race(self, document: str, content: str, action: int, recipients: frozenset[str]) -> None:
        """Send as one that asked before the others were stored."""
        key = (document, action, content if action == 2 else "")
        self.try_to_store(key, content, recipients, served=frozenset())

    def try_to_store(
        self, key: Key, content: str, recipients: frozenset[str], *, served: frozenset[str]
    ) -> None:
        """Store, and expect what the model says."""
        document, action, _ = key
        message = new_message(
            *sorted(recipients),
            document_id=document,
            content=content,
            action=action,
            served=tuple(served),
        )
        earlier = self.accepted.setdefault(key, [])
        taken = {code for m in earlier for code in m.reserves}
        repeated = not message.reserves and any(
            not m.reserves and self.requests[m.message_id] == recipients for m in earlier
        )
        contradicts = any(m.content_digest != content for m in earlier)
        wanted = not (taken & set(message.reserves) or contradicts or repeated)
        query = query_of(message, keyed_by_content=action == 2)
        assert self.database.store.accept(message, query) is wanted
        if wanted:
            earlier.append(message)
            self.requests[message.message_id] = recipients
        else:
            assert self.database.store.message(message.message_id) is None

    @rule()
    def restart(self) -> None:
        """Close and open again in the middle."""
        self.database.close()
        self.database = open_database(self.settings)

    @invariant()
    def duplicates_are_those_of_the_model(self) -> None:
        """The store knows every accepted message with its whole request and first receipt."""
        for key, messages in self.accepted.items():
            document, action, content = key
            probe = new_message(document_id=document, action=action, content=content)
            query = query_of(probe, keyed_by_content=action == 2)
            known = self.database.store.duplicates(query)
            assert [k.message_id for k in known] == [m.message_id for m in messages]
            assert [k.recipients for k in known] == [self.requests[m.message_id] for m in messages]
            assert [k.receipt for k in known] == [m.receipt for m in messages]

    @invariant()
    def nobody_gets_a_message_twice(self) -> None:
        """Deliveries are exactly those that were accepted."""
        wanted = sum(len(m.deliveries) for each in self.accepted.values() for m in each)
        assert self.database.store.counts()["pending"] == wanted

    def teardown(self) -> None:
        """Leave nothing on the disk."""
        self.database.close()
        shutil.rmtree(self.folder)


DuplicatesModel.TestCase.settings = hypothesis_settings(
    max_examples=15, stateful_step_count=20, deadline=None
)
TestDuplicatesModel = DuplicatesModel.TestCase
