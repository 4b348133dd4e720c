"""Whether memory grows with the number of records: `python -m tests.benchmarks.leak`.

One process for each way writes a million records, pausing where the queue fills, and looks at
itself a hundred times, each time when all of them are delivered: what is in memory, how many
objects the garbage collector watches, how many descriptors are open. The slope is that of the
straight line through the second half of the looks. An allocator gives and takes whole pages and
arenas, so a slope of a tenth of a byte a record, up or down, is none; the counts have to stand.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.benchmarks.harness import Receiver, Result, number, run_fresh, table
from tests.benchmarks.memory import resident_mib
from tests.benchmarks.run_way import sustained
from tests.benchmarks.ways import DURABLE, LOGS, SPANS

if TYPE_CHECKING:
    from collections.abc import Sequence

WAYS: Final = (
    "otbridge, get_logger",
    "otbridge, process",
    "otbridge, logging",
    "otbridge, SDK's tracer",
    "otbridge, own tracer",
)
LOOKS: Final = 100


class Look(NamedTuple):
    """What a process sees of itself."""

    mib: float
    objects: int
    descriptors: int


def look() -> Look:
    gc.collect()
    return Look(resident_mib(), len(gc.get_objects()), _descriptors())


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def measure(name: str, records: int) -> Result:
    """Write *records* the way called *name* in this process."""
    with Receiver() as receiver:
        way = (LOGS | DURABLE | SPANS)[name](receiver.url)
        looks: list[Look] = []
        delivered = 0
        with way.inside:
            for _ in range(LOOKS):
                sustained(way, records // LOOKS)
                way.flush()
                delivered += receiver.count()[way.signal]
                looks.append(look())
    half, last = looks[LOOKS // 2], looks[-1]
    own = LOOKS - 1 - LOOKS // 2  # the looks themselves are objects
    return {
        "first": looks[0].mib,
        "half": half.mib,
        "last": last.mib,
        "slope": slope(looks[LOOKS // 2 :], records // LOOKS),
        "objects": last.objects - half.objects - own,
        "descriptors": last.descriptors - half.descriptors,
        "lost": records - delivered,
    }


def slope(looks: Sequence[Look], records: int) -> float:
    """Return the bytes by which memory grows with each record; *records* lie between two looks."""
    places = [number * records for number in range(len(looks))]
    line = statistics.linear_regression(places, [look.mib for look in looks])
    return line.slope * (1 << 20)


def main(records: int = 1_000_000) -> None:
    """Measure and print."""
    found = {name: run_fresh("tests.benchmarks.leak", "--one", name, str(records)) for name in WAYS}
    table(
        f"Memory of the whole process over {records:,} records",
        {
            "MiB after 1 %": number("first", ".1f"),
            "after half": number("half", ".1f"),
            "in the end": number("last", ".1f"),
            "slope of the second half, bytes a record": number("slope", "+.3f"),
            "objects more": number("objects", "+.0f"),
            "descriptors more": number("descriptors", "+.0f"),
            "lost": number("lost", ".0f"),
        },
        found,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "RECORDS"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.one[0], int(chosen.one[1]))), flush=True)
        os._exit(0)  # what is measured is over
    main(chosen.records)
