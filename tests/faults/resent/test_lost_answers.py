"""The hub has taken a request, and its answer is lost: each line is shown once all the same."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import RetrySettings
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope
from tests.faults.resent.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otbridge.delivery.spool.settings import Durability
    from otbridge.typing import Sink
    from tests.faults.resent.conftest import Shown
    from tests.faults.resent.withholding_proxy import WithholdingProxy
    from tests.hub.hub_process import HubProcess

ENVELOPE = Envelope.of({"service.name": "shop", "service.instance.id": "one"}, "faults")
T0 = 1_767_225_600_000_000_000
QUICK = RetrySettings(attempt_s=0.5, initial_s=0.01, max_s=0.1, brief_s=0.3)
LEVELS = pytest.mark.parametrize("level", ["memory", "process"])


def put(pipeline: Pipeline, *numbers: int) -> None:
    for number in numbers:
        record = encode_log_record(T0 + number // 7, T0, 9, "INFO", f"line {number}", {})
        assert pipeline.put(ENVELOPE, record, 9)


@contextmanager
def delivering(root: Path, sink: Sink, level: Durability | None) -> Iterator[Pipeline]:
    """A process's worth of delivery; without a spool where *level* is None."""
    reports: list[str] = []
    spool = None
    if level is not None:
        settings = SpoolSettings(durability=level)
        spool = Spool(str(root / "spool"), "shop", report=reports.append, settings=settings)
    pipeline = Pipeline("logs", sink, report=reports.append, spool=spool, retry=QUICK)
    yield pipeline
    pipeline.shutdown(0.0)
    if spool is not None:
        spool.close()


def drain(pipeline: Pipeline) -> None:
    """Flush until everything is delivered."""

    def is_empty() -> bool:
        pipeline.flush(1.0)
        return not pipeline.ledger.in_memory + pipeline.ledger.spooled

    wait_until(is_empty)


@pytest.mark.parametrize("level", [None, "memory", "process"])
def test_a_connection_that_breaks_before_the_answer_shows_no_line_twice(
    tmp_path: Path, proxy: WithholdingProxy, shown: Shown, level: Durability | None
) -> None:
    """Row 6: with and without a disk to keep it on meanwhile."""
    sink = OtlpHttpSink(f"http://127.0.0.1:{proxy.port}")
    with delivering(tmp_path, sink, level) as pipeline:
        proxy.withhold()
        put(pipeline, *range(100))
        shown.wait("received", 1)
        proxy.release(reset=True)
        put(pipeline, *range(100, 150))
        drain(pipeline)
    wait_until(lambda: shown.count("waiting") == 0)
    assert shown.lines == Counter(f"line {number}" for number in range(150))
    assert shown.count("received") == 150 + shown.count("duplicates")
    assert shown.count("duplicates") > 0


@LEVELS
def test_an_answer_that_does_not_come_in_time_shows_no_line_twice(
    tmp_path: Path, proxy: WithholdingProxy, shown: Shown, level: Durability
) -> None:
    """Row 4: the connection stays, and nothing is said on it."""
    sink = OtlpHttpSink(f"http://127.0.0.1:{proxy.port}")
    with delivering(tmp_path, sink, level) as pipeline:
        proxy.withhold()
        put(pipeline, *range(100))
        shown.wait("received", 1)
        proxy.release(reset=False)
        drain(pipeline)
    wait_until(lambda: shown.count("waiting") == 0)
    assert shown.lines == Counter(f"line {number}" for number in range(100))
    assert shown.count("duplicates") > 0


def test_over_grpc_too(tmp_path: Path, grpc_proxy: WithholdingProxy, shown: Shown) -> None:
    """Row 6: the mark is metadata of the call."""
    sink = OtlpGrpcSink(f"http://127.0.0.1:{grpc_proxy.port}")
    with delivering(tmp_path, sink, "memory") as pipeline:
        put(pipeline, 0)
        drain(pipeline)
        grpc_proxy.withhold()
        put(pipeline, *range(1, 100))
        shown.wait("received", 2)
        grpc_proxy.release(reset=True)
        drain(pipeline)
    wait_until(lambda: shown.count("waiting") == 0)
    assert shown.lines == Counter(f"line {number}" for number in range(100))
    assert shown.count("duplicates") > 0


def test_who_looks_on_live_sees_each_line_once(
    tmp_path: Path, hub: HubProcess, proxy: WithholdingProxy, shown: Shown
) -> None:
    """What is sent again is shown when the store has said what of it is new."""
    sink = OtlpHttpSink(f"http://127.0.0.1:{proxy.port}")
    seen: Counter[str] = Counter()
    with (
        connect(f"{hub.ws_url}/api/v1/live") as viewer,
        delivering(tmp_path, sink, "memory") as pipeline,
    ):
        viewer.recv(timeout=5)  # its greeting
        proxy.withhold()
        put(pipeline, *range(100))
        shown.wait("received", 1)
        proxy.release(reset=True)
        drain(pipeline)
        put(pipeline, 100)
        drain(pipeline)
        while not seen["line 100"]:
            message: Any = json.loads(viewer.recv(timeout=5))
            seen.update(item["body"] for item in message["items"])
    assert shown.count("duplicates") > 0
    assert seen == Counter(f"line {number}" for number in range(101))


def test_a_program_that_ends_without_an_answer_leaves_no_line_to_be_shown_twice(
    tmp_path: Path, proxy: WithholdingProxy, shown: Shown
) -> None:
    """Rows 6 and 21: what was being sent is on disk, and the next process sends it again."""
    sink = OtlpHttpSink(f"http://127.0.0.1:{proxy.port}")
    proxy.withhold()
    with delivering(tmp_path, sink, "memory") as pipeline:
        put(pipeline, *range(100))
        shown.wait("received", 1)
    proxy.release(reset=True)
    with delivering(tmp_path, sink, "memory") as pipeline:
        pipeline.resume()
        put(pipeline, 100)
        wait_until(lambda: not pipeline.ledger.in_memory + pipeline.ledger.spooled)
        shown.wait("received", 101)
    wait_until(lambda: shown.count("waiting") == 0)
    assert shown.count("duplicates") == 100
    assert shown.lines == Counter(f"line {number}" for number in range(101))
