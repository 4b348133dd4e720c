"""The bridge's telemetry takes the same way in as everybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.bridge.ingest import BridgeBusy
from otbridge.hub.ingest import Busy

if TYPE_CHECKING:
    from otbridge.hub.ingest import Ingest
    from otbridge.typing import Signal

__all__ = ["BridgeConsumer"]


class BridgeConsumer:
    """What a mounted bridge hands its requests to; see `otbridge.bridge.ingest.Consumer`.

    Args:
        ingest: Who takes them.
    """

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    async def consume(
        self, signal: Signal, request: bytes, *, key: tuple[str, int] | None, origin: str
    ) -> int:
        """Take a request; return how many of its records were refused for good.

        Raises:
            BridgeBusy: Nothing was taken.
            WireError: It can never be taken.
        """
        if key is not None:
            # A batch becomes one request per signal, and each is stored once.
            key = (f"{key[0]}/{signal}", key[1])
        try:
            taken = await self._ingest.take(signal, request, door=f"bridge/{origin}", key=key)
        except Busy as error:
            raise BridgeBusy(error.retry_s) from error
        return taken.rejected

    async def open_spans(self, request: bytes, *, origin: str) -> None:  # noqa: ARG002
        """Show spans that have begun. Their resource says already where they come from."""
        await self._ingest.take_open_spans(request)

    async def gone(self, stream: str) -> None:
        """Give up the spans that the peer of *stream* left open."""
        await self._ingest.producer_gone(stream)
