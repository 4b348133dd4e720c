"""What single stages cost: `python -m tests.benchmarks.stages [--runs 5]`.

Encoding one record of five attributes, ours and the official way; looking through them for
secrets, with values that come again and with values that never do; and the import.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks.harness import number, options, ratio, run_fresh, table, take_turns
from tests.benchmarks.records import MESSAGE, attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.harness import Result


def encode_ours(records: int) -> float:
    from otbridge.wire.otlp_logs import encode_context, encode_log_record

    context = encode_context(1 << 100, 1 << 50, 1)
    items = [attributes(number) for number in range(records)]
    now = time.time_ns()
    begin = time.process_time()
    for item in items:
        encode_log_record(now, now, 9, "INFO", MESSAGE, item, context)
    return time.process_time() - begin


def encode_official(records: int) -> float:
    from tests.benchmarks.delivery import encode_official as measured

    return measured(records)


def redact_known(records: int) -> float:
    from otbridge.processors.redact import Redactor

    clean = Redactor().attributes
    items = [attributes(number & 1023) for number in range(records)]
    for item in items[:1024]:
        clean(item)
    begin = time.process_time()
    for item in items:
        clean(item)
    return time.process_time() - begin


def redact_new(records: int) -> float:
    from otbridge.processors.redact import Redactor

    clean = Redactor().attributes
    items = [attributes(number) for number in range(records)]
    begin = time.process_time()
    for item in items:
        clean(item)
    return time.process_time() - begin


def imports(module: str) -> Callable[[int], float]:
    def measured(_records: int) -> float:
        begin = time.process_time()
        __import__(module)
        return time.process_time() - begin

    return measured


STAGES: dict[str, Callable[[int], float]] = {
    "encode, official": encode_official,
    "encode, otbridge": encode_ours,
    "redact, values seen before": redact_known,
    "redact, new values": redact_new,
}
IMPORTS = {
    "the SDK's OTLP/HTTP exporter": "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk.trace": "opentelemetry.sdk.trace",
    "otbridge": "otbridge",
    "otbridge and its logger": "otbridge.telemetry.logger",
}


def main(runs: int = 5, records: int = 40_000) -> None:
    """Measure and print."""

    def fresh(name: str) -> Callable[[], Result]:
        return lambda: run_fresh("tests.benchmarks.stages", "--one", name, str(records))

    found = take_turns(runs, {name: fresh(name) for name in STAGES})
    table(
        "Stages, CPU a record",
        {"µs": number("us"), "to the official encoder": ratio(found["encode, official"])},
        found,
    )
    loaded = take_turns(runs, {name: fresh(name) for name in IMPORTS})
    table(
        "Imports, CPU over an interpreter that has run this file",
        {"ms": lambda row: format(row["us"] * records / 1000, ".1f")},
        loaded,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        name, count = sys.argv[2], int(sys.argv[3])
        measure = STAGES[name] if name in STAGES else imports(IMPORTS[name])
        print(json.dumps({"us": measure(count) / count * 1e6}))
    else:
        main(**options())
