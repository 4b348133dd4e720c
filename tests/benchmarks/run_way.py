"""One run of one way in this process: `python -m tests.benchmarks.run_way MODE WAY RECORDS`.

Modes: `sustained` pauses where the queue fills, so that nothing is lost; `full` never pauses;
`paced` writes 5,000 records a second in ticks of 2 ms, like a busy server. The last line printed
is the result as JSON.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks.harness import Receiver, Result, percentile
from tests.benchmarks.ways import DURABLE, LOGS, SPANS

if TYPE_CHECKING:
    from tests.benchmarks.ways import Way

WARM_UP = 1000
"""Records before the clock starts: connections, caches, code that is loaded late."""
RATE = 5000
TICK = RATE // 500


def sustained(way: Way, records: int) -> list[float]:
    call, waiting = way.call, way.waiting
    for number in range(records):
        call(number)
        if not number & 127 and waiting() > 0.5:
            while waiting() > 0.1:
                time.sleep(0.0005)
    return []


def full(way: Way, records: int) -> list[float]:
    call, clock = way.call, time.perf_counter
    took = [0.0] * records
    for number in range(records):
        begin = clock()
        call(number)
        took[number] = clock() - begin
    return took


def paced(way: Way, records: int) -> list[float]:
    call, clock = way.call, time.perf_counter
    took = [0.0] * records
    due = clock()
    for number in range(records):
        begin = clock()
        call(number)
        took[number] = clock() - begin
        if number % TICK == TICK - 1:
            due += TICK / RATE
            time.sleep(max(0.0, due - clock()))
    return took


def measure(mode: str, name: str, records: int) -> Result:
    with Receiver() as receiver:
        way = (LOGS | SPANS | DURABLE)[name](receiver.url)
        with way.inside:
            for number in range(WARM_UP):
                way.call(number)
            way.flush()
            receiver.count()
            gc.collect()
            idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            cpu, wall = time.process_time(), time.perf_counter()
            took = {"sustained": sustained, "full": full, "paced": paced}[mode](way, records)
            wrote = time.perf_counter() - wall
            way.flush()
            cpu = time.process_time() - cpu
            delivered = receiver.count()[way.signal]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {
        "us": cpu / max(1, delivered) * 1e6,
        "lost": 100 * (1 - delivered / records),
        "rate": records / wrote,
        "grown_mib": (peak - idle) / 1024,
    }
    if took:
        took.sort()
        for key, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0)):
            result[key] = percentile(took, share) * 1e6
    return result


if __name__ == "__main__":
    outcome = measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    print(json.dumps(outcome), flush=True)
    os._exit(0)  # some of them take their time to end
