"""A sink that keeps what it is sent: for tests, and for looking at what would be sent."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from otbridge.typing import SendResult, Success

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["MemorySink"]


class MemorySink:
    """Keeps every request; answers as told, `Success()` where nothing was said.

    Args:
        answers: What to answer to the first requests, in this order.
    """

    def __init__(self, *answers: SendResult) -> None:
        self.answers = deque(answers)
        self.requests: list[tuple[Signal, bytes]] = []
        """(signal, request) of every send, refused ones too."""
        self.closed = False

    @property
    def name(self) -> str:
        """The sink in words for people."""
        return "memory"

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:  # noqa: ARG002 - the protocol's signature; memory does not wait
        """Keep *request* and give the next answer."""
        self.requests.append((signal, request))
        return self.answers.popleft() if self.answers else Success()

    def close(self) -> None:
        """Note that the sink was closed; what was kept stays."""
        self.closed = True
