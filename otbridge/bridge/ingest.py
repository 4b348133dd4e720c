"""From a batch to whoever takes it: each batch once, and an answer for every one.

The bridge knows no store and no pipeline. It hands OTLP requests to a `Consumer`, and says to the
client what the consumer said.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from otbridge.bridge import otlp
from otbridge.errors import OtbridgeError, WireError
from otbridge.wire.bridge_streams import StreamRegistry

if TYPE_CHECKING:
    import msgspec

    from otbridge._clock import Clock
    from otbridge.bridge.otlp import Peer
    from otbridge.typing import Signal
    from otbridge.wire.bridge_streams import Stream
    from otbridge.wire.frames import Batch

__all__ = ["BridgeBusy", "Busy", "Consumer", "Counts", "Ingest", "Outcome", "Refused", "Taken"]

FAULT_RETRY_S: Final = 5.0
"""When to come again after a fault of ours: long enough to be read in a log, and within the five
sends after which the client gives a batch up."""

INLINE_BYTES: Final = 65_536
"""Larger batches are read on a thread, so that the event loop never stalls for more than some
2 ms (0.9 ms for 25 kB, measured on the 2-core reference machine)."""

_logger = logging.getLogger("otbridge.bridge")


class BridgeBusy(OtbridgeError):  # noqa: N818 - the word for a state, not for a fault
    """The consumer cannot take more now.

    Args:
        retry_s: Seconds after which the client should bring the batch again.
    """

    def __init__(self, retry_s: float) -> None:
        super().__init__(
            "The receiver is busy.",
            "What came before has not been stored yet.",
            f"Send it again in {retry_s:g} s.",
        )
        self.retry_s = retry_s


class Consumer(Protocol):
    """Where the bridge's telemetry goes: the hub's ingest, or the application's own delivery.

    Every method is called on the event loop that the bridge runs on, and must not block it.
    """

    async def consume(
        self,
        signal: Signal,
        request: bytes,
        *,
        key: tuple[str, int] | None,
        origin: str,
        project: str,
    ) -> int:
        """Take an OTLP request; return when it is safe to acknowledge.

        Args:
            signal: `traces`, `logs`, or `metrics` (what the client dropped).
            request: The Export*ServiceRequest, serialised. Its resource has `otbridge.origin`,
                and the stream as `service.instance.id`.
            key: (stream, batch id). The requests of one batch share it, one per signal.
            origin: `browser` or `node`.
            project: Whom the client writes for, as `authenticate` said.

        Returns:
            How many of its records were refused for good.

        Raises:
            BridgeBusy: Nothing was taken; the client should come again.
            WireError: The request can never be taken.
        """
        ...

    async def open_spans(self, request: bytes, *, origin: str, project: str) -> None:
        """Show spans that have begun: an ExportTraceServiceRequest without end times."""
        ...

    async def gone(self, stream: str, *, project: str) -> None:
        """The peer of *stream*, of *project*, left without a word: its spans will not end."""
        ...


class Taken(NamedTuple):
    """The batch is with the consumer."""

    rejected: int = 0
    message: str = ""


class Busy(NamedTuple):
    """The batch was not taken and may come again."""

    retry_s: float
    why: str


class Refused(NamedTuple):
    """The batch can never be taken."""

    why: str


Outcome = Taken | Busy | Refused


@dataclass(slots=True)
class Counts:
    """What became of everything that came over a bridge since it began."""

    batches: int = 0
    """Taken, each once."""
    rejected: int = 0
    """Records inside taken batches that the consumer refused."""
    busy: int = 0
    """Times that a batch was asked to come again."""
    refused: int = 0
    """Batches that were refused for good."""
    open_spans_ignored: int = 0
    """Open frames that could not be shown."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Records that clients let go before sending, by reason."""


