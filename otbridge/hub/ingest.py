"""The one way into the hub: every door hands its requests to `Ingest.take`.

Decode, write down, sync, and only then answer: what the sender is told was taken is in the receive
log. Then it is shown; the store and the destinations of `--forward` follow at their own pace.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.delivery.spool.trouble import FULL, Trouble
from otbridge.errors import LimitExceeded, MalformedData, OtbridgeError, StoreError
from otbridge.hub.decoding import decode, records_of
from otbridge.hub.limits import DECODE_INLINE_BYTES, MAX_WAITING_BYTES
from otbridge.hub.receive_log.entries import Entry
from otbridge.hub.receive_log.group_commit import GroupCommit
from otbridge.hub.receive_log.store_follower import StoreFollower
from otbridge.hub.silence import Silence
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge._clock import Clock
    from otbridge.hub.forward import Forwarder
    from otbridge.hub.ledger import HubLedger
    from otbridge.hub.live import LiveFeed
    from otbridge.hub.receive_log.entries import Kept
    from otbridge.hub.receive_log.log import ReceiveLog
    from otbridge.hub.store import Store
    from otbridge.typing import Signal

__all__ = ["Busy", "Ingest", "Overload", "Taken"]

_logger = logging.getLogger("otbridge.hub")

_GONE_S: Final = 5.0
"""The spans that a peer has begun have this long to reach the store before its verdict does."""


_service = attrgetter("service")


class Busy(OtbridgeError):  # noqa: N818 - says what the hub is, and why the sender must wait
    """The hub takes nothing now; the same request may be sent again after *retry_s* seconds."""

    def __init__(self, what: str, why: str = "", do: str = "", *, retry_s: int = 1) -> None:
        super().__init__(what, why, do)
        self.retry_s = retry_s


class Overload(Busy):
    """The senders together are faster than the hub can write or store."""


class Taken(NamedTuple):
    """What became of a request that was taken."""

    rejected: int = 0
    """Records refused for good; all others are safe."""
    message: str = ""
    """Why they were refused, for the sender's developer."""


