"""What the hub and the process that writes its store say to each other, pickled, over a socket.

Both are of the same installation, and nobody else holds the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from otbridge.errors import StoreError
    from otbridge.hub.store.vocabulary import Retention

__all__ = ["Answer", "Ask", "Holdings", "Opening"]


class Opening(NamedTuple):
    """What the hub says first; the answer has the number 0."""

    now_ns: int
    retention: Retention


class Ask(NamedTuple):
    """Something to be done by the writer of the files."""

    number: int
    """Tells whose answer it is; they come in no order."""
    now_ns: int
    """What time it is, for the writer has no clock of its own: unix nanoseconds."""
    method: str
    """Of `DayFilesWriter`; after `close` nothing follows."""
    arguments: tuple[Any, ...] = ()


class Holdings(NamedTuple):
    """What the store has on disk, and has let go."""

    days: tuple[str, ...]
    """The days that have a file, oldest first."""
    deleted_bytes: int
    """Of files that were too old or too much."""
    ballast_bytes: int
    duplicates: int
    """Spans and batches that were not stored again."""


class Answer(NamedTuple):
    """What became of it."""

    number: int
    error: StoreError | None
    value: Any
    """What the method's future has; of a batch, the places of log records that were known."""
    holdings: Holdings | None
    """Where they are not what the answer before this one said."""
