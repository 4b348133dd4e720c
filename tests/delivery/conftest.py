"""What the delivery tests share: records with a number, and a sink that can be held."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from otbridge.testing import FakeClock
from otbridge.typing import SendResult, Success
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, split_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otbridge.typing import Signal


class HeldSink:
    """Answers nothing until it is let go; remembers the records that it was sent."""

    name = "held"

    def __init__(self) -> None:
        self.held = threading.Event()
        self.entered = threading.Event()
        self.records: list[bytes] = []
        self.batches: list[int] = []
        self.closed = 0

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
        self.entered.set()
        self.held.wait()
        entries = split_request(signal, request)
        self.batches.append(len(entries))
        self.records += [record for _, record in entries]
        return Success()

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def record() -> Callable[[int], bytes]:
    """Make records that can be told from each other by their number."""
    return lambda number: encode_log_record(number, number, 9, "INFO", "event", {"n": number})


@pytest.fixture
def envelope() -> Envelope:
    return Envelope.of({"service.name": "test"}, "tests")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def held() -> Iterator[HeldSink]:
    sink = HeldSink()
    yield sink
    sink.held.set()


@pytest.fixture
def reports() -> list[str]:
    return []
