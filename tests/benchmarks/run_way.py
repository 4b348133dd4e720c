"""One run of one way in this process: `python -m tests.benchmarks.run_way MODE WAY RECORDS`.

Modes: `sustained` pauses where the queue fills, so that nothing is lost; `full` never pauses;
`paced:5000` writes so many records a second in ticks of 2 ms, like a busy server. The last line
printed is the result as JSON.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import gc
import json
import os
import sys
import time
from array import array
from typing import TYPE_CHECKING

from tests.benchmarks.harness import Receiver, Result, percentile
from tests.benchmarks.memory import forget_peak, peak_mib
from tests.benchmarks.ways import DURABLE, GRPC, LOGS, SPANS

if TYPE_CHECKING:
    from tests.benchmarks.ways import Way

WARM_UP = 1000
"""Records before the clock starts: connections, caches, code that is loaded late."""
TICKS = 500
"""A second, when paced."""


def sustained(way: Way, records: int) -> None:
    call, waiting = way.call, way.waiting
    for number in range(records):
        call(number)
        if not number & 127 and waiting() > 0.5:
            while waiting() > 0.1:
                time.sleep(0.0005)


def full(way: Way, records: int, took: array[float]) -> None:
    call, clock = way.call, time.perf_counter
    for number in range(records):
        begin = clock()
        call(number)
        took[number] = clock() - begin


def paced(way: Way, records: int, took: array[float], rate: int) -> None:
    call, clock, tick = way.call, time.perf_counter, rate // TICKS
    due = clock()
    for number in range(records):
        begin = clock()
        call(number)
        took[number] = clock() - begin
        if number % tick == tick - 1:
            due += 1 / TICKS
            time.sleep(max(0.0, due - clock()))


def write(mode: str, way: Way, records: int, took: array[float]) -> None:
    kind, _, rate = mode.partition(":")
    if kind == "sustained":
        sustained(way, records)
    elif kind == "full":
        full(way, records, took)
    else:
        paced(way, records, took, int(rate))


def measure(mode: str, name: str, records: int) -> Result:
    took = array("d", bytes(8 * records))  # now: it is not to be taken for the way's memory
    with Receiver() as receiver:
        way = (LOGS | SPANS | DURABLE | GRPC)[name](receiver.grpc if name in GRPC else receiver.url)
        with way.inside:
            for number in range(WARM_UP):
                way.call(number)
            way.flush()
            receiver.count()
            gc.collect()
            forget_peak()
            idle = peak_mib()
            cpu, wall = time.process_time(), time.perf_counter()
            write(mode, way, records, took)
            wrote = time.perf_counter() - wall
            way.flush()
            cpu = time.process_time() - cpu
            delivered = receiver.count()[way.signal]
            grown = peak_mib() - idle
    result = {
        "us": cpu / max(1, delivered) * 1e6,
        "lost": 100 * (1 - delivered / records),
        "rate": records / wrote,
        "grown_mib": grown,
    }
    if mode != "sustained":
        ordered = sorted(took)
        for key, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)):
            result[key] = percentile(ordered, share) * 1e6
    return result


if __name__ == "__main__":
    outcome = measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    print(json.dumps(outcome), flush=True)
    os._exit(0)  # some of them take their time to end
