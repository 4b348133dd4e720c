"""Every benchmark of the SDK, one after the other, or the hub's.

python -m tests.benchmarks [--runs 5] [--records 40000]
python -m tests.benchmarks hub [--runs 5] [--records 100000]
python -m tests.benchmarks viewers [--runs 5]
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version

from tests.benchmarks import callers, durable, hub_ingest, hub_viewers, logs, spans, stages
from tests.benchmarks.harness import options

_OF_HUB = {"hub": hub_ingest, "viewers": hub_viewers}

if __name__ == "__main__":
    of_hub = _OF_HUB.get(sys.argv[1]) if sys.argv[1:] else None
    if of_hub:
        del sys.argv[1]
    chosen = options(records=100_000) if of_hub else options()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, SDK"
        f" {version('opentelemetry-sdk')}, load {os.getloadavg()[0]:.1f}, medians of"
        f" {chosen['runs']} runs that take turns"
    )
    for program in (of_hub,) if of_hub else (logs, spans, callers, durable, stages):
        program.main(**chosen)
