"""A viewer of a live feed without a socket: reads the frames that it would be sent."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.live import LiveFeed

__all__ = ["Screen", "text_of"]


class Screen:
    """Looks at *feed* from now on, as long as it is `ready`."""

    def __init__(self, feed: LiveFeed) -> None:
        self.ready = True
        self.on_ready: Callable[[], None] = lambda: None
        self.frames: list[bytes] = []
        self.times: list[float] = []
        self._feed = feed
        self._written = asyncio.Event()
        self.viewer = feed.join(self)

    def write(self, frame: bytes) -> None:
        assert self.ready
        self.frames.append(frame)
        self.times.append(time.monotonic())
        self._written.set()

    def be_ready(self) -> None:
        """Read again."""
        self.ready = True
        self.on_ready()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What it was sent."""
        return [json.loads(text_of(frame)) for frame in self.frames]

    @property
    def items(self) -> list[dict[str, Any]]:
        """The same without the messages' envelopes."""
        return [item for message in self.messages for item in message["items"]]

    def items_now(self) -> list[dict[str, Any]]:
        """The same, with what was published a moment ago."""
        self._feed.flush()
        return self.items

    async def until(self, count: int) -> None:
        """Wait until it has been shown *count* items."""
        while len(self.items) < count:
            self._written.clear()
            await asyncio.wait_for(self._written.wait(), 5)


def text_of(frame: bytes) -> bytes:
    """Return the text in a server's frame (RFC 6455 §5.2)."""
    assert frame[0] == 0x81
    width = {126: 2, 127: 8}.get(frame[1], 0)
    size = int.from_bytes(frame[2 : 2 + width]) if width else frame[1]
    assert len(frame) == 2 + width + size
    return frame[2 + width :]
