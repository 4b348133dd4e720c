"""The value that travels along the chain of senders."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.typing import Signal
    from otbridge.wire.otlp_request import Envelope

    Entry = tuple[Envelope, bytes]
    """A framed record, and what it is to be wrapped in."""
    Compose = Callable[[Sequence[Entry]], bytes]

__all__ = ["Batch"]


class Batch:
    """Records that are sent in one request.

    Args:
        signal: What the records are.
        entries: The records, at least one.
        compose: Makes one request of them.
    """

    def __init__(self, signal: Signal, entries: Sequence[Entry], compose: Compose) -> None:
        self.signal = signal
        self.entries = entries
        self._compose = compose

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def request(self) -> bytes:
        """The request's bytes: the same object for every attempt, so it is compressed once."""
        return self._compose(self.entries)

    def halves(self) -> tuple[Batch, Batch]:
        """Return two batches with half of the records each, in their order."""
        middle = len(self.entries) // 2
        first, second = self.entries[:middle], self.entries[middle:]
        return (
            Batch(self.signal, first, self._compose),
            Batch(self.signal, second, self._compose),
        )
