"""Shows what arrives to everybody who is looking, before it is stored.

Who sends comes before who looks. To publish is to put a batch aside, and nothing where nobody
looks. Some milliseconds later the feed takes a round: it asks each filter once, however many
viewers have it, makes one message for all of them, and writes it to their sockets. It works in
short slices with rests between them, so that no request waits for more than one slice, and the
viewers together never have more than a third of the event loop's time. What they cannot be shown
within that, and within an allowance of bytes and messages that they share, is counted, and told.

Nothing here ever waits for a viewer: one that does not read is left out until it does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.live_channel import ITEM_BYTES, Channel, LiveItem
from otbridge.hub.live_filter import LiveFilter
from otbridge.wire.rows import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.live_channel import Told
    from otbridge.hub.outlet import Outlet
    from otbridge.wire.rows import SpanRow

__all__ = ["LiveFeed", "Viewer"]

_logger = logging.getLogger("otbridge.hub")

FLUSH_S: Final = 0.010
"""Rounds begin at least this far apart, where there are few viewers: less than a frame of a screen,
so that a line is there within 20 ms."""

GATHER_S: Final = 0.002
"""How long the first item after a silence waits for company."""

SLICE_S: Final = 0.0005
"""How long the feed works at a time: a request that comes meanwhile waits for the rest of it."""
REST_S: Final = 0.001
"""How long it rests then, at least: the shortest time that an event loop waits for.

To yield is not enough. The thread that writes the receive log needs the interpreter's lock once
more before a sender has its answer, and gets it where the event loop waits, not where it only asks
whether something has come (measured with a hundred viewers: the senders' 99th percentile is 8 ms
with turns instead of rests, and 9 ms with the feed in a thread of its own, where 2 are usual).
"""

ARRIVED_BYTES: Final = 16 << 20
"""What waits for the feed: about a second of the most that a hub takes."""

ALLOWANCE_BYTES_PER_S: Final = 4 << 20
"""What all viewers together are shown, and may be shown at once after a silence. Alone, a viewer
can follow 8,000 rows a second; each of a hundred is still shown more than anybody can read."""
MESSAGES_PER_S: Final = 1000
"""To all viewers together; each message costs some 20 µs, most of them the system's."""


class Viewer:
    """Somebody who is looking; made by `LiveFeed.join`."""

    def __init__(self, feed: LiveFeed, outlet: Outlet, channel: Channel) -> None:
        self._feed = feed
        self.outlet = outlet
        """Where the messages go."""
        self.channel = channel
        """What there is to see."""
        self.next = channel.end
        """The number of the first item there that it was not told of."""
        self.let_go = asyncio.Event()
        """Set when the feed has ended, and everything was written."""

    def look_for(self, wanted: LiveFilter) -> None:
        """Be shown what passes *wanted*, of what comes from now on."""
        self._feed.change(self, wanted)

    @property
    def skipped(self) -> int:
        """Items that it will not be shown, of those that it was not told of yet."""
        return self.channel.end - self.next - len(self.channel.unseen(self.next))


