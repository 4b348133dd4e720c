"""SIGKILL at any moment: nothing acknowledged is lost, and nothing is there twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, TraceFilter
from otbridge.testing.clock import FakeClock
from tests.hub.store.builders import batch, log, span, trace_id

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.wire.rows import Batch

KILLS = 12

WRITER = """
import sys
from otbridge.hub.store import open_store
from otbridge.hub.store.sqlite.writing import day_files
from tests.hub.store.sqlite.test_crash import numbered

day_files._PARTS = int(sys.argv[3])
store = open_store(sys.argv[1])
number = int(sys.argv[2])
while True:
    group = [(n, store.submit(numbered(n))) for n in range(number, number + 7)]
    for n, future in group:
        future.result()
        print(n, flush=True)
    number += 7
"""

WRITER_OVER_MIDNIGHT = """
import os, signal, sys
from otbridge.hub.store import open_store
from otbridge.testing.clock import FakeClock
from tests.hub.store.builders import batch, span
from tests.hub.store.sqlite.test_crash import two_days

clock = FakeClock()
store = open_store(sys.argv[1], clock=clock)
store.submit(batch([span(1, trace=1)])).result()
clock.advance(86_400)
store.submit(batch([])).result()  # makes the second day's file
database = store._writer.files.writer("2026-01-02").db
database.set_trace_callback(
    lambda sql: os.kill(os.getpid(), signal.SIGKILL) if sql == "COMMIT" else None
)
store.submit(two_days(1)).result()
"""
"""The first day's part of the batch is committed, the second day's is about to be."""


def numbered(number: int) -> Batch:
    """A batch of three spans, one of them first open, and two logs, all told by its number."""
    return batch(
        [
            span(1, trace=number + 1, is_open=True, name=f"root {number}"),
            span(1, trace=number + 1, name=f"root {number}"),
            span(2, trace=number + 1, parent=1),
            span(number + 3, trace=2**90, name="in one trace over all batches"),
            log(f"said {number}", trace=number + 1),
            log(f"said alone {number}"),
        ],
        key=("crash", number),
    )


@pytest.mark.parametrize("parts", [8, 50_000], ids=["one file", "parts of 100 kB"])
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path: Path, parts: int) -> None:
    chance = random.Random(20)
    acknowledged = 0
    for _ in range(KILLS):
        acknowledged = _write_until_killed(tmp_path, acknowledged, chance.randrange(5, 60), parts)
    assert (len(list(tmp_path.glob("*.db"))) > 1) == (parts > 8)

    store = open_store(tmp_path)
    assert [n for n in range(acknowledged) if store.summary(trace_id(n + 1)) is None] == []

    # A sender resends what it got no answer for; this one resends everything.
    sent = acknowledged + 20
    for future in [store.submit(numbered(number)) for number in range(sent)]:
        future.result(timeout=60)
    _assert_all_there_once(store, sent)
    store.close()


def two_days(number: int) -> Batch:
    """A batch for a trace of the first day, and for the second."""
    return batch(
        [log("of yesterday", trace=1), log("of today"), span(1, trace=2), span(2, trace=1)],
        key=("crash", number),
    )


def test_a_kill_between_the_commits_of_two_days_leaves_nothing_twice(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER_OVER_MIDNIGHT, str(tmp_path)]) as writer:
        assert writer.wait(30) == -signal.SIGKILL
    clock = FakeClock()
    clock.advance(86_400)
    store = open_store(tmp_path, clock=clock)
    assert [found.row.body_text for found in store.logs(LogFilter(), 9)] == ["of yesterday"]

    for _ in range(2):
        store.submit(two_days(1)).result(timeout=20)
    said = sorted(found.row.body_text for found in store.logs(LogFilter(), 9))
    assert said == ["of today", "of yesterday"]
    assert store.totals().spans == 3
    store.close()


def _write_until_killed(folder: Path, first: int, acknowledgements: int, parts: int) -> int:
    """Run a writer until it has printed so many acknowledgements; return the next number."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(first), str(parts)],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        for _ in range(acknowledgements):
            assert writer.stdout.readline()
        writer.kill()
        acknowledgements += len(writer.stdout.readlines())
    return first + acknowledgements


def _assert_all_there_once(store: Store, sent: int) -> None:
    totals = store.totals()
    assert (totals.logs, totals.spans, totals.corrupt) == (2 * sent, 3 * sent, 0)
    common = store.summary(trace_id(2**90))
    assert common is not None
    assert common.span_count == sent

    own = store.traces(TraceFilter(name="root"), sent + 1)
    assert {trace.name for trace in own} == {f"root {number}" for number in range(sent)}
    assert {(t.span_count, t.log_count, t.state) for t in own} == {(2, 1, "complete")}

    said = sorted(found.row.body_text for found in store.logs(LogFilter(), 2 * sent + 1))
    expected = [f"said {n}" for n in range(sent)] + [f"said alone {n}" for n in range(sent)]
    assert said == sorted(expected)
