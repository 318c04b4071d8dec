"""The hashed index over the rows of a table: which rows can match, without reading the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bus.routing.reach import key
from bus.routing.row import Row

#: Parts of one key; no code, topic or term holds this character.
_JOINT = "\x1f"
#: Bits of an entry that hold the priorities; the row number stands above them.
_MASK_BITS = 5
_MASK = (1 << _MASK_BITS) - 1


class Index:
    """Entries by (recipient, sender, topic pattern).

    A look-up asks for every way of naming the recipient and the sender that the table
    uses at all, so its cost depends on the depth of the directory and not on the number
    of rows. Entries are whole numbers and keys are text: nothing in here costs the
    garbage collector a visit, which keeps a serving process free of pauses.
    """

    def __init__(self) -> None:
        self._recipients: set[str] = set()
        self._senders: set[str] = set()
        self._topics: set[str] = set()
        self._leaves: dict[str, tuple[int, ...]] = {}

    def __bool__(self) -> bool:
        """Whether it holds any row."""
        return bool(self._leaves)

    def add(self, row: Row, *, prune: bool) -> None:
        """Add a row; rows must come in table order.

        With `prune`, what an earlier row under the same key takes already is left out,
        so that a leaf never holds more than one entry per priority.
        """
        mask, senders = row.mask, [key(term) for term in row.sender]
        self._topics.add(row.topic)
        self._senders.update(senders)
        for recipient in map(key, row.recipient):
            self._recipients.add(recipient)
            for sender in senders:
                leaf = _JOINT.join((recipient, sender, row.topic))
                present = self._leaves.get(leaf, ())
                if not (prune and _covered(mask, present)):
                    self._leaves[leaf] = (*present, row.number << _MASK_BITS | mask)

    def candidates(
        self, recipients: Iterable[str], senders: Iterable[str], topics: Iterable[str]
    ) -> Iterator[tuple[int, int]]:
        """Number and priority mask of every row under these keys, in no order."""
        used_senders = [each for each in senders if each in self._senders]
        used_topics = [each for each in topics if each in self._topics]
        tails = [
            _JOINT.join(("", sender, topic)) for sender in used_senders for topic in used_topics
        ]
        for recipient in recipients:
            if recipient not in self._recipients:
                continue
            for tail in tails:
                for entry in self._leaves.get(recipient + tail, ()):
                    yield entry >> _MASK_BITS, entry & _MASK


def _covered(mask: int, present: tuple[int, ...]) -> bool:
    taken = 0
    for entry in present:
        taken |= entry & _MASK
    return mask & ~taken == 0
