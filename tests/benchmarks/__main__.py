"""Every benchmark of the SDK, one after the other, or the hub's.

python -m tests.benchmarks [--runs 5] [--records 40000]
python -m tests.benchmarks hub [--runs 5] [--records 100000] [--peer phoenix=PYTHON]
python -m tests.benchmarks viewers [--runs 5]
python -m tests.benchmarks queries [--rows 10000000] [--questions 200] [--data FOLDER]
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version

from tests.benchmarks import (
    callers,
    durable,
    hub_ingest,
    hub_peer,
    hub_queries,
    hub_viewers,
    logs,
    spans,
    stages,
)
from tests.benchmarks.harness import options

_OF_HUB = {"hub": hub_ingest, "viewers": hub_viewers}


def _peer() -> str:
    """Take what `--peer` says out of the command line."""
    if "--peer" not in sys.argv[1:-1]:
        return ""
    at = sys.argv.index("--peer")
    _, value = sys.argv[at : at + 2]
    del sys.argv[at : at + 2]
    return value


if __name__ == "__main__":
    if sys.argv[1:2] == ["queries"]:
        hub_queries.main(**hub_queries.options(sys.argv[2:]))
        raise SystemExit
    peer = _peer()
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
    if peer:
        hub_peer.main(peer)
