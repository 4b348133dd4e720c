"""Where a bridge in your own application sends: into that application's delivery."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["RelayConsumer"]


class RelayConsumer:
    """Puts what browsers send into the queue that the application's own telemetry leaves by.

    A request keeps its own resource. It counts as taken once it is queued; from there on the
    delivery's promises and its ledger hold. Records that the queue does not take (it is full, or
    the signal is switched off) are rejected for good and not asked for again: the ledger has
    counted them already, and a signal that is off would hold up the others of the same batch.

    Spans that have begun are not passed on: the destination may be any OpenTelemetry backend,
    and those know none.
    """

    def __init__(self) -> None:
        self._started = False

    async def consume(
        self,
        signal: Signal,
        request: bytes,
        *,
        key: tuple[str, int] | None,  # noqa: ARG002 - the bridge has made sure of it already
        origin: str,  # noqa: ARG002 - it is in the resource
        project: str,  # noqa: ARG002 - an application has one delivery
    ) -> int:
        """Queue *request*; return how many of its records found no room (see `Consumer`)."""
        if not self._started:
            # The first use imports and configures the application's delivery, which takes a while.
            _, refused = await asyncio.to_thread(_relay, signal, request)
            self._started = True
        else:
            _, refused = _relay(signal, request)
        return refused

    async def open_spans(self, request: bytes, *, origin: str, project: str) -> None:
        """Ignore them."""

    async def gone(self, stream: str, *, project: str) -> None:
        """Ignore it: no span was shown as open."""


def _relay(signal: Signal, request: bytes) -> tuple[int, int]:
    from otbridge.telemetry.relay import relay

    return relay(signal, request)
