"""Shows what arrives to everybody who is looking, before it is stored.

A viewer has a filter and a ring of items that passed it. Ten times a second at most, what is in
the ring goes out as one message; what a slow viewer's ring cannot hold is let go, oldest first,
and the viewer is told how much that was. Nothing here ever waits for a viewer, and without
viewers nothing here costs anything.

Who sends comes before who looks: all viewers share one allowance of bytes and messages, so that
a hundred of them cost little more than a few. A filter is asked once, however many viewers have
it, and they are all shown the same.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from otbridge.hub.live_filter import LiveFilter, Searchable
from otbridge.wire.rows import LogRow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from otbridge.wire.rows import Batch, SpanRow

__all__ = ["LiveFeed", "LiveItem", "Viewer"]

_logger = logging.getLogger("otbridge.hub")

FLUSH_S: Final = 0.012
"""Messages to one viewer are at least this far apart, where there are few viewers: less than a frame
of a screen, so that a line is there within 20 ms."""

GATHER_S: Final = 0.004
"""How long the first item after a silence waits for company."""

RING_ITEMS: Final = 1000
"""Items a viewer may be behind: more than a screen can show of a tenth of a second."""
RING_BYTES: Final = 8 << 20
"""And their size; a single larger item passes alone."""


ALLOWANCE_BYTES_PER_S: Final = 4 << 20
"""What all viewers together are shown, and may be shown at once after a silence. Alone, a viewer
can follow 8,000 rows a second; each of a hundred is still shown more than anybody can read."""
MESSAGES_PER_S: Final = 400
"""To all viewers together; each message costs some 0.1 ms, whatever is in it."""


class LiveItem(Searchable):
    """One thing to show, turned into JSON by the first viewer who needs it."""

    def __init__(self, kind: str, row: SpanRow | LogRow) -> None:
        super().__init__(row)
        self.kind = kind
        """`log`, `start` or `span`."""
        self.size = len(row.data) + 200  # the columns, roughly

    @cached_property
    def encoded(self) -> bytes:
        """The item as the API's JSON; empty where a fault of ours keeps it from being shown."""
        import msgspec

        from otbridge.hub.api.shapes import log_json, span_json

        row = self.row
        try:
            fields = log_json(row) if isinstance(row, LogRow) else span_json(row)
            return msgspec.json.encode({"t": self.kind, **fields})
        except Exception:
            # One record must not end the feed for everybody who looks; it is stored all the same.
            _logger.exception("A record cannot be shown live.")
            return b""


class Selection(NamedTuple):
    """What everybody with one filter is shown of a batch."""

    items: Sequence[LiveItem]
    """In order."""
    size: int
    """The sum of theirs."""
    skipped: int
    """How many others there were."""


class Allowance:
    """What may be shown to each viewer with one filter: so many bytes a second.

    Args:
        share: That many; full at first.
        now: Monotonic seconds.
    """

    def __init__(self, share: float, now: float) -> None:
        self._left = share
        self._at = now

    def select(self, items: Sequence[LiveItem], share: float, now: float) -> Selection:
        """Return as many of *items* as may be shown now.

        A large one may take what comes later; else it would never be shown.

        Args:
            items: What there is.
            share: Bytes a second, from now on.
            now: Monotonic seconds.
        """
        self._left = min(share, self._left + (now - self._at) * share)
        self._at = now
        before = self._left
        for place, item in enumerate(items):
            if self._left <= 0:
                return Selection(items[:place], int(before - self._left), len(items) - place)
            self._left -= item.size
        return Selection(items, int(before - self._left), 0)


