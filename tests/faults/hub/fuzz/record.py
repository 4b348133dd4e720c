"""Records what real SDKs send, for the mutations to begin with: `python -m tests.faults.hub.fuzz.record`.

What it writes is kept in git, so that a seed makes the same mutants on every machine.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Status, StatusCode

import otbridge
from otbridge import agents
from otbridge.testing import OtlpReceiver
from otbridge.wire.otlp_json import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "recorded"
TRANSCRIPTS = Path(__file__).parents[3] / "contract" / "bridge"


def official(url: str) -> None:
    """Send spans, log records and metrics of every kind by the official SDK."""
    resource = Resource.create({"service.name": "official", "service.version": "1"})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    logging = LoggerProvider(resource=resource)
    logging.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs")))
    exponential = View(
        instrument_type=Histogram,
        instrument_name="size",
        aggregation=ExponentialBucketHistogramAggregation(),
    )
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{url}/v1/metrics"))
    metering = MeterProvider([reader], resource=resource, views=[exponential])
    tracer, logger, meter = tracing.get_tracer("t", "1"), logging.get_logger("l"), metering
    with tracer.start_as_current_span("parent", attributes={"n": 2**60, "ok": True}) as parent:
        links = [Link(parent.get_span_context(), {"why": "asked"})]
        with tracer.start_as_current_span("child", links=links) as child:
            child.add_event("retry", {"after": 0.25, "hosts": ["a", "b"]})
            child.set_status(Status(StatusCode.ERROR, "refused"))
            logger.emit(
                body={"order": [1, b"\x00"], "price": {"cents": 1999}},
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                attributes={"user": "u-7", "event.name": "order"},
            )
            asked = meter.get_meter("m")
            asked.create_counter("orders", "1", "Orders").add(3, {"shop": "north"})
            asked.create_histogram("latency", "ms").record(12.5, {"route": "/pay"})
            asked.create_histogram("size", "By").record(4096)
            asked.create_up_down_counter("open").add(-1)
    for provider in (tracing, logging, metering):
        provider.shutdown()


def ours(url: str) -> None:
    """Send an agent run, spans and log lines by otbridge."""
    with otbridge.configure(service="ours", endpoint=url):
        log = otbridge.get_logger("shop")
        with otbridge.span("checkout", amount=12), agents.run("buy"):
            log.info("order placed", order_id=7, items=["a", "b"], total=19.9)
            with agents.agent("planner"), agents.tool("search"):
                log.warning("slow", seconds=1.5)


def frames() -> Iterator[dict[str, Any]]:
    """Yield what clients send in the bridge's golden transcripts: frames, and POSTs as `post`."""
    seen: set[str] = set()
    for path in sorted(TRANSCRIPTS.glob("*.json")):
        for step in json.loads(path.read_text("utf-8"))["steps"]:
            if step.get("from") == "client" and isinstance(step.get("frame"), dict):
                told = step["frame"]
            elif isinstance(step.get("post"), dict):
                told = {"post": step["post"]}
            else:
                continue
            text = json.dumps(told, sort_keys=True)
            if len(text) < 4000 and text not in seen:
                seen.add(text)
                yield told


def _anonymous(body: bytes) -> bytes:
    """Put letters in the place of what says on which machine this was, byte for byte."""
    for told in (__file__, socket.gethostname()):
        body = body.replace(told.encode(), b"x" * len(told.encode()))
    return body


def main() -> int:
    """Send, and keep what arrives."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for name, send in (("official", official), ("ours", ours)):
        with OtlpReceiver() as receiver:
            send(receiver.http_url)
            for number, request in enumerate(receiver.accepted):
                path = FOLDER / f"{name}-{number}-{request.signal}.bin"
                body = _anonymous(request.body)
                path.write_bytes(body)
                text = json.dumps(to_json(type(request.message).FromString(body)))
                path.with_suffix(".json").write_text(text, "utf-8")
    kept = [json.dumps(frame, separators=(",", ":")) for frame in frames()]
    (FOLDER / "bridge.jsonl").write_text("\n".join(kept) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
