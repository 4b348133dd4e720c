"""Passes on what was received, byte for byte, to other hubs and backends.

What is in the receive log goes into a queue on disk, one for each destination, behind the answer to
the sender; from there it is delivered by the same pipeline as any program's own telemetry, with
its retries, its breaker and its ledger. No destination waits for another, and no sender for any.

Each destination has its place in the log. It is stored when what is before it is safe in the queue,
so a hub that is killed, or loses its power, queues the rest when it is back: at least once.
"""

from __future__ import annotations

import logging
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.spool.names import destination_key, service_folder
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.errors import ConfigurationError
from otbridge.hub.destinations import make_sink, read_destination
from otbridge.hub.open_spans import without_announcements
from otbridge.hub.receive_log.queue_follower import QueueFollower
from otbridge.hub.tls import SYSTEM_TRUST, ClientTls
from otbridge.wire.compression import compress
from otbridge.wire.otlp_request import split_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otbridge._clock import Clock
    from otbridge.hub.destinations import Destination
    from otbridge.hub.receive_log.entries import Kept
    from otbridge.hub.receive_log.log import ReceiveLog
    from otbridge.typing import Signal

__all__ = ["Forwarder", "open_forwarder", "tell_of_forgotten"]

_logger = logging.getLogger("otbridge.hub")

_SIGNALS: Final[tuple[Signal, ...]] = ("logs", "traces", "metrics")

_QUEUE: Final = SpoolSettings(
    durability="process",
    max_bytes=1 << 30,  # compressed: some 25 million spans
    max_age_s=7 * 86_400.0,  # as long as the store keeps them by default
)

_ENCODING: Final = "gzip"
"""Every receiver takes it, so a request is compressed once, for the disk and all destinations."""

_DENSEST: Final = 100
"""What shrinks to less than one part in so many looks like a bomb to receivers (and to us, when
we have to take it apart again), and is left as it is."""


def open_forwarder(
    addresses: Sequence[str],
    folder: Path,
    clock: Clock,
    log: ReceiveLog,
    tls: ClientTls = SYSTEM_TRUST,
) -> Forwarder | None:
    """Return who passes on to *addresses*, or None where there are none.

    Args:
        addresses: As `read_destination` takes them.
        folder: Where the queues are kept; made when it is first needed.
        clock: For the pipelines.
        log: What is passed on.
        tls: What those that encrypt are trusted by.

    Raises:
        ConfigurationError: An address is wrong or comes twice, or others may write to the folder.
    """
    if not addresses:
        return None
    upstreams: dict[str, Upstream] = {}
    for destination in map(read_destination, addresses):
        upstream = Upstream(destination._replace(tls=tls), folder, clock)
        if upstream.name in upstreams:
            raise ConfigurationError(
                f"--forward is given twice for {upstream.name}.",
                "It would get everything twice.",
                "Give it once.",
            )
        upstreams[upstream.name] = upstream
    return Forwarder(list(upstreams.values()), log)


def tell_of_forgotten(folder: Path, forwarder: Forwarder | None) -> None:
    """Say so where records wait for destinations that nobody gives any more."""
    from otbridge.delivery.spool.files import SystemFiles
    from otbridge.delivery.spool.survey import survey

    served = set() if forwarder is None else {service_folder(name) for name in forwarder.names}
    try:
        found = survey(SystemFiles(), str(folder))
    except OSError as error:
        _logger.warning("What waits in %s cannot be seen: %s", folder, error)
        return
    left = [queue for queue in found if queue.name not in served]
    records = sum(part.waiting.total() for queue in left for part in queue.folders)
    if records:
        _logger.warning(
            "%s records wait in %s for destinations that are not given any more. Give those with"
            " --forward again, or look with: otbridge spool list --dir %s",
            f"{records:,}",
            folder,
            folder,
        )