class Ingest:
    """The one place that connections and POSTs bring their batches to.

    Args:
        consumer: Takes the telemetry.
        clock: Where the time comes from.
    """

    def __init__(self, consumer: Consumer, clock: Clock) -> None:
        self.registry = StreamRegistry()
        self.counts = Counts()
        self.clock = clock
        self._consumer = consumer
        self._under_way: dict[tuple[Stream, int], asyncio.Event] = {}
        self._reported: set[type[Exception]] = set()

    async def take(self, peer: Peer, stream: Stream, batch: Batch) -> Outcome:
        """Hand a claimed batch to the consumer; never raises but to be cancelled.

        The caller tells the stream (`settle`, `release`) or its connection what came out.
        """
        key = (stream, batch.id)
        done = self._under_way[key] = asyncio.Event()
        try:
            outcome = await self._try(peer, stream, batch)
        except asyncio.CancelledError:
            stream.release(batch.id, FAULT_RETRY_S)  # the server stops; nobody else will
            raise
        finally:
            self._under_way.pop(key, None)
            # Waiters run after the caller has settled or released the batch.
            asyncio.get_running_loop().call_soon(done.set)
        self._count(batch, outcome)
        return outcome

    async def wait(self, stream: Stream, batch_id: int) -> None:
        """Wait until the batch that is being taken under this id is decided."""
        under_way = self._under_way.get((stream, batch_id))
        if under_way is not None:
            await under_way.wait()
        else:
            await asyncio.sleep(0)

    async def show_open(self, peer: Peer, stream: Stream, spans: msgspec.Raw) -> None:
        """Show spans that have begun; best effort, never raises."""
        try:
            request = otlp.open_request(peer, spans)
            await self._consumer.open_spans(request, origin=peer.origin, project=peer.project)
        except OtbridgeError:
            self.counts.open_spans_ignored += 1  # the span itself comes when it ends
        except Exception as error:  # noqa: BLE001 - a consumer's fault must not end the connection
            self.counts.open_spans_ignored += 1
            self.report(error)
        else:
            stream.has_open_spans = True

    async def gone(self, stream: Stream) -> None:
        """Tell the consumer that the stream's peer is lost; never raises."""
        stream.has_open_spans = False
        try:
            await self._consumer.gone(stream.id, project=stream.owner)
        except Exception as error:  # noqa: BLE001 - as above; nobody waits for an answer
            self.report(error)

    def report(self, error: Exception) -> None:
        """Log a fault of ours or of the consumer's, once for each kind of exception."""
        if type(error) not in self._reported:
            self._reported.add(type(error))
            _logger.error(
                "The bridge could not hand over what it was sent; clients were asked to come "
                "again. Further errors of this kind are not logged.",
                exc_info=error,
            )

    async def _try(self, peer: Peer, stream: Stream, batch: Batch) -> Outcome:
        try:
            requests = await self._read(peer, batch)
            parts = stream.parts(batch.id)
            rejected = 0
            for signal, request in requests:
                # Taken when the batch came before, and another part of it found no room.
                if signal in parts:
                    continue
                rejected += await self._consumer.consume(
                    signal,
                    request,
                    key=(peer.stream, batch.id),
                    origin=peer.origin,
                    project=peer.project,
                )
                parts.add(signal)
        except BridgeBusy as busy:
            return Busy(busy.retry_s, busy.what)
        except WireError as error:
            return Refused(str(error))
        except Exception as error:  # noqa: BLE001 - the host application must never see it
            self.report(error)
            return Busy(FAULT_RETRY_S, "The receiver failed; its log says how.")
        message = "The receiver refused some records." if rejected else ""
        return Taken(rejected, message)

    async def _read(self, peer: Peer, batch: Batch) -> list[tuple[Signal, bytes]]:
        now_ns = self.clock.time_ns()
        if len(bytes(batch.spans)) + len(bytes(batch.logs)) <= INLINE_BYTES:
            return otlp.requests_of(peer, batch, now_ns)
        return await asyncio.to_thread(otlp.requests_of, peer, batch, now_ns)

    def _count(self, batch: Batch, outcome: Outcome) -> None:
        match outcome:
            case Taken(rejected=rejected):
                self.counts.batches += 1
                self.counts.rejected += rejected
                self.counts.dropped.update(batch.dropped)
            case Busy():
                self.counts.busy += 1
            case Refused():
                self.counts.refused += 1
