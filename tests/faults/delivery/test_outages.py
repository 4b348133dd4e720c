"""Receivers that are away, slow, silent or rude. Each test is a row of the fault table."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.settings import RetrySettings
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = pytest.mark.parametrize("level", ["memory", "process"])


@LEVELS
def test_an_outage_loses_nothing_and_is_made_up_for_in_seconds(
    deliver: Any, numbers: Any, level: str
) -> None:
    """Row 1, a fortieth as long and twice as fast: nothing lost, nothing twice."""
    with OtlpReceiver() as receiver:
        port = receiver.http_port
        delivery = deliver(receiver, level, retry=RetrySettings(brief_s=0.5))
        delivery.put(500, per_second=1000)
    delivery.put(1500, per_second=1000)  # nobody listens
    with OtlpReceiver(http_port=port) as back:
        begin = time.monotonic()
        delivery.put(500, per_second=1000)
        delivery.drain()
        assert time.monotonic() - begin < 10
        assert set(numbers(receiver) + numbers(back)) == set(range(2500))
        assert (numbers(receiver) + numbers(back)).total() == 2500


def test_an_outage_ends_without_anybody_asking(deliver: Any, eventually: Any) -> None:
    """Row 1: drained within ten seconds of the return, by the worker's own looks."""
    with OtlpReceiver() as receiver:
        port = receiver.http_port
    sink = OtlpHttpSink(f"http://127.0.0.1:{port}")
    delivery = deliver(sink, retry=RetrySettings(brief_s=0.1))
    delivery.put(100)
    eventually(lambda: delivery.ledger.spooled == 100)
    with OtlpReceiver(http_port=port) as back:
        back.wait_for(100, timeout=10)
        eventually(lambda: delivery.ledger.delivered == 100)
    delivery.adds_up()


def test_a_slow_receiver_slows_nobody_who_logs(
    deliver: Any, receiver: OtlpReceiver, numbers: Any
) -> None:
    """Row 3: 99 of 100 calls take less than a millisecond while each request takes half a one."""
    receiver.answer_always(Answer.ok().after(0.5))
    delivery = deliver(receiver)
    delivery.put(1000, per_second=1000)
    assert delivery.slowest_put < 0.001
    delivery.drain()
    assert numbers(receiver) == dict.fromkeys(range(1000), 1)


def test_a_receiver_that_never_answers_costs_the_timeout(
    deliver: Any, receiver: OtlpReceiver, numbers: Any
) -> None:
    """Row 4: the request ends in time, and what it carried is sent again."""
    receiver.answer_next(Answer.hang())
    delivery = deliver(receiver, retry=RetrySettings(attempt_s=0.3, brief_s=0.1))
    delivery.put(100)
    begin = time.monotonic()
    delivery.drain()
    assert 0.25 < time.monotonic() - begin < 8  # ten seconds are the default
    assert numbers(receiver) == dict.fromkeys(range(100), 1)


def test_an_answer_that_is_lost_costs_one_batch_twice(
    deliver: Any, receiver: OtlpReceiver, numbers: Any
) -> None:
    """Rows 4 and 6: taken, but never acknowledged, so sent again, once."""
    receiver.answer_next(replace(Answer.hang(), accepts=True))
    delivery = deliver(receiver, retry=RetrySettings(attempt_s=0.3, brief_s=0.1))
    delivery.put(100)
    delivery.drain()
    assert set(numbers(receiver)) == set(range(100))
    assert max(numbers(receiver).values()) == 2
    assert delivery.ledger.delivered == 100


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port whose connections are never completed: the backlog of the listener is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_a_black_hole_delays_neither_callers_nor_the_end(deliver: Any, black_hole: int) -> None:
    """Row 5: connecting is given up in time, the program ends in time, and nothing is lost."""
    delivery = deliver(
        OtlpHttpSink(f"http://127.0.0.1:{black_hole}"), retry=RetrySettings(attempt_s=0.3)
    )
    delivery.put(100)
    assert delivery.slowest_put < 0.25  # connecting takes longer
    begin = time.monotonic()
    result = delivery.end(1.0)
    assert time.monotonic() - begin < 4  # connecting alone may take five seconds
    assert (result.delivered, result.failed, result.spooled) == (0, 0, 100)


@pytest.fixture
def resetting() -> Iterator[int]:
    """A port that resets each connection in the middle of the request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.recv(10)
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_reset_in_the_middle_is_tried_again_at_once_and_kept(
    deliver: Any, resetting: int, eventually: Any
) -> None:
    """Row 6: what was reset is tried again at once, and then kept."""
    delivery = deliver(OtlpHttpSink(f"http://127.0.0.1:{resetting}"))
    begin = time.monotonic()
    delivery.put(10)
    eventually(lambda: delivery.ledger.spooled == 10)
    assert time.monotonic() - begin < 8  # an attempt may take ten seconds
    delivery.adds_up()


def test_a_name_that_does_not_resolve_delays_nobody_who_logs(
    deliver: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 16: the resolver is asked in the worker's thread."""
    resolve, asked = socket.getaddrinfo, []

    def remember(*given: Any, **more: Any) -> Any:
        asked.append(threading.current_thread())
        return resolve(*given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", remember)
    delivery = deliver(OtlpHttpSink("http://no-such-host.invalid:4318"))
    delivery.put(100)
    eventually(lambda: delivery.ledger.spooled == 100)
    assert asked
    assert threading.current_thread() not in asked


@LEVELS
def test_a_receiver_that_flaps_gets_everything(deliver: Any, numbers: Any, level: str) -> None:
    """Row 16: up and down ten times, on one port."""
    with OtlpReceiver() as first:
        port = first.http_port
    received = numbers(first)
    delivery = deliver(OtlpHttpSink(f"http://127.0.0.1:{port}"), level)
    for _ in range(10):
        delivery.put(50)
        delivery.pipeline.flush(0.3)
        with OtlpReceiver(http_port=port) as up:
            delivery.put(50)
            delivery.pipeline.flush(2)
        received += numbers(up)
    with OtlpReceiver(http_port=port) as up:
        delivery.drain()
    received += numbers(up)
    assert set(received) == set(range(1000))