class Upstream:
    """One destination: its queue on disk, and a pipeline for each signal.

    Args:
        destination: Where to.
        folder: Where the queues of all destinations are.
        clock: For the pipelines.
    """

    def __init__(self, destination: Destination, folder: Path, clock: Clock) -> None:
        sinks = {signal: make_sink(destination) for signal in _SIGNALS}
        self.destination = destination
        self.name = sinks["traces"].name
        """The destination in words, without anything secret; names its queue, too."""
        self._spool = Spool(
            str(folder), self.name, report=_logger.warning, settings=_QUEUE, clock=clock
        )
        self._pipelines = {
            # No rules: requests leave as they came, however slow the destination is.
            signal: Pipeline(
                signal, sink, report=_logger.warning, clock=clock, spool=self._spool, rules=()
            )
            for signal, sink in sinks.items()
        }

    def begin(self) -> None:
        """Go on with what the hub before this one has left."""
        for pipeline in self._pipelines.values():
            pipeline.resume()

    def put(
        self, signal: Signal, body: bytes, encoding: str, records: int, *, resent: bool
    ) -> None:
        """Take a request; what cannot be taken is in the ledger."""
        self._pipelines[signal].put_request(body, records, encoding=encoding, resent=resent)

    def secure(self) -> bool:
        """Return whether all that was put will survive a loss of power.

        What the queue could not take waits in memory, and nothing there will.
        """
        books = (pipeline.ledger.snapshot() for pipeline in self._pipelines.values())
        return self._spool.sync() and not any(book.in_memory for book in books)

    def hurry_to_end(self, timeout: float) -> None:
        """Begin to end, in *timeout* seconds; what is not delivered then stays on disk."""
        for pipeline in self._pipelines.values():
            pipeline.close(timeout)

    def end(self, deadline: float) -> None:
        """End by *deadline*, in monotonic seconds."""
        for pipeline in self._pipelines.values():
            pipeline.shutdown(max(0.0, deadline - monotonic()))
        self._spool.close()

    @property
    def idle(self) -> bool:
        """Whether the destination has all that was put."""
        books = (pipeline.ledger.snapshot() for pipeline in self._pipelines.values())
        return not any(book.spooled or book.in_memory for book in books)

    def as_dict(self) -> dict[str, Any]:
        """Return the ledger of each signal."""
        books: dict[str, Any] = {"destination": self.name}
        for signal, pipeline in self._pipelines.items():
            books[signal] = pipeline.ledger.snapshot().as_dict()
        return books


class Forwarder:
    """Passes on to several destinations. Used by the event loop.

    Args:
        upstreams: Each of them.
        log: What is passed on.
    """

    def __init__(self, upstreams: Sequence[Upstream], log: ReceiveLog) -> None:
        self._upstreams = upstreams
        self._follower = QueueFollower(log, self._put)
        self._begins: dict[str, int] = {}
        self._safe: dict[str, int] = {}
        for upstream in upstreams:
            name = f"to {destination_key(upstream.name)}"
            # One that nobody has heard of gets what comes from now on.
            self._begins[upstream.name] = log.begin_of(name, new=log.end)
            log.follow(name, partial(self._secured, upstream))
        self._follower.position = min(self._begins.values())

    @property
    def destinations(self) -> list[Destination]:
        """Where to."""
        return [upstream.destination for upstream in self._upstreams]

    @property
    def names(self) -> list[str]:
        """What the destinations are called."""
        return [upstream.name for upstream in self._upstreams]

    @property
    def idle(self) -> bool:
        """Whether all destinations have all that came."""
        return all(
            upstream.idle and not self._follower.behind(self._begins[upstream.name])
            for upstream in self._upstreams
        )

    def begin(self) -> None:
        """Go on with what the hub before this one has left."""
        for upstream in self._upstreams:
            upstream.begin()
        self._follower.begin()

    def offer(self, kept: Kept) -> None:
        """Take what was written to the log a moment ago; never waits."""
        self._follower.offer(kept)

    def _put(self, kept: Kept) -> None:
        """Queue a request for everybody who does not have it; on the follower's thread.

        What a queue does not take is in its ledger. Beginnings of spans that our SDK tells of stay
        here: any other backend would show them as log lines. Logfire's are spans that it sends to
        any backend, and go on as they came.
        """
        signal, request, records = kept.entry.signal, kept.entry.request, kept.entry.records
        if kept.entry.announced and signal == "logs":
            request, records = without_announcements(request)
        elif kept.entry.announced or signal == "metrics":
            # The log counts resources, and does not count announcements.
            records = len(split_request(signal, request))
        if not records:
            return
        body, encoding = compress(request, _ENCODING), _ENCODING
        if len(request) > _DENSEST * len(body):
            body, encoding = request, "none"
        for upstream in self._upstreams:
            if kept.position >= self._begins[upstream.name]:
                upstream.put(signal, body, encoding, records, resent=kept.entry.resent)

    def _secured(self, upstream: Upstream) -> int:
        """Return the position before which everything is safe in the destination's queue."""
        begin = self._begins[upstream.name]
        position = max(self._follower.position, begin)
        if upstream.secure():
            self._safe[upstream.name] = position
        return self._safe.get(upstream.name, begin)

    def end(self, timeout: float) -> None:
        """Deliver for *timeout* seconds more; the rest stays on disk for the next hub. Blocks."""
        deadline = monotonic() + timeout
        self._follower.end(timeout)
        for upstream in self._upstreams:
            upstream.hurry_to_end(timeout)
        for upstream in self._upstreams:
            upstream.end(deadline)

    def as_dict(self) -> list[dict[str, Any]]:
        """Return the books of every destination as `GET /api/v1/stats` shows them."""
        return [
            {
                **upstream.as_dict(),
                "behind": self._follower.behind(self._begins[upstream.name]),
            }
            for upstream in self._upstreams
        ]
