"""A hub that passes on what may have come before says so to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otbridge.testing import OtlpReceiver
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

ENVELOPE = Envelope.of({"service.name": "shop"}, "faults")
PROTOBUF = {"content-type": "application/x-protobuf"}


def test_the_mark_goes_with_the_request(tmp_path: Path) -> None:
    """Through the receive log, the queue on disk and the pipeline; and only with that request."""
    with (
        OtlpReceiver() as upstream,
        HubProcess(tmp_path / "data", "--forward", upstream.http_url) as hub,
    ):
        for number, marked in enumerate((False, True, False)):
            request = compose([(ENVELOPE, encode_log_record(1, 1, 9, "INFO", f"{number}", {}))])
            headers = PROTOBUF | ({"otbridge-resent": "1"} if marked else {})
            assert hub.http.post("/v1/logs", content=request, headers=headers).status_code == 200
            upstream.wait_for(number + 1)
        marks = ["otbridge-resent" in request.headers for request in upstream.requests]
    assert marks == [False, True, False]
