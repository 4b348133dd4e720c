"""A store of millions of records, as a hub would have it after a day: `hub_queries` asks it.

Written by the hub's own decoder and `Store`, with a clock that goes along with the records; each
date by a process of its own, because a date's files depend on no other's. No socket, no receive
log: `hub_ingest` measures those.
"""

# ruff: noqa: T201 - prints how far it is

from __future__ import annotations

import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.decoding import decode
from otbridge.hub.store import open_store
from otbridge.testing.clock import FakeClock
from tests.benchmarks.hub_bulk import Bulk
from tests.benchmarks.hub_traffic import TRACE_SPANS

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Stretch", "load", "stretches"]

_DAY_NS: Final = 86_400_000_000_000
_NAME: Final = "tests.benchmarks.hub_load"
_WAITING: Final = 24
"""Requests that may wait for the store: few enough that it never has to refuse one."""


class Stretch(NamedTuple):
    """A time within one date (UTC), and how many traces began in it."""

    from_ns: int
    to_ns: int
    traces: int


def stretches(rows: int, end_ns: int) -> list[Stretch]:
    """Return the 24 hours before *end_ns*, with *rows* rows in them, cut at midnight."""
    begin_ns = end_ns - _DAY_NS
    midnight_ns = end_ns // _DAY_NS * _DAY_NS
    traces = max(rows // (2 * TRACE_SPANS), 2)
    earlier = min(max(traces * (midnight_ns - begin_ns) // _DAY_NS, 1), traces - 1)
    return [
        Stretch(begin_ns, midnight_ns, earlier),
        Stretch(midnight_ns, end_ns, traces - earlier),
    ]


def load(folder: Path, parts: list[Stretch]) -> float:
    """Make a store of these *parts* in *folder*; return the seconds that it took."""
    begin = time.monotonic()
    folders = [folder.with_name(f"{folder.name}-{index}") for index in range(len(parts))]
    writers = [
        subprocess.Popen([sys.executable, "-m", _NAME, str(where), *map(str, part)])
        for where, part in zip(folders, parts, strict=True)
    ]
    codes = [writer.wait() for writer in writers]
    if any(codes):
        raise SystemExit("A part of the store could not be written.")
    folder.mkdir(parents=True)
    for where in folders:
        for file in where.glob("*.db"):
            file.rename(folder / file.name)
        for rest in where.iterdir():
            rest.unlink()
        where.rmdir()
    return time.monotonic() - begin


def _write(folder: Path, part: Stretch) -> None:
    clock = FakeClock(part.from_ns)
    store = open_store(folder, clock=clock)
    waiting: deque[Future[None]] = deque()
    bulk = Bulk(part.traces, seed=part.from_ns)
    rows, told = 0, time.monotonic()
    for request in bulk.requests(part.traces, part.from_ns, part.to_ns):
        clock.advance(max(0, request.time_ns - clock.time_ns()) / 1e9)
        batch, refused = decode(request.signal, request.data, request.time_ns)
        if refused:
            raise SystemExit(f"Refused: {refused[0]}")
        waiting.append(store.submit(batch))
        rows += request.records
        if len(waiting) == _WAITING:
            for done in waiting:
                done.result()
            waiting.clear()
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"{folder.name}: {rows:,} rows", file=sys.stderr, flush=True)
    for done in waiting:
        done.result()
    store.close()


if __name__ == "__main__":
    _write(Path(sys.argv[1]), Stretch(*map(int, sys.argv[2:5])))
