"""A store that is written by a process of its own: what becomes of it when either side ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import wait
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, TracesData

from otbridge.errors import StoreError
from otbridge.hub.decoding import decode
from otbridge.hub.store import StoreFull, open_store
from otbridge.hub.store.sqlite.writing import writer_apart
from otbridge.hub.store.vocabulary import LogFilter, Retention
from otbridge.testing.clock import FakeClock
from tests.hub.store.builders import T0, batch, log, span, store_now, trace_id
from tests.hub.store.sqlite.inside import process_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.hub.store import Store
    from otbridge.wire.rows import Batch

HUB = """
import sys
from otbridge.hub.store import open_store
from tests.hub.store.builders import batch, log
from tests.hub.store.sqlite.inside import process_of

store = open_store(sys.argv[1], apart=True)
store.submit(batch([log("said")])).result()
print(process_of(store), flush=True)
while True:
    store.submit(batch([log("x" * 100_000) for _ in range(100)]))
"""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    with closing(open_store(tmp_path / "store", clock=clock, apart=True)) as opened:
        yield opened


def requested(*rows: str) -> Batch:
    """Return log records as they come in a request."""
    records = [log(row).data for row in rows]
    scope = ScopeLogs()
    for record in records:
        scope.log_records.add().MergeFromString(record)
    request = LogsData(resource_logs=[ResourceLogs(scope_logs=[scope])])
    decoded, rejected = decode("logs", request.SerializeToString(), T0)
    assert not rejected
    return decoded


def said(store: Store) -> list[str]:
    return sorted(found.row.body_text for found in store.logs(LogFilter(), 1_000))


def test_what_came_as_a_request_is_stored_as_what_came_as_rows(store: Store) -> None:
    store_now(store, log("one"), span(1, trace=1, name="of rows"))
    scope = ScopeSpans()
    scope.spans.add().MergeFromString(span(1, trace=2, name="of a request").data)
    spans = TracesData(resource_spans=[ResourceSpans(scope_spans=[scope])])
    decoded, _ = decode("traces", spans.SerializeToString(), T0)
    assert decoded.request is not None
    store.submit(decoded).result(20)
    store.submit(requested("two", "three")).result(20)

    assert said(store) == ["one", "three", "two"]
    names = [found.name for number in (1, 2) if (found := store.summary(trace_id(number)))]
    assert names == ["of rows", "of a request"]


def test_known_records_of_a_request_that_came_again_are_told(store: Store) -> None:
    store.submit(requested("one", "two")).result(20)
    again = requested("two", "new", "one")
    again.resent = True
    store.submit(again).result(20)

    assert again.known_logs == {0, 2}
    assert said(store) == ["new", "one", "two"]


def test_a_writer_that_is_killed_is_started_again(store: Store) -> None:
    store.submit(requested("before")).result(20)
    first = process_of(store)
    os.kill(first, signal.SIGSTOP)  # so that something is on its way when it dies
    waiting = [store.submit(requested(f"lost {number}")) for number in range(3)]
    os.kill(first, signal.SIGKILL)
    wait(waiting, 20)
    assert all(isinstance(future.exception(0), StoreError) for future in waiting)

    store.submit(requested("after")).result(20)
    assert process_of(store) != first
    assert said(store) == ["after", "before"]


def test_what_was_counted_before_a_kill_still_counts(store: Store) -> None:
    for _ in range(2):
        store.submit(batch([span(1, trace=1)])).result(20)
    os.kill(process_of(store), signal.SIGKILL)
    wait([store.expire()], 20)  # which meets the old process, or the new one
    store.submit(batch([span(1, trace=1)])).result(20)

    assert store.totals().duplicates == 2


def test_a_killed_hub_leaves_no_process_and_the_folder_to_the_next(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HUB, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as hub:
        assert hub.stdout is not None
        writer = int(hub.stdout.readline())
        hub.kill()
    with closing(open_store(tmp_path, apart=True)) as store:
        assert store.totals().logs >= 1
        assert not _runs(writer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_is_for_the_hub(store: Store, number: signal.Signals) -> None:
    os.kill(process_of(store), number)
    waiting = [store.submit(requested(f"{number}")) for number in range(20)]
    store.close()

    assert [future.result(0) for future in waiting] == [None] * 20


def test_who_comes_after_the_end_is_told(store: Store) -> None:
    store.close()

    with pytest.raises(StoreError, match="closed"):
        store.submit(requested("late")).result(20)
    with pytest.raises(StoreError, match="closed"):
        store.expire().result(20)


def test_a_folder_in_use_is_refused_with_whose_it_is(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StoreError, match=f"in use by process {process_of(store)}"):
        open_store(tmp_path / "store", apart=True)


def test_a_flood_is_told_to_come_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_apart, "MAX_WAITING_BYTES", 50_000)
    os.kill(process_of(store), signal.SIGSTOP)
    futures = [store.submit(requested("x" * 1_000)) for _ in range(100)]
    refused = [future for future in futures if future.done()]
    os.kill(process_of(store), signal.SIGCONT)

    assert 0 < len(refused) < 100
    assert {type(future.exception()) for future in refused} == {StoreFull}
    taken = [future.result(20) for future in futures if future not in refused]
    assert len(said(store)) == len(taken)


def test_deleted_days_are_let_go_by_who_reads_them(tmp_path: Path, clock: FakeClock) -> None:
    keep = Retention(days=1)
    with closing(open_store(tmp_path / "store", clock=clock, retention=keep, apart=True)) as store:
        store.submit(requested("old")).result(20)
        assert said(store) == ["old"]
        clock.advance(3 * 86_400)
        store.submit(requested("new")).result(20)
        expired = store.expire().result(20)

        assert expired.days == ("2026-01-01",)
        assert said(store) == ["new"]
        assert store.totals().deleted_bytes == expired.bytes
        assert not _deleted_files()


def _deleted_files() -> list[str]:
    """Return the files of stores that are deleted, and still open in this process."""
    files = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            files.append(str(entry.readlink()))
    return [file for file in files if file.endswith((".db (deleted)", "-wal (deleted)"))]


def _runs(process: int) -> bool:
    """Whether it has not ended; one that has may wait for somebody to ask how."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False
