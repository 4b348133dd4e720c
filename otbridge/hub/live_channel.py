"""What everybody with one filter is shown: chosen once, encoded once, framed once."""

from __future__ import annotations

import logging
from collections import deque
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.live_filter import Searchable
from otbridge.hub.outlet import text_frame
from otbridge.wire.rows import LogRow

if TYPE_CHECKING:
    from collections.abc import Generator

    from otbridge.hub.live_filter import LiveFilter
    from otbridge.wire.rows import SpanRow

__all__ = ["ITEM_BYTES", "RING_BYTES", "RING_ITEMS", "Allowance", "Channel", "LiveItem", "Told"]

_logger = logging.getLogger("otbridge.hub")

RING_ITEMS: Final = 1000
"""Items a viewer may be behind: more than a screen can show of a tenth of a second."""
RING_BYTES: Final = 8 << 20
"""And their size; a single larger item passes alone."""

ITEM_BYTES: Final = 200
"""What an item has beside its record's bytes: the columns, roughly."""


class LiveItem(Searchable):
    """One thing to show, turned into JSON by the first channel that shows it."""

    def __init__(self, kind: str, row: SpanRow | LogRow) -> None:
        super().__init__(row)
        self.kind = kind
        """`log`, `start` or `span`."""
        self.size = len(row.data) + ITEM_BYTES

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


class Allowance:
    """What may be shown to each viewer of a channel: so many bytes a second.

    Args:
        share: That many; full at first.
        now: Monotonic seconds.
    """

    def __init__(self, share: float, now: float) -> None:
        self._left = share
        self._at = now

    def refill(self, share: float, now: float) -> None:
        """Add what time has brought, but never more than a second's.

        Args:
            share: Bytes a second, from now on.
            now: Monotonic seconds.
        """
        self._left = min(share, self._left + (now - self._at) * share)
        self._at = now

    def spend(self, size: int) -> bool:
        """Whether an item of *size* may be shown.

        A large one may take what comes later; else it would never be shown.
        """
        if self._left <= 0:
            return False
        self._left -= size
        return True


class Told(NamedTuple):
    """A message to everybody who was told of the same items before."""

    frame: bytes
    skipped: int
    """How many items it says that they are not shown."""


class Channel:
    """The items that have passed one filter, for as long as a viewer may have to be shown them.

    They are numbered, those too that are shown to nobody. A viewer has the number of the first one
    that it was not told of; of all from there on it is shown those that are in the ring, and told
    how many others there were.

    Args:
        wanted: The filter.
        share: Bytes a second that each viewer may be shown.
        now: Monotonic seconds.
    """

    def __init__(self, wanted: LiveFilter, share: float, now: float) -> None:
        self.filter = wanted
        self.allowance = Allowance(share, now)
        self.end = 0
        """The number of the item that comes next."""
        self._ring: deque[tuple[int, LiveItem]] = deque()
        self._bytes = 0

    def offer(self, item: LiveItem) -> None:
        """Take *item* if it passes; let the oldest go where it does not fit."""
        try:
            passes = self.filter.passes(item)
        except Exception:
            # As above. Whether it was wanted is not known, so it counts.
            _logger.exception("A record cannot be searched live.")
            self.pass_over(1)
            return
        if passes:
            self._append(item)

    def pass_over(self, count: int) -> None:
        """Number *count* items that nobody is shown, whatever they are."""
        self.end += count

    def forget(self, before: int) -> None:
        """Let those items go whose number is below *before*: everybody was told of them."""
        while self._ring and self._ring[0][0] < before:
            self._let_go()

    def unseen(self, since: int) -> list[LiveItem]:
        """Return what can be shown of the items with the number *since* and those after it."""
        latest_first = takewhile(lambda entry: entry[0] >= since, reversed(self._ring))
        return [item for _, item in latest_first][::-1]

    def tell(self, since: int) -> Generator[None, None, Told]:
        """Return what is told to a viewer from number *since* on; yields at each step of the work."""
        shown = []
        for item in self.unseen(since):
            if item.encoded:
                shown.append(item.encoded)
            yield
        skipped = self.end - since - len(shown)
        message = b'{"k":"batch","items":[%b],"skipped":%d}' % (b",".join(shown), skipped)
        return Told(text_frame(message), skipped)

    def _append(self, item: LiveItem) -> None:
        number = self.end
        self.end += 1
        if not self.allowance.spend(item.size):
            return
        self._ring.append((number, item))
        self._bytes += item.size
        while len(self._ring) > RING_ITEMS or (self._bytes > RING_BYTES and len(self._ring) > 1):
            self._let_go()

    def _let_go(self) -> None:
        self._bytes -= self._ring.popleft()[1].size