class Viewer:
    """Somebody who is looking; made by `LiveFeed.viewer`."""

    def __init__(self, feed: LiveFeed) -> None:
        self._feed = feed
        self._ring: deque[LiveItem] = deque()
        self._ring_bytes = 0
        self._skipped = 0
        self._something = asyncio.Event()
        self._closed = False
        self.filter = LiveFilter()
        """What is wanted; may be replaced at any time."""

    def offer(self, selection: Selection) -> None:
        """Take what has passed the filter; let the oldest go where it does not fit."""
        ring = self._ring
        ring.extend(selection.items)
        self._ring_bytes += selection.size
        self._skip(selection.skipped)
        while len(ring) > RING_ITEMS or (self._ring_bytes > RING_BYTES and len(ring) > 1):
            self._ring_bytes -= ring.popleft().size
            self._skip(1)
        if ring:
            self._something.set()

    def _skip(self, count: int) -> None:
        self._skipped += count
        self._feed.skipped += count

    def close(self) -> None:
        """Take nothing any more, and end `run` once what is in the ring has been sent."""
        self._closed = True
        self._something.set()

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send messages by *send* until the viewer is closed.

        *send* may take as long as it likes: the ring bounds what gathers meanwhile.
        """
        while True:
            await self._something.wait()
            if not self._closed:
                await asyncio.sleep(GATHER_S)
            message = self._take()
            if message:
                await send(message)
            if self._closed:
                return
            await asyncio.sleep(self._feed.pause_s - GATHER_S)

    def _take(self) -> bytes:
        """Empty the ring into one message; empty where there is nothing to say."""
        items, skipped = self._ring, self._skipped
        self._ring, self._ring_bytes, self._skipped = deque(), 0, 0
        self._something.clear()
        body = b",".join(filter(None, (item.encoded for item in items)))
        if not body and not skipped:
            return b""
        return b'{"k":"batch","items":[%b],"skipped":%d}' % (body, skipped)


class LiveFeed:
    """Everybody who is looking. Used by the event loop only."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._allowances: dict[LiveFilter, Allowance] = {}
        self.skipped = 0
        """Items that some viewer was not shown, since the hub began."""

    @property
    def viewers(self) -> int:
        """How many are looking."""
        return len(self._viewers)

    @property
    def pause_s(self) -> float:
        """Time between two messages to one viewer."""
        return max(FLUSH_S, len(self._viewers) / MESSAGES_PER_S)

    def as_dict(self) -> dict[str, Any]:
        """Return the feed's numbers as `GET /api/v1/stats` shows them."""
        return {"viewers": self.viewers, "skipped": self.skipped}

    def join(self) -> Viewer:
        """Return a new viewer, who sees everything that is published from now on."""
        viewer = Viewer(self)
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget *viewer*; may be called twice."""
        self._viewers.discard(viewer)

    def publish(self, batch: Batch) -> None:
        """Show what *batch* brought: beginnings first, then logs, then ends.

        A beginning that is told again was shown before.
        """
        if not self._viewers:
            return
        items = [LiveItem("start", row) for row in batch.open_spans if not row.again]
        items += [LiveItem("log", row) for row in batch.logs]
        items += [LiveItem("span", row) for row in batch.spans]
        self._offer(items)

    def publish_lost(self, spans: list[SpanRow]) -> None:
        """Show that *spans* will never end."""
        if self._viewers:
            self._offer([LiveItem("span", row) for row in spans])

    def close(self) -> None:
        """Let everybody go, after what they have not seen yet."""
        for viewer in self._viewers:
            viewer.close()

    def _offer(self, items: list[LiveItem]) -> None:
        share = ALLOWANCE_BYTES_PER_S / len(self._viewers)
        now = time.monotonic()
        allowances = self._allowances
        selections: dict[LiveFilter, Selection] = {}
        self._allowances = {}  # without those whose viewers have gone
        for viewer in self._viewers:
            wanted = viewer.filter
            selection = selections.get(wanted)
            if selection is None:
                allowance = self._allowances[wanted] = allowances.get(wanted) or Allowance(
                    share, now
                )
                passes = wanted.passes
                passed = [item for item in items if passes(item)]
                selection = selections[wanted] = allowance.select(passed, share, now)
            viewer.offer(selection)