class Ingest:
    """Takes OTLP requests in.

    Args:
        store: Where the rows go in the end.
        live: Who is shown them first.
        ledger: Who counts them.
        clock: What gives records without a time theirs.
        log: Where they are written down; the caller opens and closes it.
        forward: Who passes on what was written down.
    """

    def __init__(
        self,
        store: Store,
        live: LiveFeed,
        ledger: HubLedger,
        clock: Clock,
        *,
        log: ReceiveLog,
        forward: Forwarder | None = None,
    ) -> None:
        self._store = store
        self._live = live
        self._ledger = ledger
        self._clock = clock
        self._log = log
        self._forward = forward
        self.silence = Silence(store, live, clock)
        self.follower = StoreFollower(
            log,
            store,
            ledger,
            clock,
            on_open_spans=self.silence.hear,
            on_resent=self._show_new,
        )
        """Who brings into the store what was taken."""
        self._commits = GroupCommit(log)
        self._trouble = Trouble(clock, _logger.warning, 0.0)
        self._waiting_bytes = 0
        self._closing = False

    def begin(self) -> None:
        """Store what the hub before this one has left, beside what comes; on the event loop."""
        self.follower.begin()

    def close(self) -> None:
        """Take nothing any more; what was taken is still stored."""
        self._closing = True

    async def end(self, within_s: float) -> None:
        """Have what was taken stored for *within_s* seconds more; the rest is in the log."""
        await asyncio.to_thread(self._commits.close)
        await self.follower.caught_up(within_s)
        await asyncio.to_thread(self.follower.close)

    async def take(
        self,
        signal: Signal,
        request: bytes,
        *,
        door: str,
        key: tuple[str, int] | None = None,
        resent: bool = False,
    ) -> Taken:
        """Take an Export…ServiceRequest; return when it is safe.

        Args:
            signal: What it exports.
            request: The serialised request.
            door: Which way it came, for the hub's statistics: `http`, `grpc` or `bridge`.
            key: (producer, sequence) where the sender numbers its requests: stored once.
            resent: Whether the sender may have sent some of it before: what is here already is
                not stored and not shown again.

        Raises:
            MalformedData: The request is not OTLP.
            LimitExceeded: It holds more than the hub takes.
            Busy: Nothing was taken; the sender should keep it and come back.
        """
        with self._room_for(request):
            received_ns = self._clock.time_ns()
            batch, rejected = await self._decoded(signal, request, received_ns)
            batch.resent = resent
            count = self._count(signal, batch, rejected, door)
            records = count + len(rejected)
            if records or batch.open_spans:
                announced = bool(batch.open_spans)
                entry = Entry(signal, request, received_ns, records, key, announced, resent)
                await self._write_down(entry, batch, count)
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
            # A sender that hangs up does not stop the batch from being stored.
            await asyncio.shield(asyncio.wrap_future(self._store.submit(batch)))
        except StoreError:
            return

    async def producer_gone(self, producer: str) -> None:
        """Give the spans that *producer* left open the verdict "lost", and show it."""
        await self.follower.caught_up(_GONE_S)
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
                "The hub has too much to write at the moment.",
                f"{self._waiting_bytes >> 20} MiB are waiting.",
                "Send again in a second.",
            )
        if not self._log.has_room(self._waiting_bytes + size):
            self._ledger.turned_away("overload")
            raise self._log_is_full()
        self._waiting_bytes += size
        try:
            yield
        finally:
            self._waiting_bytes -= size

    def _log_is_full(self) -> Overload:
        sentence = (
            f"{self._log.bytes >> 20} MiB wait for the store or for the queue of a destination."
        )
        self._trouble.say(f"The hub takes nothing at the moment: {sentence}")
        return Overload(
            "The hub is too far behind to take more.", sentence, "Send again later.", retry_s=5
        )

    def _show_new(self, batch: Batch) -> None:
        """Show those log records of a resent request that were not here before."""
        new = [row for place, row in enumerate(batch.logs) if place not in batch.known_logs]
        self._live.publish(Batch(logs=new))

    async def _decoded(
        self, signal: Signal, request: bytes, received_ns: int
    ) -> tuple[Batch, list[str]]:
        try:
            if len(request) <= DECODE_INLINE_BYTES:
                return decode(signal, request, received_ns)
            return await asyncio.to_thread(decode, signal, request, received_ns)
        except MalformedData:
            self._ledger.turned_away("malformed")
            raise
        except LimitExceeded:
            self._ledger.turned_away("too_large")
            raise

    def _count(self, signal: Signal, batch: Batch, rejected: list[str], door: str) -> int:
        rows = batch.spans or batch.logs or batch.metrics
        count = records_of(batch)
        self._ledger.received(signal, count, rejected)
        now_ns = self._clock.time_ns()
        for service, records in Counter(map(_service, rows)).items():
            self._ledger.seen(service, door, records, now_ns)
        return count

    async def _write_down(self, entry: Entry, batch: Batch, count: int) -> None:
        then = partial(self._follow_up, batch, count)
        otherwise = partial(self._ledger.refused, entry.signal, count)
        try:
            await self._commits.write(entry, then, otherwise)
        except OSError as error:
            if error.errno in FULL:
                self.follower.nudge()
            why = f"The system says: {error.strerror or error}."
            self._trouble.say(f"The hub cannot write down what it receives. {why}")
            raise Busy(
                "The hub cannot write down what it receives.", why, "Send again later.", retry_s=2
            ) from error

    def _follow_up(self, batch: Batch, count: int, kept: Kept) -> None:
        """Show what is safe now, and hand it on; also for a sender that has hung up."""
        self.silence.hear(batch)
        # Which log records of a resent one are new, the store says: `_show_new`.
        self._live.publish(replace(batch, logs=[]) if batch.resent else batch)
        self.follower.offer(kept, batch, count)
        if self._forward is not None:
            self._forward.offer(kept)


def _sentence(rejected: list[str]) -> str:
    if not rejected:
        return ""
    from otbridge.wire.otlp_rows import REASONS

    return "; ".join(
        f"{rejected.count(word)} refused: {REASONS[word]}" for word in sorted(set(rejected))
    )
