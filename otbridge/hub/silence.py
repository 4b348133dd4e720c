"""Notices processes that have begun spans and then fell silent: their spans are lost.

A bridge knows when its peer is gone. A process that sends OTLP just stops, killed or cut off, and
nothing tells that from a process that has nothing to say but time. So the verdict can be taken
back: by the span's end, whenever it comes, and by any other sign of life.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from otbridge.errors import StoreError
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.hub.live import LiveFeed
    from otbridge.hub.store import Store
    from otbridge.wire.rows import SpanRow

__all__ = ["SILENCE_S", "Silence"]

_logger = logging.getLogger("otbridge.hub")

SILENCE_S: Final = 300.0
"""Seconds without any record after which a process counts as gone. A call of a model may take
minutes in which its process has nothing to send, and to call it lost meanwhile is worse than to
call a dead one open for a while. Well above the longest wait between two tries of our own SDK
(30 s) and the interval at which SDKs export metrics (60 s)."""

_LOOK_S: Final = 2.0
"""Seconds between two looks: how late a verdict may be, and its reversal."""

_MAX_WATCHED: Final = 4096
"""Processes with open spans that are listened for; beyond, the one heard of least recently is let
go, and its spans wait for their ends."""

_MAX_REMEMBERED: Final = 10_000
"""Spans whose verdict can be taken back by another sign of life than their end."""

_Key = tuple[bytes, bytes]


class Silence:
    """Listens for the processes that have open spans. Used by the event loop only.

    Args:
        store: Has the open spans.
        live: Is told of verdicts.
        clock: Tells how long a silence lasts. Its monotonic time stands still while the machine
            sleeps, with the hub and its senders on it.
    """

    def __init__(self, store: Store, live: LiveFeed, clock: Clock) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        self._heard: OrderedDict[str, float] = OrderedDict()
        """When each was heard of last, least recently first."""
        self._lost: OrderedDict[str, list[_Key]] = OrderedDict()
        self._remembered = 0
        self._back: set[str] = set()

    def hear(self, batch: Batch) -> None:
        """Take note of who has sent *batch*, and of spans that have begun in it."""
        for producer in {row.producer for row in batch.open_spans}:
            self._listen_for(producer)
        if not self._heard and not self._lost:
            return
        rows = batch.spans or batch.logs or batch.metrics
        for producer in {row.producer for row in rows}:
            if producer in self._heard:
                self._listen_for(producer)
            elif producer in self._lost:
                self._back.add(producer)

    def excuse(self, batch: Batch) -> None:
        """Leave the producers of *batch* to those who know their connection."""
        for producer in {row.producer for row in batch.open_spans}:
            self._heard.pop(producer, None)
            if producer in self._lost:
                self._back.add(producer)

    async def watch(self) -> None:
        """Look after the open spans, until cancelled."""
        await self.resume()
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.look()

    async def resume(self) -> None:
        """Listen for the processes whose spans were open when the hub ended last."""
        try:
            producers = await asyncio.to_thread(self._store.open_producers)
        except StoreError as error:
            _logger.warning("Spans that were open before stay so: %s", error)
            return
        for producer in producers:
            if producer not in self._heard:
                self._listen_for(producer)

    async def look(self) -> None:
        """Give up who has been silent for too long, and take back who was heard of again."""
        back, self._back = self._back, set()
        for producer in back:
            await self._find(producer)
        latest = self._clock.monotonic() - SILENCE_S
        for producer in [name for name, heard in self._heard.items() if heard <= latest]:
            del self._heard[producer]
            await self._lose(producer)

    def _listen_for(self, producer: str) -> None:
        if not producer:
            return  # somebody else's SDK, which has no name for its process
        if producer in self._lost:
            self._back.add(producer)
        self._heard[producer] = self._clock.monotonic()
        self._heard.move_to_end(producer)
        if len(self._heard) > _MAX_WATCHED:
            self._heard.popitem(last=False)

    async def _lose(self, producer: str) -> None:
        try:
            spans = await asyncio.wrap_future(self._store.mark_lost(producer))
        except StoreError:
            self._heard[producer] = self._clock.monotonic()  # once more, after another silence
            return
        if spans:
            self._live.publish_lost(spans)
            self._remember(producer, spans)

    def _remember(self, producer: str, spans: list[SpanRow]) -> None:
        self._lost.setdefault(producer, []).extend((row.trace_id, row.span_id) for row in spans)
        self._remembered += len(spans)
        while self._remembered > _MAX_REMEMBERED:
            _, forgotten = self._lost.popitem(last=False)
            self._remembered -= len(forgotten)

    async def _find(self, producer: str) -> None:
        keys = self._lost.pop(producer, [])
        self._remembered -= len(keys)
        try:
            spans = await asyncio.wrap_future(self._store.mark_open(keys))
        except StoreError:
            return  # they stay lost until their ends come
        if spans:
            self._live.publish(Batch(open_spans=spans))
            self._listen_for(producer)
