"""What a delivered record costs: otbridge and the official SDK, side by side in one run.

    python tests/benchmarks/delivery.py [--records 40000] [--runs 3]

Every case runs in a fresh process, the cases take turns, and the table shows medians: CPU time
of the whole process (writer and sender threads) per delivered record. A record is a log line
with five attributes inside a span, unlike the one before. The receiver is a process of its own
that keeps bytes; it is asked in the end how many records arrived.

Cases: `encode` makes OTLP bytes in batches of 512. `sustained` writes through the whole pipeline
over HTTP with the default settings, pausing where the queue fills. `full` writes without a pause
and looks at what got lost, and at the longest call.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import argparse
import itertools
import json
import logging
import random
import statistics
import subprocess
import sys
import time
from typing import Any, Self

TRACE, SPAN = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
RESOURCE = {"service.name": "shop", "service.version": "1.4.2", "telemetry.sdk.language": "python"}
BATCH = 512


def numbered(records: int) -> zip[tuple[int, str]]:
    """Pair the numbers of the records with users, over and over."""
    return zip(range(records), itertools.cycle(users()), strict=False)


def users() -> list[str]:
    """Return values that differ, as those of real records do."""
    chance = random.Random(7)
    return [f"user-{chance.getrandbits(40):x}@example.com" for _ in range(4096)]


def attributes(number: int, user: str) -> dict[str, Any]:
    return {
        "order_id": number,
        "user": user,
        "amount": number * 0.01,
        "ok": True,
        "path": "/v1/orders/17",
    }


# ---------------------------------------------------------------------- encoding alone


def encode_otbridge(records: int) -> float:
    from otbridge.wire.otlp_logs import encode_context, encode_log_record
    from otbridge.wire.otlp_request import Envelope, compose

    envelope = Envelope.of(RESOURCE, "bench")
    context = encode_context(TRACE, SPAN, 1)
    items = [attributes(number, user) for number, user in numbered(records)]
    now = time.time_ns()
    begin = time.process_time()
    for start in range(0, records, BATCH):
        compose([
            (envelope, encode_log_record(now, now, 9, "INFO", "order placed", item, context))
            for item in items[start : start + BATCH]
        ])  # fmt: skip
    return time.process_time() - begin


def encode_official(records: int) -> float:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.resources import Resource

    resource, now, context = Resource(RESOURCE), time.time_ns(), official_context()
    items = [
        ReadableLogRecord(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                context=context,
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body="order placed",
                attributes=attributes(number, user),
            ),
            resource,
        )
        for number, user in numbered(records)
    ]
    begin = time.process_time()
    for start in range(0, records, BATCH):
        encode_logs(items[start : start + BATCH]).SerializeToString()
    return time.process_time() - begin


def official_context() -> Any:
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    return set_span_in_context(NonRecordingSpan(SpanContext(TRACE, SPAN, False, TraceFlags(1))))


# ---------------------------------------------------------------------- the whole pipeline


def pipeline_otbridge(url: str, protocol: str) -> tuple[Any, Any, Any]:
    """Return (emit, waiting, flush)."""
    from otbridge.delivery.pipeline import Pipeline
    from otbridge.sinks.otlp_grpc import OtlpGrpcSink
    from otbridge.sinks.otlp_http import OtlpHttpSink
    from otbridge.wire.otlp_logs import encode_context, encode_log_record
    from otbridge.wire.otlp_request import Envelope

    sink = OtlpHttpSink(url) if protocol == "http" else OtlpGrpcSink(url, insecure=True)
    pipeline = Pipeline("logs", sink, report=lambda _: None)
    envelope, context = Envelope.of(RESOURCE, "bench"), encode_context(TRACE, SPAN, 1)
    put, time_ns = pipeline.put, time.time_ns

    def emit(number: int, user: str) -> None:
        now = time_ns()
        item = attributes(number, user)
        put(envelope, encode_log_record(now, now, 9, "INFO", "order placed", item, context), 9)

    return emit, lambda: pipeline.ledger.in_memory / 65_536, lambda: pipeline.flush(60)


def pipeline_official(url: str, protocol: str) -> tuple[Any, Any, Any]:
    """Return (emit, waiting, flush)."""
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.context import attach
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    logging.disable(logging.CRITICAL)  # it says "queue full" for every record that it drops
    exporter: Any
    if protocol == "http":
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter

        exporter = OTLPLogExporter(f"{url}/v1/logs", compression=Compression.Gzip)
    else:
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc import _log_exporter

        exporter = _log_exporter.OTLPLogExporter(
            url, insecure=True, compression=grpc.Compression.Gzip
        )
    attach(official_context())
    provider = LoggerProvider(Resource(RESOURCE))
    processor = BatchLogRecordProcessor(exporter)
    provider.add_log_record_processor(processor)
    logger, time_ns = provider.get_logger("bench"), time.time_ns

    def emit(number: int, user: str) -> None:
        now = time_ns()
        logger.emit(
            LogRecord(
                timestamp=now,
                observed_timestamp=now,
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body="order placed",
                attributes=attributes(number, user),
            )
        )

    queue = processor._batch_processor._queue
    return emit, lambda: len(queue) / 2048, lambda: provider.force_flush(60_000)


def run_pipeline(case: str, who: str, protocol: str, records: int) -> dict[str, float]:
    with Receiver() as receiver:
        url = receiver.http if protocol == "http" else receiver.grpc
        make = pipeline_otbridge if who == "otbridge" else pipeline_official
        emit, waiting, flush = make(url, protocol)
        names = users()
        for number in range(500):  # connections, caches, lazily loaded code
            emit(number, names[number])
        flush()
        receiver.count()
        cpu, wall = time.process_time(), time.perf_counter()
        longest = write(emit, waiting, names, records, throttled=case == "sustained")
        wrote = time.perf_counter() - wall
        flush()
        cpu = time.process_time() - cpu
        delivered = receiver.count()
    return {
        "us": cpu / max(1, delivered) * 1e6,
        "lost": 100 * (1 - delivered / records),
        "rate": records / wrote,
        "stall_ms": longest * 1e3,
    }


def write(emit: Any, waiting: Any, names: list[str], records: int, *, throttled: bool) -> float:
    """Write the records; return the seconds of the longest call."""
    longest, clock = 0.0, time.perf_counter
    for number in range(records):
        begin = clock()
        emit(number, names[number & 4095])
        longest = max(longest, clock() - begin)
        if throttled and not number & 127 and waiting() > 0.5:
            while waiting() > 0.1:
                time.sleep(0.0005)
    return longest


class Receiver:
    """The receiver's process, from the outside."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.http, self.grpc = self._process.stdout.readline().split()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def count(self) -> int:
        """Return how many records came since the last question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("count\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def serve() -> None:
    from otbridge.testing import OtlpReceiver

    with OtlpReceiver() as receiver:
        print(receiver.http_url, receiver.grpc_target, flush=True)
        for _ in sys.stdin:
            print(len(receiver.logs), flush=True)
            receiver.clear()


# ---------------------------------------------------------------------- cases and table

CASES = [
    ("encode", ""),
    ("sustained", "http"),
    ("sustained", "grpc"),
    ("full", "http"),
    ("full", "grpc"),
]


def measure(case: str, who: str, protocol: str, records: int) -> dict[str, float]:
    if case == "encode":
        seconds = encode_otbridge(records) if who == "otbridge" else encode_official(records)
        return {"us": seconds / records * 1e6}
    return run_pipeline(case, who, protocol, records)


def in_fresh_process(case: str, who: str, protocol: str, records: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", f"{case},{who},{protocol},{records}"]
    result: dict[str, float] = json.loads(subprocess.check_output(command))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
    elif options.one:
        case, who, protocol, records = options.one.split(",")
        print(json.dumps(measure(case, who, protocol, int(records))))
    else:
        compare([c for c in CASES if options.only in c[0]], options.records, options.runs)


def compare(cases: list[tuple[str, str]], records: int, runs: int) -> None:
    print(f"{records:,} records, medians of {runs} runs")
    head = ("case", "who", "CPU us/record", "ratio", "lost %", "written/s", "longest call ms")
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for case, protocol in cases:
        found: dict[str, list[dict[str, float]]] = {"official": [], "otbridge": []}
        for _ in range(runs):
            for who, results in found.items():
                results.append(in_fresh_process(case, who, protocol, records))
        official = statistics.median(result["us"] for result in found["official"])
        for who, results in found.items():
            middle = {key: statistics.median(r[key] for r in results) for key in results[0]}
            cells = [f"{case} {protocol}".strip(), who, f"{middle['us']:.2f}"]
            cells.append(f"{middle['us'] / official:.3f}")
            if case != "encode":
                cells += [f"{middle['lost']:.1f}", f"{middle['rate']:,.0f}"]
                cells.append(f"{middle['stall_ms']:.1f}")
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
