"""Receivers that answer, but not with a plain yes. Each test is a row of the fault table."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.settings import RetrySettings
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, FakeClock, OtlpReceiver, Tls

if TYPE_CHECKING:
    from collections.abc import Callable

CERTIFICATE = str(Path(__file__).parents[2] / "sinks" / "localhost.pem")


def wait_before_the_second_try(deliver: Any, receiver: OtlpReceiver, to: Any = None) -> float:
    """Let one record be refused for now; return how long delivery means to wait then."""
    clock = FakeClock()
    delivery = deliver(to or receiver, clock=clock, retry=RetrySettings())
    delivery.put(1)
    clock.wait_for_waiter(lambda seconds: seconds == 0.02)
    clock.advance(0.02)
    receiver.wait_for_requests(1)
    wait = clock.wait_for_waiter(lambda seconds: seconds is not None and seconds != 0.02)
    clock.advance(400)
    receiver.wait_for(1)
    assert len(receiver.requests) == 2
    return wait or 0.0


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_for_seconds_gets_them(deliver: Any, receiver: OtlpReceiver, status: int) -> None:
    """Row 7: the next try comes after 30 to 33 seconds."""
    receiver.answer_next(Answer.retry_in(30, status=status))
    assert 30 <= wait_before_the_second_try(deliver, receiver) <= 33


def test_who_names_a_date_is_not_asked_before_it(deliver: Any, receiver: OtlpReceiver) -> None:
    """Row 7: Retry-After may be an HTTP-date, with a resolution of a second."""
    date = formatdate(time.time() + 31, usegmt=True)
    receiver.answer_next(Answer.refuse(503, retry_after=date))
    assert 29 <= wait_before_the_second_try(deliver, receiver) <= 35


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [("1000000000", 300, 330), ("-5", 0, 30), ("soon", 0, 30), ("nan", 0, 30), ("1e309", 0, 30)],
)
def test_an_absurd_request_to_wait_is_kept_within_five_minutes(
    deliver: Any, receiver: OtlpReceiver, value: str, least: float, most: float
) -> None:
    """Row 8: clamped where it is a number, ignored where it is none."""
    receiver.answer_next(Answer.refuse(503, retry_after=value))
    assert least <= wait_before_the_second_try(deliver, receiver) <= most


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_who_asks_for_time_over_grpc_gets_it(
    deliver: Any, receiver: OtlpReceiver, code: str
) -> None:
    """Rows 9 and 10: RetryInfo in the status details; it makes RESOURCE_EXHAUSTED pass, too."""
    receiver.answer_next(Answer.retry_in(7.5, code=code))
    sink = OtlpGrpcSink(receiver.grpc_target, insecure=True)
    assert 7.5 <= wait_before_the_second_try(deliver, receiver, sink) <= 8.3


def test_resource_exhausted_without_more_is_final(deliver: Any, receiver: OtlpReceiver) -> None:
    """Row 10: one try, and counted."""
    receiver.answer_always(Answer.refuse(429, "RESOURCE_EXHAUSTED"))
    delivery = deliver(OtlpGrpcSink(receiver.grpc_target, insecure=True))
    delivery.put(1)
    delivery.drain()
    assert delivery.ledger.rejected == {"RESOURCE_EXHAUSTED": 1}
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("spooled", [True, False])
def test_what_is_refused_in_part_is_counted_and_not_sent_again(
    deliver: Any, receiver: OtlpReceiver, spooled: bool
) -> None:
    """Row 11."""
    receiver.answer_next(Answer.partial(7, "too old"))
    delivery = deliver(receiver, spooled=spooled)
    delivery.put(10)
    delivery.drain()
    assert (delivery.ledger.delivered, delivery.ledger.rejected) == (3, {"partial_success": 7})
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_one_record_that_is_refused_takes_no_other_with_it(
    deliver: Any, receiver: OtlpReceiver, numbers: Callable[..., Any], status: int
) -> None:
    """Row 12: found in about log₂ of the batch in requests."""
    wanted = re.compile(rb"\x0a\x01n\x12\x02\x18\x25")  # attribute n = 37
    receiver.answer_always(
        lambda body: Answer.refuse(status) if wanted.search(body) else Answer.ok()
    )
    delivery = deliver(receiver)
    delivery.put(100)
    delivery.drain()
    assert set(numbers(receiver)) == set(range(100)) - {37}
    assert delivery.ledger.rejected == {str(status): 1}
    assert len(receiver.requests) <= 2 * 7 + 2


def test_a_refused_key_without_a_spool_is_counted(deliver: Any, receiver: OtlpReceiver) -> None:
    """Row 13, in memory; with a spool see tests/delivery/test_spooling.py."""
    receiver.answer_always(Answer.refuse(401))
    delivery = deliver(receiver, spooled=False)
    delivery.put(10)
    delivery.drain()
    assert delivery.ledger.rejected == {"401": 10}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer.raw(302, b"", "text/html", location="/login"), "302"),
        (Answer.raw(200, b"<html>", "text/html"), "invalid_response"),
        (Answer.raw(200, b"\xff\xff", "application/x-protobuf"), "invalid_response"),
    ],
)
def test_who_is_no_receiver_is_no_success(
    deliver: Any, receiver: OtlpReceiver, answer: Answer, reason: str
) -> None:
    """Row 14, in memory: counted. With a spool: kept, see tests/delivery/test_spooling.py."""
    receiver.answer_always(answer)
    delivery = deliver(receiver, spooled=False)
    delivery.put(10)
    delivery.drain()
    assert delivery.ledger.rejected == {reason: 10}


BOMB = """
import resource, sys
from otbridge.sinks.otlp_http import OtlpHttpSink
sink = OtlpHttpSink(sys.argv[1])
print(sink.send("logs", b"", 10))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sink.send("logs", b"", 30))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_compressed_gigabyte_costs_no_memory(receiver: OtlpReceiver) -> None:
    """Row 15: read to its limit, refused, and not asked for again (OTLP: not retryable)."""
    bomb = gzip.compress(bytes(16 << 20), 1) * 64
    receiver.answer_next(
        Answer.ok(),
        Answer.raw(200, bomb, "application/x-protobuf", content_encoding="gzip"),
    )
    done = subprocess.run(
        [sys.executable, "-c", BOMB, receiver.http_url],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    _, answer, risen_kib = done.stdout.splitlines()
    assert answer.startswith("Rejected(")
    assert int(risen_kib) < 20 << 10


def test_a_certificate_that_we_do_not_trust_is_said_at_the_first_try(
    deliver: Any, eventually: Any
) -> None:
    """Row 17: nothing is lost, and the reason is named."""
    with OtlpReceiver(tls=Tls(CERTIFICATE, CERTIFICATE)) as receiver:
        delivery = deliver(OtlpHttpSink(f"https://localhost:{receiver.http_port}"))
        delivery.put(10)
        eventually(lambda: delivery.ledger.spooled == 10)
        failure = delivery.pipeline._sending.route.breaker._failure
    assert failure.reason == "SSLCertVerificationError"
    assert "self-signed certificate" in failure.message
