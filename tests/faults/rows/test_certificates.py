"""Rows 17 and 18: certificates that are wrong, and what happens once they are put right."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import RetrySettings
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import OtlpReceiver, Tls
from otbridge.typing import Retryable
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope
from tests.faults.rows.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RECORDS = 10


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the sender believes."""
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another one."""
    return Authority(tmp_path_factory.mktemp("certificates") / "theirs")


@pytest.fixture(scope="module")
def wrong(ours: Authority, theirs: Authority) -> dict[str, str]:
    """Certificates that a receiver should not have, by what is wrong with them."""
    return {
        "expired": ours.issue("expired", days=-1),
        "of another authority": theirs.issue("foreign"),
        "for another host": ours.issue("elsewhere", hosts="DNS:elsewhere.example"),
    }


@pytest.fixture
def deliver(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Make a pipeline with a spool for a sink; ended in the end."""
    made: list[tuple[Pipeline, Spool]] = []

    def make(sink: Any) -> Pipeline:
        settings = SpoolSettings(durability="memory")
        spool = Spool(str(tmp_path / "spool"), "shop", report=_ignore, settings=settings)
        quick = RetrySettings(initial_s=0.01, max_s=0.1, brief_s=0.1)
        made.append((Pipeline("logs", sink, report=_ignore, spool=spool, retry=quick), spool))
        return made[-1][0]

    yield make
    for pipeline, spool in made:
        pipeline.shutdown(0.0)
        spool.close()


def http(port: int, **options: Any) -> OtlpHttpSink:
    return OtlpHttpSink(f"https://localhost:{port}", **options)


def grpc(port: int, **options: Any) -> OtlpGrpcSink:
    return OtlpGrpcSink(f"https://localhost:{port}", **options)


def port_of(make: Any, receiver: OtlpReceiver) -> int:
    return receiver.http_port if make is http else int(receiver.grpc_target.split(":")[1])


def serve(certificate: str, port: int = 0) -> OtlpReceiver:
    return OtlpReceiver(tls=Tls(certificate, certificate), http_port=port)


def put(pipeline: Pipeline) -> None:
    for number in range(RECORDS):
        record = encode_log_record(1, 1, 9, "INFO", "event", {"n": number})
        assert pipeline.put(Envelope.of({}, "faults"), record, 9)


def drain(pipeline: Pipeline) -> None:
    deadline = time.monotonic() + 10
    while pipeline.ledger.in_memory or pipeline.ledger.spooled:
        assert time.monotonic() < deadline, pipeline.ledger.snapshot()
        pipeline.flush(0.5)


SAID = {
    "expired": "certificate has expired",
    "of another authority": "unable to get local issuer certificate",
    "for another host": "ostname",
}


@pytest.mark.parametrize("make", [http, grpc])
@pytest.mark.parametrize("fault", SAID)
def test_a_wrong_certificate_is_named_at_the_first_try(
    ours: Authority, wrong: dict[str, str], make: Any, fault: str
) -> None:
    """Row 17: in words that say what is wrong; and nothing is sent."""
    with serve(wrong[fault]) as receiver:
        sink = make(port_of(make, receiver), certificate=ours.certificate)
        answer = sink.send("logs", b"", 5.0)
        sink.close()
        assert isinstance(answer, Retryable)
        assert SAID[fault] in answer.message
        assert receiver.requests == []


@pytest.mark.parametrize("make", [http, grpc])
@pytest.mark.parametrize("fault", SAID)
def test_a_wrong_certificate_costs_no_record(
    deliver: Any, ours: Authority, wrong: dict[str, str], make: Any, fault: str
) -> None:
    """Row 17: what it holds up is on disk."""
    with serve(wrong[fault]) as receiver:
        pipeline = deliver(make(port_of(make, receiver), certificate=ours.certificate))
        put(pipeline)
        pipeline.flush(5.0)
        assert (pipeline.ledger.spooled, pipeline.ledger.snapshot().lost) == (RECORDS, 0)


def test_what_an_expired_certificate_held_up_is_delivered_when_it_was_renewed(
    deliver: Any, ours: Authority, wrong: dict[str, str]
) -> None:
    """Row 17: the sender need not be told."""
    with serve(wrong["expired"]) as receiver:
        port = receiver.http_port
        pipeline = deliver(http(port, certificate=ours.certificate))
        put(pipeline)
        pipeline.flush(5.0)
        assert receiver.requests == []
    with serve(ours.issue("renewed"), port) as receiver:
        drain(pipeline)
        assert len(receiver.logs) == RECORDS


def test_new_certificates_on_both_sides_are_in_use_within_a_minute(
    deliver: Any, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    """Row 18: receiver and sender change to another authority while records keep coming."""
    believed = tmp_path / "believed.pem"
    shutil.copy(ours.certificate, believed)
    now = [0.0]
    with serve(ours.issue("before")) as receiver:
        port = receiver.http_port
        pipeline = deliver(http(port, certificate=str(believed), now=lambda: now[0]))
        put(pipeline)
        drain(pipeline)
        assert len(receiver.logs) == RECORDS
    with serve(theirs.issue("after"), port) as receiver:
        put(pipeline)
        pipeline.flush(2.0)
        assert (pipeline.ledger.spooled, receiver.logs) == (RECORDS, [])
        shutil.copy(theirs.certificate, believed)
        now[0] = 60.0
        drain(pipeline)
        assert len(receiver.logs) == RECORDS


def _ignore(sentence: str) -> None:
    """Take a report that nobody wants to have."""
