"""What delivery must not do to the program it lives in. Each test is a row of the fault table."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.settings import QueueSettings, RetrySettings
from otbridge.sinks.memory import MemorySink
from otbridge.testing import Answer, FakeClock, OtlpReceiver
from otbridge.typing import Success

if TYPE_CHECKING:
    from otbridge.typing import SendResult, Signal


class JumpingClock(FakeClock):
    """A wall clock that is set 400 days ahead and back again with every look."""

    _days = 400

    def time_ns(self) -> int:
        self._days = -self._days
        return super().time_ns() + self._days * 86_400 * 10**9


@pytest.mark.parametrize("level", ["memory", "process"])
def test_a_wall_clock_that_jumps_changes_no_wait_and_loses_nothing(
    deliver: Any, receiver: OtlpReceiver, numbers: Any, eventually: Any, level: str
) -> None:
    """Row 37: waits are by the monotonic clock."""
    receiver.answer_next(Answer.retry_in(30))
    clock = JumpingClock()
    delivery = deliver(receiver, level, clock=clock, retry=RetrySettings())
    delivery.put(10)
    clock.wait_for_waiter(lambda seconds: seconds == 0.02)
    clock.advance(0.02)
    eventually(lambda: delivery.ledger.spooled == 10)
    receiver.wait_for_requests(1)
    wait = clock.wait_for_waiter(lambda seconds: seconds is not None and 2 < seconds < 60)
    assert 29.9 <= (wait or 0) <= 33
    clock.advance(33)
    receiver.wait_for(10)
    assert numbers(receiver) == dict.fromkeys(range(10), 1)


class Rude(BaseException):
    """No Exception at all."""


@pytest.mark.parametrize("fault", [RuntimeError("x"), MemoryError(), Rude(), SystemExit(1)])
@pytest.mark.parametrize("spooled", [True, False])
def test_a_sink_that_raises_costs_no_record(
    deliver: Any, fault: BaseException, spooled: bool
) -> None:
    """Row 38: whatever it raises, as often as it likes."""

    class Faulty(MemorySink):
        def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
            if len(self.requests) < 5:
                self.requests.append((signal, b""))
                raise fault
            return super().send(signal, request, timeout)

    delivery = deliver(Faulty(), spooled=spooled)
    delivery.put(100)
    delivery.drain()
    assert delivery.ledger.delivered == 100


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "block", "sample", "spool"])
def test_a_burst_into_a_full_queue_is_counted_to_the_last_record(deliver: Any, policy: str) -> None:
    """Row 41: as many as a loop can put; memory is bounded; begin and end are each said once."""

    class Slow(MemorySink):
        def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:
            self.requests.append((signal, b""))
            return Success()

    sink = Slow()
    queue = QueueSettings(max_records=500, policy=policy, block_s=5.0)  # type: ignore[arg-type]  # one of them
    delivery = deliver(sink, queue=queue, spooled=policy == "spool")
    most = 0
    for _ in range(200):
        delivery.put(100)
        most = max(most, delivery.ledger.in_memory)
    delivery.drain()
    assert most <= 500 + 8192  # a batch may be in flight
    lost = delivery.ledger.snapshot().lost
    if policy in {"block", "spool"}:
        assert lost == 0
    if lost:
        assert delivery.reports[0].startswith("otbridge is losing logs")
        assert len(delivery.reports) <= 2


def run(program: str, url: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "OTBRIDGE_"))},
            "OTBRIDGE_ENDPOINT": url,
            "OTBRIDGE_CONSOLE": "off",
            "OTBRIDGE_LIVE": "off",
            **environ,
        },
    )


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_no_library_that_sends_makes_records_of_its_own(protocol: str) -> None:
    """Row 39: everything is captured, at DEBUG, and only the program's lines arrive."""
    program = """
        import logging, otbridge
        logging.basicConfig(level=logging.DEBUG)
        otbridge.configure("shop", level="debug")
        for number in range(20):
            logging.getLogger("program").debug("line")
            otbridge.flush()
    """
    with OtlpReceiver() as receiver:
        url = receiver.http_url if protocol != "grpc" else f"http://{receiver.grpc_target}"
        done = run(program, url, OTBRIDGE_PROTOCOL=protocol)
        assert done.returncode == 0, done.stderr
        assert [log.body.string_value for log in receiver.logs] == ["line"] * 20


def test_a_sink_that_logs_is_not_heard() -> None:
    """Row 39: logging from inside delivery goes nowhere, and does not go round in circles."""
    program = """
        import logging, otbridge
        from otbridge import _configure
        from otbridge.config import resolve
        from otbridge.sinks.memory import MemorySink

        class Chatty(MemorySink):
            def send(self, signal, request, timeout):
                logging.getLogger("sink").error("sending")
                otbridge.get_logger("sink").error("sending")
                return super().send(signal, request, timeout)

        sinks = []
        def make(signal, destination):
            sinks.append(Chatty())
            return sinks[-1]

        _configure.activate(resolve({"endpoint": "http://memory", "metrics": False}), make_sink=make)
        otbridge.get_logger("program").info("line")
        otbridge.shutdown()
        assert otbridge.stats()["logs"].accepted == 1, otbridge.stats()
        assert sum(len(sink.requests) for sink in sinks) == 1
    """
    done = run(program, "http://unused:1")
    assert done.returncode == 0, done.stderr


POISON = """
    import otbridge, math, threading

    class Raises:
        def __str__(self): raise ValueError("no")
        __repr__ = __str__

    class Recurses:
        def __str__(self): return str(self)
        __repr__ = __str__

    class Hits:
        def __getattr__(self, name): raise MemoryError(name)

    cyclic = {}
    cyclic["self"] = cyclic
    poison = [
        cyclic, dict.fromkeys(map(str, range(10**6)), 1), "x" * 10**8, "\\ud800", math.nan,
        math.inf, 2**70, -2**70, b"\\xff", Raises(), Recurses(), Hits(), threading.Lock(), lambda: 0,
        [[[[[[[[[[[[1]]]]]]]]]]]] * 3, object(), 1j, range(10**9),
    ]
    log = otbridge.get_logger("x")
    for number, value in enumerate(poison):
        log.info("good", n=number)
        log.info("bad", value=value)
        log.info(value)
    log.info("last")
    result = otbridge.flush(20)
    stats = otbridge.stats()["logs"]
    assert stats.accepted == stats.delivered == 3 * len(poison) + 1, stats
"""


def test_no_value_harms_its_neighbours(receiver: OtlpReceiver) -> None:
    """Row 40: cyclic, huge, broken, raising: every record arrives, its own included."""
    done = run(POISON, receiver.http_url)
    assert done.returncode == 0, done.stderr
    good = [log for log in receiver.logs if log.body.string_value == "good"]
    assert len(good) == 18
    assert receiver.logs[-1].body.string_value == "last"
    assert math.isclose(len(receiver.logs), 55)
