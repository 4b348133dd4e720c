"""The value that travels along the chain of senders."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from otbridge.wire.compression import compress, decompress
from otbridge.wire.otlp_request import split_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge.typing import Signal
    from otbridge.wire.otlp_request import Envelope

    Entry = tuple[Envelope, bytes]
    """A framed record, and what it is to be wrapped in."""
    Compose = Callable[[Sequence[Entry]], bytes]

__all__ = ["Batch", "PackedBatch"]

_LIMIT: Final = 256 << 20
"""Plain bytes of a request that we packed ourselves; far above what a batch can have."""


class Batch:
    """Records that are sent in one request.

    Args:
        signal: What the records are.
        entries: The records, at least one.
        compose: Makes one request of them.
        on_disk: Whether the records lie in the spool, and stay there until they are delivered.
        resent: Whether some of them may have been sent before.
    """

    def __init__(
        self,
        signal: Signal,
        entries: Sequence[Entry],
        compose: Compose,
        *,
        on_disk: bool = False,
        resent: bool = False,
    ) -> None:
        self.signal: Signal = signal
        self.on_disk = on_disk
        self.resent = resent
        """Whether the receiver may have some of the records already, and could not say so."""
        self._entries = entries
        self._compose = compose
        self._packed: tuple[str, bytes] = ("", b"")

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """The records.

        Raises:
            WireError: they come from the disk, where something else than a request was kept.
        """
        return self._entries

    @cached_property
    def request(self) -> bytes:
        """The request's bytes: the same object for every attempt; raises as `entries` does."""
        return self._compose(self._entries)

    def packed(self, encoding: str) -> bytes:
        """Return the request compressed, once for every attempt, the spool included."""
        if self._packed[0] != encoding:
            self._packed = (encoding, compress(self.request, encoding))
        return self._packed[1]

    @property
    def encoding(self) -> str:
        """How it is compressed already; empty where it is not."""
        return self._packed[0]

    def part(self, entries: Sequence[Entry]) -> Batch:
        """Return a batch of some of the records."""
        return Batch(self.signal, entries, self._compose, on_disk=self.on_disk, resent=self.resent)

    def halves(self) -> tuple[Batch, Batch]:
        """Return two batches with half of the records each, in their order."""
        middle = len(self.entries) // 2
        return self.part(self.entries[:middle]), self.part(self.entries[middle:])


class PackedBatch(Batch):
    """A batch that was composed and compressed before, as the spool keeps them.

    Only one that has to be divided is ever taken apart.

    Args:
        signal: What the records are.
        records: How many.
        body: The compressed request.
        encoding: How: `gzip`, `zstd` or `none`.
        compose: Makes requests of parts of it.
        resent: Whether some of them may have been sent before.
    """

    def __init__(
        self,
        signal: Signal,
        records: int,
        body: bytes,
        encoding: str,
        compose: Compose,
        *,
        resent: bool = False,
    ) -> None:
        super().__init__(signal, (), compose, on_disk=True, resent=resent)
        self._records = records
        self._packed = (encoding, body)
        self._kept = (body, encoding)

    def __len__(self) -> int:
        return self._records

    @property
    def entries(self) -> Sequence[Entry]:
        """The records, taken out of the request."""
        if not self._entries:
            self._entries = split_request(self.signal, self.request)
        return self._entries

    @cached_property
    def request(self) -> bytes:
        """The plain request."""
        return decompress(*self._kept, _LIMIT)
