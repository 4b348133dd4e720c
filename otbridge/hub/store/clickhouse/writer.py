"""Inserts what is waiting, in groups that are worth it.

An insert costs ClickHouse 20 to 50 ms however small it is. So after each the thread rests for four
times as long as it took, and takes what has come meanwhile together: a single batch goes at once,
a trickle keeps a fifth of one core busy, and a flood goes in large blocks without any rest.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from otbridge.errors import StoreError
from otbridge.hub.store import StoreFull
from otbridge.hub.store.clickhouse.server import closed
from otbridge.hub.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.hub.store.writer import Submitted
    from otbridge.wire.rows import Batch

__all__ = ["InsertingWriter"]

_ENOUGH: Final = 5_000
"""Rows that are worth an insert without any rest: twice as many cost only a tenth less each."""

_RESTS: Final = 4
"""Times an insert's duration that the thread rests after it, while little comes."""

_LONGEST_REST_S: Final = 1.0


class InsertingWriter(Writer):
    """Has batches stored by *store*.

    Args:
        store: Stores batches and returns how many of them were known. What it raises is told to
            the senders; `StoreFull` to all of them, anything else after each was tried alone.
    """

    def __init__(self, store: Callable[[Sequence[Batch]], int]) -> None:
        self._do_store = store
        self._rest_until = 0.0
        super().__init__()

    def _write(self, batches: list[Batch]) -> int:
        return self._do_store(batches)

    def _store(self, group: list[Submitted]) -> None:
        begun = monotonic()
        super()._store(group)
        took = monotonic() - begun
        self._rest_until = monotonic() + min(took * _RESTS, _LONGEST_REST_S)

    def _pause(self) -> None:
        """Wait until the last insert's rest is over, or something cannot wait."""
        while not (self._closed or self.waiting >= _ENOUGH or self._has_job()):
            left = self._rest_until - monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def _is_everybodys(self, problem: StoreError) -> bool:
        return isinstance(problem, StoreFull)

    def _says_busy(self) -> StoreFull:
        return StoreFull(
            f"The store has {self.waiting:,} records waiting for ClickHouse.",
            "They came faster than they can be inserted.",
            "Send the batch again in a second.",
        )

    def _says_closed(self) -> StoreError:
        return closed()

    def _error_of(self, error: Exception) -> StoreError:
        return StoreError(
            "The store could not be written.",
            f"{type(error).__name__}: {error}.",
            "Look at ClickHouse's log.",
        )
