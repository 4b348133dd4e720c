"""Where a bridge in your own application sends: into that application's delivery."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from otbridge.bridge.ingest import BridgeBusy

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.typing import Signal

__all__ = ["RelayConsumer"]

FULL_RETRY_S: Final = 2.0
"""When to come again after the delivery queue was full: several batches have left it by then."""


class RelayConsumer:
    """Puts what browsers send into the queue that the application's own telemetry leaves by.

    A request keeps its own resource. It counts as taken once it is queued; from there on the
    delivery's promises and its ledger hold. Spans that have begun are not passed on: the
    destination may be any OpenTelemetry backend, and those know none.
    """

    def __init__(self) -> None:
        self._relay: Callable[[Signal, bytes], tuple[int, int]] | None = None

    async def consume(
        self,
        signal: Signal,
        request: bytes,
        *,
        key: tuple[str, int] | None,  # noqa: ARG002 - the bridge has made sure of it already
        origin: str,  # noqa: ARG002 - it is in the resource
    ) -> int:
        """Queue *request*; see `Consumer`.

        Raises:
            BridgeBusy: The queue is full.
        """
        if self._relay is None:
            # The first import configures the application's delivery, which takes a while.
            self._relay = await asyncio.to_thread(_load)
        taken, refused = self._relay(signal, request)
        if refused and not taken:
            raise BridgeBusy(FULL_RETRY_S)
        return refused

    async def open_spans(self, request: bytes, *, origin: str) -> None:
        """Ignore them."""

    async def gone(self, stream: str) -> None:
        """Ignore it: no span was shown as open."""


def _load() -> Callable[[Signal, bytes], tuple[int, int]]:
    from otbridge.telemetry.relay import relay

    return relay
