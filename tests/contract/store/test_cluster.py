"""Two shards of two replicas: each trace on one shard, and a node that dies costs nothing."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter, ScanFilter, TraceFilter
from otbridge.wire.rows import Batch
from tests.contract.store.cluster import HALVED, Cluster
from tests.contract.store.test_clickhouse import ask
from tests.contract.store.test_several_hubs import bodies, logs, send
from tests.hub.hub_process import HubProcess
from tests.hub.store.builders import log, span, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.store.server import Server

TRACES = 12
ALL = 16


@pytest.fixture
def mortal(server: Server, tmp_path: Path) -> Iterator[Cluster]:
    """Four servers of which some may be killed."""
    assert server.answers()  # which is asked for because it says what is missing
    running = Cluster(tmp_path, mortal=True)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def counted(cluster: Cluster, node: int, table: str) -> int:
    return int(ask(cluster.nodes[node], f"SELECT count() FROM otel.{table} FINAL"))


def test_a_killed_node_costs_nothing_and_gets_what_it_missed(mortal: Cluster) -> None:
    with closing(open_store(mortal.address("otel"))) as store:
        for number in range(1, TRACES + 1):
            store.submit(_batch(number)).result(timeout=20)
        halves = [counted(mortal, node, "otel_traces") for node in range(4)]
        assert halves[0] == halves[1] > 0
        assert halves[2] == halves[3] > 0
        assert halves[0] + halves[2] == 2 * TRACES
        assert all(half % 2 == 0 for half in halves)  # no trace is on both shards

        mortal.take_away(0)
        assert len(store.traces(TraceFilter(), 100)) == TRACES
        for number in range(TRACES + 1, ALL + 1):
            store.submit(_batch(number)).result(timeout=30)
        assert len(store.traces(TraceFilter(), 100)) == ALL
        assert len(store.logs(LogFilter(), 100)) == ALL

        mortal.bring_back(0)
        for table in ("otel_traces", "otel_logs"):
            # Servers do so by themselves, every two seconds; the library does not run that task.
            ask(mortal.nodes[1], f"SYSTEM FLUSH DISTRIBUTED otel.{table}_all")
            assert counted(mortal, 0, table) == counted(mortal, 1, table)
        assert store.totals().spans == 2 * ALL
        scanned = store.scan(ScanFilter("logs"), 1_000).rows
        assert len({row.body_text for row in scanned}) == len(scanned) == ALL  # type: ignore[union-attr] # they are logs
        whole = store.trace(trace_id(TRACES + 1), 10)
        assert whole is not None
        assert (len(whole.spans), len(whole.logs)) == (2, 1)

        mortal.take_away(1)  # what is left of the shard is what was away before
        assert len(store.traces(TraceFilter(), 100)) == ALL
        assert len(store.logs(LogFilter(), 100)) == ALL
        assert store.totals().spans == 2 * ALL


def test_a_hub_that_loses_a_replica_shows_all_that_it_acknowledged(
    mortal: Cluster, tmp_path: Path
) -> None:
    """Each once: while it is away, and from it alone after it is back."""
    now_ns = time.time_ns()
    acknowledged: Counter[str] = Counter()
    with pytest.raises(StoreError, match="several servers that know nothing of each other"):
        open_store(mortal.address("apart").partition("?")[0])
    with pytest.raises(StoreError, match="would have each record on one replica only"):
        open_store(mortal.address("halved", HALVED))
    with HubProcess(tmp_path / "data", "--store", mortal.address("otel")) as hub:
        for number in range(60):
            if number == 30:
                mortal.take_away(0)  # in the middle of inserts: the hub stores behind its answers
            said = [f"{number}.{index}" for index in range(20)]
            send(hub, "logs", logs(said, now_ns + number))
            acknowledged.update(said)
        hub.wait_until_stored()
        assert bodies(hub) == acknowledged
        mortal.bring_back(0)
        ask(mortal.nodes[1], "SYSTEM FLUSH DISTRIBUTED otel.otel_logs_all")
        mortal.take_away(1)
        assert bodies(hub) == acknowledged
        assert hub.end()[0] == 0


def test_one_server_may_have_several_names(server: Server) -> None:
    """Several servers without a cluster may not: each would show what it was sent itself."""
    twice = f"localhost:{server.http_port},127.0.0.1:{server.http_port}"
    with closing(open_store(f"clickhouse://{twice}/twice")) as store:
        assert store.totals().spans == 0


def _batch(number: int) -> Batch:
    batch = Batch(key=("stream", number))
    batch.spans = [span(1, trace=number), span(2, trace=number, parent=1)]
    batch.logs = [log(f"of {number}", trace=number)]
    return batch
