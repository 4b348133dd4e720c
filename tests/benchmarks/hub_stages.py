"""What a span costs the hub, stage by stage: `python -m tests.benchmarks.hub_stages [--runs 5]`.

The traffic of `hub_traffic` is decoded and stored in one process and one thread, 32 requests of
512 spans in a transaction, as they gather behind one another in a flood. A stage's figure is what
its method takes, all that it calls included; stages that are set in are parts of the one above.
Sending, the receive log and the acknowledgement are not in it: see `hub_ingest`.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import defaultdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.harness import options, run_fresh, table, take_turns
from tests.benchmarks.hub_traffic import make

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.harness import Result

__all__ = ["measure"]

GROUP: Final = 32
"""Requests in a transaction: what the 16 MiB that one may have hold of them."""

_DECODE = "decode"
_AGAIN = "decode again, for the store's process"
_STORE = "store"
_STAGES: Final = (
    _DECODE,
    _AGAIN,
    _STORE,
    "- trace by trace",
    "-- operations and edges",
    "-- words of attributes",
    "- packs",
    "- full text",
    "- counts by the minute",
    "- lines of traces",
)

_NAME: Final = "tests.benchmarks.hub_stages"


def measure(records: int, size: int) -> Result:
    """Decode and store *records* spans; return the µs of CPU that each took, by stage.

    Args:
        records: About how many spans.
        size: Requests in a transaction.
    """
    from otbridge.hub.decoding import decode
    from otbridge.hub.memory import collect_rarely

    now_ns = time.time_ns()
    requests = make("traces", records, 1, now_ns).requests
    spent: dict[str, float] = defaultdict(float)
    _watch(spent)
    collect_rarely()
    stored = 0
    with tempfile.TemporaryDirectory() as folder:
        files = _open(Path(folder))
        for first in range(0, len(requests), size):
            if first == size:  # the first transaction makes the tables and fills the caches
                spent.clear()
                stored = 0
            group = requests[first : first + size]
            begin = time.process_time()
            batches = [decode("traces", request, now_ns)[0] for request in group]
            decoded = time.process_time()
            batches = [decode("traces", request, now_ns, checked=True)[0] for request in group]
            again = time.process_time()
            files.store(batches)
            spent[_STORE] += time.process_time() - again
            spent[_AGAIN] += again - decoded
            spent[_DECODE] += decoded - begin
            stored += sum(len(batch.spans) for batch in batches)
        files.close()
    return {stage: spent[stage] / stored * 1e6 for stage in _STAGES}


def _watch(spent: dict[str, float]) -> None:
    """Have the stages of storing add to *spent* what they take."""
    from otbridge.hub.store.sqlite.counts.minutes import Minutes
    from otbridge.hub.store.sqlite.packs.pack_writer import PackWriter
    from otbridge.hub.store.sqlite.writing.day_writer import DayWriter
    from otbridge.hub.store.sqlite.writing.span_writer import SpanWriter
    from otbridge.hub.store.sqlite.writing.trace_texts import TraceTexts
    from otbridge.hub.store.words import AttributeWords

    watched: list[tuple[str, type, str]] = [
        ("- trace by trace", SpanWriter, "settle"),
        ("-- operations and edges", Minutes, "add_all"),
        ("-- words of attributes", AttributeWords, "of"),
        ("- packs", PackWriter, "save"),
        ("- full text", TraceTexts, "save"),
        ("- counts by the minute", Minutes, "save"),
        ("- lines of traces", DayWriter, "_save_lines"),
    ]
    for stage, kind, name in watched:
        setattr(kind, name, _timed(getattr(kind, name), stage, spent))


def _timed(method: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    clock = time.process_time
    begin = clock()
    for _ in range(10_000):
        clock()
    own = (clock() - begin) / 10_000

    @wraps(method)
    def timed(*arguments: Any) -> Any:
        begin = clock()
        result = method(*arguments)
        spent[stage] += clock() - begin - own
        return result

    return timed


def _open(folder: Path) -> Any:
    from otbridge._clock import SystemClock
    from otbridge.hub.store.sqlite.files.days import Folder
    from otbridge.hub.store.sqlite.writing.day_files import DayFiles
    from otbridge.hub.store.vocabulary import Retention

    return DayFiles(Folder(folder), SystemClock(), Retention())


def main(runs: int = 5, records: int = 40_000) -> None:
    """Measure and print."""

    def fresh() -> Result:
        return run_fresh(_NAME, "--one", str(records), str(GROUP))

    found = take_turns(runs, {"": fresh})[""]
    table(
        "Hub: where the CPU for a span goes",
        {"µs": lambda us: format(us, ".1f")},
        {stage: found[stage] for stage in _STAGES},
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(*map(int, sys.argv[2:]))))
    else:
        main(**options())
