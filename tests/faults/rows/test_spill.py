"""Row 21: an end with a full queue and a receiver that hangs; what waits is on disk in no time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.testing import Answer, OtlpReceiver
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = 65_536
"""As many as the queue holds by default."""


@pytest.mark.alone
def test_a_full_queue_is_on_disk_in_a_fifth_of_a_second_and_nobody_speaks_of_loss(
    tmp_path: Path,
) -> None:
    """Row 21: the request under way is brought to safety, too, however it ends afterwards."""
    said: list[str] = []
    envelope = Envelope.of({}, "faults")
    record = encode_log_record(1, 1, 9, "INFO", "order placed", {"customer": "c-4711"})
    settings = SpoolSettings(durability="memory")
    spool = Spool(str(tmp_path / "spool"), "shop", report=said.append, settings=settings)
    with OtlpReceiver(Answer.hang()) as receiver:
        pipeline = Pipeline(
            "logs", OtlpHttpSink(receiver.http_url), report=said.append, spool=spool
        )
        pipeline.put(envelope, record)
        receiver.wait_for_requests(1)
        for _ in range(RECORDS - 1):
            pipeline.put(envelope, record)
        begin = time.process_time()
        result = pipeline.shutdown(0.0)
        assert time.process_time() - begin < 0.2
        assert (result.spooled, result.failed) == (RECORDS, 0)
    worker = pipeline._sending.worker._thread
    assert worker is not None
    worker.join(10)  # its request has failed by now, and it has told of it
    spool.close()
    assert said == []
    assert pipeline.ledger.snapshot().spooled == RECORDS
