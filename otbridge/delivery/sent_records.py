"""Records that wait in memory and may have been sent before.

A batch that goes back into the queue leaves it in other company. So each of its records carries the
mark itself, through whatever a queue does with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.delivery.batch import Batch, Entry

__all__ = ["SentRecord", "entries_to_keep", "may_have_been_sent"]


class SentRecord(bytes):
    """A framed record that a receiver may have, which has not said so."""

    __slots__ = ()


def entries_to_keep(batch: Batch) -> Sequence[Entry]:
    """Return the records of *batch* for waiting on, marked where it may have been sent."""
    if not batch.resent:
        return batch.entries
    return [(envelope, SentRecord(record)) for envelope, record in batch.entries]


def may_have_been_sent(entries: Sequence[Entry]) -> bool:
    """Return whether a record among *entries* is marked."""
    return any(type(record) is SentRecord for _, record in entries)
