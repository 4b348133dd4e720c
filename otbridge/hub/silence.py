"""Notices processes that have begun spans and then fell silent: their spans are lost.

A bridge knows when its peer is gone. A process that sends OTLP just stops, killed or cut off, and
nothing tells that from a process that has nothing to say but time; which is why our SDK tells again
of spans that stay open. The verdict can be taken back: by the span's end, whenever it comes, and by
any other sign of life.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from otbridge.errors import StoreError
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from otbridge._clock import Clock
    from otbridge.hub.live import LiveFeed
    from otbridge.hub.store import Store
    from otbridge.wire.rows import SpanRow

__all__ = ["OTHERS_SILENCE_S", "SILENCE_S", "Silence"]

_logger = logging.getLogger("otbridge.hub")

SILENCE_S: Final = 90.0
"""Seconds without any record after which a process counts as gone that tells again of spans that
stay open, as our SDK does: three times the 30 s between two tellings (`otbridge.telemetry.live`)."""

OTHERS_SILENCE_S: Final = 300.0
"""The same for processes that tell of a beginning only once, and of whom it is not known. A call of
a model may take minutes in which its process has nothing to send, and to call it lost meanwhile is
worse than to call a dead one open for a while. Well above the interval at which SDKs export metrics
(60 s)."""

_LOOK_S: Final = 2.0
"""Seconds between two looks: how late a verdict may be, and its reversal."""

_MAX_WATCHED: Final = 4096
"""Processes with open spans that are listened for; beyond, the one heard of least recently is let
go, and its spans wait for their ends."""

_MAX_REMEMBERED: Final = 10_000
"""Spans whose verdict can be taken back by another sign of life than their end."""


class _Heard(NamedTuple):
    """A process that is listened for."""

    at: float
    """When it was heard of last, monotonic seconds."""
    patience_s: float
    """How long it may be silent."""


class _Lost(NamedTuple):
    """A process that was given up."""

    spans: dict[tuple[bytes, bytes], None]
    """Trace and span id of those that are lost with it, in order."""
    patience_s: float
    """How long it was listened for."""


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
        self._heard: OrderedDict[str, _Heard] = OrderedDict()
        """Those that are listened for, the one heard of least recently first."""
        self._lost: OrderedDict[str, _Lost] = OrderedDict()
        self._remembered = 0
        self._back: set[str] = set()

    def hear(self, batch: Batch) -> None:
        """Take note of who has sent *batch*, and of spans that have begun in it."""
        self._show_found(batch.open_spans)
        for producer, once in {(row.producer, row.again is None) for row in batch.open_spans}:
            self._listen_for(producer, OTHERS_SILENCE_S if once else SILENCE_S)
        if not self._heard and not self._lost:
            return
        rows = batch.spans or batch.logs or batch.metrics
        for producer in {row.producer for row in rows}:
            if producer in self._heard:
                self._listen_for(producer, self._heard[producer].patience_s)
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
                self._listen_for(producer, OTHERS_SILENCE_S)

    async def look(self) -> None:
        """Give up who has been silent for too long, and take back who was heard of again."""
        back, self._back = self._back, set()
        for producer in back:
            await self._find(producer)
        for producer in [name for name in self._heard if self._is_silent(name)]:
            if self._is_silent(producer):  # still: looking after the others took its time
                await self._lose(producer, self._heard.pop(producer).patience_s)

    def _is_silent(self, producer: str) -> bool:
        heard = self._heard.get(producer)
        return heard is not None and self._clock.monotonic() - heard.at >= heard.patience_s

    def _show_found(self, spans: list[SpanRow]) -> None:
        """Show those that are told again after their verdict; the store takes it back by itself."""
        found = [replace(row, again=False) for row in spans if row.again and self._is_lost(row)]
        if found:
            self._live.publish(Batch(open_spans=found))

    def _is_lost(self, row: SpanRow) -> bool:
        lost = self._lost.get(row.producer)
        return lost is not None and (row.trace_id, row.span_id) in lost.spans

    def _listen_for(self, producer: str, patience_s: float) -> None:
        if not producer:
            return  # its resource does not name the process
        if producer in self._lost:
            self._back.add(producer)
        self._heard[producer] = _Heard(self._clock.monotonic(), patience_s)
        self._heard.move_to_end(producer)
        if len(self._heard) > _MAX_WATCHED:
            self._heard.popitem(last=False)

    async def _lose(self, producer: str, patience_s: float) -> None:
        try:
            spans = await asyncio.wrap_future(self._store.mark_lost(producer))
        except StoreError:
            self._listen_for(producer, patience_s)  # once more, after another silence
            return
        if spans:
            self._live.publish_lost(spans)
            self._remember(producer, spans, patience_s)

    def _remember(self, producer: str, spans: list[SpanRow], patience_s: float) -> None:
        lost = self._lost.setdefault(producer, _Lost({}, patience_s))
        before = len(lost.spans)
        lost.spans.update(dict.fromkeys((row.trace_id, row.span_id) for row in spans))
        self._remembered += len(lost.spans) - before
        while self._remembered > _MAX_REMEMBERED:
            _, forgotten = self._lost.popitem(last=False)
            self._remembered -= len(forgotten.spans)

    async def _find(self, producer: str) -> None:
        lost = self._lost.pop(producer, None)
        if lost is None:
            return
        self._remembered -= len(lost.spans)
        try:
            spans = await asyncio.wrap_future(self._store.mark_open(list(lost.spans)))
        except StoreError:
            return  # they stay lost until their ends come
        if spans:
            self._live.publish(Batch(open_spans=spans))
            heard = self._heard.get(producer)
            self._listen_for(producer, lost.patience_s if heard is None else heard.patience_s)
