"""The one way into the hub: every door hands its requests to `Ingest.take`.

Decode, show, store, and only then answer: what the sender is told was taken is on disk.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from otbridge.errors import LimitExceeded, MalformedData, OtbridgeError, StoreError
from otbridge.hub.limits import DECODE_INLINE_BYTES, MAX_WAITING_BYTES
from otbridge.hub.open_spans import separate_open_spans
from otbridge.hub.silence import Silence
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge._clock import Clock
    from otbridge.hub.forward import Forwarder
    from otbridge.hub.ledger import HubLedger
    from otbridge.hub.live import LiveFeed
    from otbridge.hub.store import Store
    from otbridge.typing import Signal

__all__ = ["Busy", "Ingest", "Overload", "Taken"]


class Busy(OtbridgeError):  # noqa: N818 - says what the hub is, and why the sender must wait
    """The hub takes nothing now; the same request may be sent again after *retry_s* seconds."""

    def __init__(self, what: str, why: str = "", do: str = "", *, retry_s: int = 1) -> None:
        super().__init__(what, why, do)
        self.retry_s = retry_s


class Overload(Busy):
    """The senders together are faster than the hub can store."""


class Taken(NamedTuple):
    """What became of a request that was taken."""

    rejected: int = 0
    """Records refused for good; all others are on disk."""
    message: str = ""
    """Why they were refused, for the sender's developer."""


class Ingest:
    """Takes OTLP requests in.

    Args:
        store: Where the rows go.
        live: Who is shown them first.
        ledger: Who counts them.
        clock: What gives records without a time theirs.
        forward: Who passes on what is stored.
    """

    def __init__(
        self,
        store: Store,
        live: LiveFeed,
        ledger: HubLedger,
        clock: Clock,
        forward: Forwarder | None = None,
    ) -> None:
        self._store = store
        self._live = live
        self._ledger = ledger
        self._clock = clock
        self._forward = forward
        self.silence = Silence(store, live, clock)
        self._waiting_bytes = 0
        self._closing = False

    def close(self) -> None:
        """Take nothing any more; what was taken is still stored."""
        self._closing = True

    async def take(
        self, signal: Signal, request: bytes, *, door: str, key: tuple[str, int] | None = None
    ) -> Taken:
        """Show and store an Export…ServiceRequest; return when it is on disk.

        Args:
            signal: What it exports.
            request: The serialised request.
            door: Which way it came, for the hub's statistics: `http`, `grpc` or `bridge`.
            key: (producer, sequence) where the sender numbers its requests: stored once.

        Raises:
            MalformedData: The request is not OTLP.
            LimitExceeded: It holds more than the hub takes.
            Busy: Nothing was taken; the sender should keep it and come back.
        """
        with self._room_for(request):
            batch, rejected = await self._decoded(signal, request)
            batch.key = key
            count = self._count(signal, batch, rejected, door)
            self.silence.hear(batch)
            self._live.publish(batch)
            await self._stored(signal, batch, count)
            if self._forward is not None:
                records = count + len(rejected)
                announced = bool(batch.open_spans)
                await self._forward.take(signal, request, records, announced=announced)
        return Taken(len(rejected), _sentence(rejected))

    async def take_open_spans(self, request: bytes) -> None:
        """Show spans that have begun, given as an ExportTraceServiceRequest without end times.

        Best effort: what cannot be taken now is let go, for the ended spans will come.

        Raises:
            MalformedData: The request is not OTLP.
            LimitExceeded: It holds more than the hub takes.
        """
        from otbridge.wire.otlp_rows import decode_open_spans

        spans, _ = decode_open_spans(request, self._clock.time_ns())
        batch = Batch(open_spans=spans)
        self.silence.excuse(batch)
        self._live.publish(batch)
        try:
            await self._stored("traces", batch, 0)
        except Busy:
            return

    async def producer_gone(self, producer: str) -> None:
        """Give the spans that *producer* left open the verdict "lost", and show it."""
        try:
            lost = await asyncio.wrap_future(self._store.mark_lost(producer))
        except StoreError:
            return  # they stay open on screen; the sender is gone and cannot be told
        self._live.publish_lost(lost)

    @contextmanager
    def _room_for(self, request: bytes) -> Iterator[None]:
        if self._closing:
            raise Busy("The hub is shutting down.", "", "Send again when it is back.", retry_s=2)
        size = len(request)
        if self._waiting_bytes + size > MAX_WAITING_BYTES and self._waiting_bytes:
            self._ledger.turned_away("overload")
            raise Overload(
                "The hub has too much to store at the moment.",
                f"{self._waiting_bytes >> 20} MiB are waiting.",
                "Send again in a second.",
            )
        self._waiting_bytes += size
        try:
            yield
        finally:
            self._waiting_bytes -= size

    async def _decoded(self, signal: Signal, request: bytes) -> tuple[Batch, list[str]]:
        now_ns = self._clock.time_ns()
        try:
            if len(request) <= DECODE_INLINE_BYTES:
                return _decode(signal, request, now_ns)
            return await asyncio.to_thread(_decode, signal, request, now_ns)
        except MalformedData:
            self._ledger.turned_away("malformed")
            raise
        except LimitExceeded:
            self._ledger.turned_away("too_large")
            raise

    def _count(self, signal: Signal, batch: Batch, rejected: list[str], door: str) -> int:
        rows = batch.spans or batch.logs or batch.metrics
        count = len(rows)
        self._ledger.received(signal, count, rejected)
        now_ns = self._clock.time_ns()
        by_service: dict[str, int] = {}
        for row in rows:
            by_service[row.service] = by_service.get(row.service, 0) + 1
        for service, records in by_service.items():
            self._ledger.seen(service, door, records, now_ns)
        return count

    async def _stored(self, signal: Signal, batch: Batch, count: int) -> None:
        if not (batch.spans or batch.logs or batch.metrics or batch.open_spans):
            return
        stored = asyncio.wrap_future(self._store.submit(batch))
        stored.add_done_callback(lambda done: self._settle(signal, count, done))
        try:
            # A sender that hangs up does not stop the batch from being stored.
            await asyncio.shield(stored)
        except StoreError as error:
            raise Busy(error.what, error.why, error.do, retry_s=2) from error

    def _settle(self, signal: Signal, count: int, done: asyncio.Future[None]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._ledger.refused(signal, count)
        else:
            self._ledger.stored(signal, count)


def _decode(signal: Signal, request: bytes, now_ns: int) -> tuple[Batch, list[str]]:
    from otbridge.wire import otlp_rows

    if signal == "traces":
        spans, rejected = otlp_rows.decode_traces(request, now_ns)
        return Batch(spans=spans), rejected
    if signal == "logs":
        rows, rejected = otlp_rows.decode_logs(request, now_ns)
        logs, open_spans = separate_open_spans(rows)
        return Batch(logs=logs, open_spans=open_spans), rejected
    metrics, rejected = otlp_rows.decode_metrics(request, now_ns)
    return Batch(metrics=metrics), rejected


def _sentence(rejected: list[str]) -> str:
    if not rejected:
        return ""
    from otbridge.wire.otlp_rows import REASONS

    return "; ".join(
        f"{rejected.count(word)} refused: {REASONS[word]}" for word in sorted(set(rejected))
    )