class LiveFeed:
    """Everybody who is looking. Used by the event loop only."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._channels: dict[LiveFilter, Channel] = {}
        self._arrived: deque[tuple[Batch, int]] = deque()
        self._arrived_bytes = 0
        self._passed_over = 0
        self._skipped = 0
        self._showing: asyncio.Task[None] | None = None
        self._round: Iterator[None] = iter(())
        self._again = False
        self._closed = False

    @property
    def viewers(self) -> int:
        """How many are looking."""
        return len(self._viewers)

    @property
    def skipped(self) -> int:
        """Items that some viewer was not shown, since the hub began."""
        return self._skipped + sum(viewer.skipped for viewer in self._viewers)

    @property
    def pause_s(self) -> float:
        """Time from round to round, each of which brings a viewer one message at most."""
        return max(FLUSH_S, len(self._viewers) / MESSAGES_PER_S)

    def as_dict(self) -> dict[str, Any]:
        """Return the feed's numbers as `GET /api/v1/stats` shows them."""
        return {"viewers": self.viewers, "skipped": self.skipped}

    def join(self, outlet: Outlet) -> Viewer:
        """Return a new viewer, who is shown by *outlet* everything that comes from now on."""
        viewer = Viewer(self, outlet, self._channel(LiveFilter()))
        outlet.on_ready = self._show_again
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget *viewer*; may be called twice."""
        if viewer in self._viewers:
            self._skipped += viewer.skipped
            self._viewers.discard(viewer)
            self._forget_channels()
        if not self._viewers:  # the next one is not to be shown what came before
            self._take_arrived()
            self._passed_over = 0

    def change(self, viewer: Viewer, wanted: LiveFilter) -> None:
        """Show *viewer* what passes *wanted* from now on."""
        self._skipped += viewer.skipped
        viewer.channel = self._channel(wanted)
        viewer.next = viewer.channel.end
        self._forget_channels()

    def publish(self, batch: Batch) -> None:
        """Show what *batch* brought: beginnings first, then logs, then ends.

        A beginning that is told again was shown before.
        """
        if not self._viewers or self._closed:
            return
        size = _size(batch)
        self._arrived.append((batch, size))
        self._arrived_bytes += size
        while self._arrived_bytes > ARRIVED_BYTES and len(self._arrived) > 1:
            late, size = self._arrived.popleft()
            self._arrived_bytes -= size
            self._passed_over += _count(late)
        self._wake()

    def publish_lost(self, spans: list[SpanRow]) -> None:
        """Show that *spans* will never end."""
        self.publish(Batch(spans=spans))

    def flush(self) -> None:
        """Show everything that was published, at once."""
        for _ in chain(self._round, self._one_round()):
            pass

    def close(self) -> None:
        """Let everybody go, after what they have not seen yet."""
        self._closed = True
        if self._showing is not None:
            self._showing.cancel()
        try:
            self.flush()
        except Exception:
            _logger.exception("The live feed has left something out at its end.")
        for viewer in self._viewers:
            viewer.let_go.set()

    def _show_again(self) -> None:
        self._again = True
        self._wake()

    def _wake(self) -> None:
        if self._showing is None and not self._closed:
            self._showing = asyncio.get_running_loop().create_task(self._show())

    async def _show(self) -> None:
        """Take rounds until there is nothing to show."""
        try:
            while self._viewers and (self._arrived or self._again):
                began = time.monotonic()
                await asyncio.sleep(GATHER_S)
                self._again = False
                self._round = self._one_round()
                await _in_slices(self._round)
                await asyncio.sleep(began + self.pause_s - time.monotonic())
        except Exception:
            # The next batch begins anew, with those who look then.
            _logger.exception("The live feed has left something out.")
        finally:
            self._showing = None

    def _one_round(self) -> Iterator[None]:
        """Show what has arrived; a small step each time."""
        batches = self._take_arrived()
        now = time.monotonic()
        share = ALLOWANCE_BYTES_PER_S / max(1, len(self._viewers))
        channels = list(self._channels.values())
        for channel in channels:
            channel.pass_over(self._passed_over)
            channel.allowance.refill(share, now)
        self._passed_over = 0
        for item in chain.from_iterable(map(_items, batches)):
            for channel in channels:
                channel.offer(item)
            yield
        for channel in channels:
            yield from self._send(channel)

    def _take_arrived(self) -> list[Batch]:
        batches = [batch for batch, _ in self._arrived]
        self._arrived.clear()
        self._arrived_bytes = 0
        return batches

    def _send(self, channel: Channel) -> Iterator[None]:
        """Write to everybody with this filter what they were not told of."""
        told: dict[int, Told] = {}
        for viewer in self._in(channel):
            since = viewer.next
            if since == channel.end or not viewer.outlet.ready:
                continue
            if since not in told:
                told[since] = yield from channel.tell(since)
            if viewer in self._viewers and viewer.channel is channel:
                viewer.outlet.write(told[since].frame)
                viewer.next = channel.end
                self._skipped += told[since].skipped
            yield
        channel.forget(min((viewer.next for viewer in self._in(channel)), default=channel.end))

    def _in(self, channel: Channel) -> list[Viewer]:
        return [viewer for viewer in self._viewers if viewer.channel is channel]

    def _channel(self, wanted: LiveFilter) -> Channel:
        channel = self._channels.get(wanted)
        if channel is None:
            share = ALLOWANCE_BYTES_PER_S / (len(self._viewers) + 1)
            channel = self._channels[wanted] = Channel(wanted, share, time.monotonic())
        return channel

    def _forget_channels(self) -> None:
        used = {viewer.channel.filter for viewer in self._viewers}
        for wanted in self._channels.keys() - used:
            del self._channels[wanted]


async def _in_slices(steps: Iterator[None]) -> None:
    """Take all *steps*, and rest after each `SLICE_S`."""
    clock = time.perf_counter
    until = clock() + SLICE_S
    for _ in steps:
        if clock() > until:
            await asyncio.sleep(REST_S)
            until = clock() + SLICE_S


def _items(batch: Batch) -> Iterator[LiveItem]:
    for row in batch.open_spans:
        if not row.again:
            yield LiveItem("start", row)
    for log in batch.logs:
        yield LiveItem("log", log)
    for span in batch.spans:
        yield LiveItem("span", span)


def _count(batch: Batch) -> int:
    return len(batch.open_spans) + len(batch.logs) + len(batch.spans)


def _size(batch: Batch) -> int:
    size = ITEM_BYTES * _count(batch)
    for rows in (batch.open_spans, batch.logs, batch.spans):
        size += sum([len(row.data) for row in rows])
    return size
