"""What the server remembers of each stream, so that a batch counts once whichever way it comes.

A stream is one page load or one Node process. Its batches are numbered from 1; the pair (stream,
id) is the key on every path. Bridge-protocol, rules 1, 10 and 11.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.typing import Signal

__all__ = ["IDS_AHEAD", "MAX_STREAMS", "MEMORY_S", "Claim", "Stream", "StreamRegistry", "Watcher"]

IDS_AHEAD: Final = 1024
"""How far above the last contiguous id a batch may be (rule 1)."""

MEMORY_S: Final = 900.0
"""How long a stream is remembered after its last word (rule 1)."""

MAX_STREAMS: Final = 20_000
"""Streams remembered at once, some 10 MB; beyond, the ones silent for longest are forgotten.
A client whose stream was forgotten goes on by `oldest`."""


class Claim(Enum):
    """What is to be done with a batch, going by its id."""

    NEW = auto()
    """Take it; then `Stream.settle` or `Stream.release` it."""
    SEEN = auto()
    """It was taken before: acknowledge it again."""
    IN_FLIGHT = auto()
    """The same batch is being taken at this moment, perhaps from another connection."""
    AHEAD = auto()
    """Too far above the last contiguous id to be remembered."""


class Watcher(Protocol):
    """The connection that speaks for a stream; hears what happened to batches by other paths."""

    @property
    def epoch(self) -> int:
        """Which connection of its stream this is, counted by the client."""
        ...

    def settled(self, batch_id: int, now: float) -> None:
        """The batch *batch_id* needs not be sent again."""
        ...

    def released(self, batch_id: int, retry_s: float) -> None:
        """The batch *batch_id* was not taken after all."""
        ...

    def taken_over(self) -> None:
        """A newer connection speaks for the stream now."""
        ...


class Stream:
    """The ids of one stream: `last` and everything below is settled, `_above` settled beyond it."""

    __slots__ = (
        "_above",
        "_in_flight",
        "_parts",
        "has_open_spans",
        "id",
        "last",
        "owner",
        "seen",
        "watcher",
    )

    def __init__(self, stream_id: str, now: float, owner: str = "") -> None:
        self.id = stream_id
        self.owner = owner
        """Whom it belongs to, as its token said."""
        self.last = 0
        """The highest id up to which every batch is settled."""
        self.seen = now
        """When the stream last said something, monotonic seconds."""
        self.watcher: Watcher | None = None
        self.has_open_spans = False
        """Whether spans of it were shown as open since it last said good-bye."""
        self._above: set[int] = set()
        self._in_flight: set[int] = set()
        self._parts: dict[int, set[Signal]] = {}

    @property
    def busy(self) -> bool:
        """Whether somebody still speaks for it or takes a batch of it."""
        return self.watcher is not None or bool(self._in_flight)

    def claim(self, batch_id: int) -> Claim:
        """Say what to do with the batch *batch_id*, and mark it as in flight where it is new."""
        if batch_id <= self.last or batch_id in self._above:
            return Claim.SEEN
        if batch_id in self._in_flight:
            return Claim.IN_FLIGHT
        if batch_id > self.last + IDS_AHEAD:
            return Claim.AHEAD
        self._in_flight.add(batch_id)
        return Claim.NEW

    def settle(self, batch_id: int, now: float) -> None:
        """Count *batch_id* as taken, or as refused for good: it is never taken again."""
        self._in_flight.discard(batch_id)
        self._parts.pop(batch_id, None)
        if batch_id > self.last:
            self._above.add(batch_id)
            self._advance()
        if self.watcher is not None:
            self.watcher.settled(batch_id, now)

    def release(self, batch_id: int, retry_s: float) -> None:
        """Give *batch_id* back untaken; the client will bring it again."""
        self._in_flight.discard(batch_id)
        if self.watcher is not None:
            self.watcher.released(batch_id, retry_s)

    def settle_below(self, oldest: int) -> None:
        """Count every id below *oldest* as settled: the client holds none of them (rule 10)."""
        if oldest - 1 > self.last:
            self.last = oldest - 1
            self._above = {batch_id for batch_id in self._above if batch_id > self.last}
            self._parts = {key: taken for key, taken in self._parts.items() if key > self.last}
            self._advance()

    def parts(self, batch_id: int) -> set[Signal]:
        """Return the signals of an unsettled batch that were taken already; the caller adds."""
        return self._parts.setdefault(batch_id, set())

    def _advance(self) -> None:
        while self.last + 1 in self._above:
            self.last += 1
            self._above.remove(self.last)


class StreamRegistry:
    """Every stream that this process remembers; shared by all connections and POSTs of a server.

    It is used by one event loop, so it has no lock. Processes do not share it: where several
    serve one address, a batch that comes over two of them is only deduplicated behind them, by
    the key (stream, id) that travels with it.
    """

    def __init__(self) -> None:
        self._streams: OrderedDict[tuple[str, str], Stream] = OrderedDict()

    def __len__(self) -> int:
        return len(self._streams)

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._streams.values())

    def stream(self, stream_id: str, now: float, owner: str = "") -> Stream:
        """Return the stream, new where it is not remembered.

        Args:
            stream_id: 32 hex digits, the client's choice.
            now: Monotonic seconds.
            owner: Whom the stream belongs to, as the token said; streams of different owners
                are different streams, so that nobody can speak for a stranger's.
        """
        self._forget(now)
        key = (owner, stream_id)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream(stream_id, now, owner)
        self._streams.move_to_end(key)
        stream.seen = now
        return stream

    def _forget(self, now: float) -> None:
        """Drop the streams at the old end that are silent for `MEMORY_S`, or too many."""
        for key, stream in list(_first(self._streams, 8)):
            # A connected stream is not dropped: it is moved to where it belongs by its last word.
            if stream.busy:
                self._streams.move_to_end(key)
            elif now - stream.seen > MEMORY_S or len(self._streams) >= MAX_STREAMS:
                del self._streams[key]
            else:
                break


def _first(
    streams: OrderedDict[tuple[str, str], Stream], count: int
) -> Iterator[tuple[tuple[str, str], Stream]]:
    for _, item in zip(range(count), streams.items(), strict=False):
        yield item
