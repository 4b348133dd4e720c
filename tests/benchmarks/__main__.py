"""Every benchmark, one after the other: `python -m tests.benchmarks [--runs 5] [--records 40000]`."""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from tests.benchmarks import callers, durable, logs, spans, stages
from tests.benchmarks.harness import options

if __name__ == "__main__":
    chosen = options()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, SDK"
        f" {version('opentelemetry-sdk')}, load {os.getloadavg()[0]:.1f}, medians of"
        f" {chosen['runs']} runs that take turns"
    )
    for program in (logs, spans, callers, durable, stages):
        program.main(**chosen)
