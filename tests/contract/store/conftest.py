"""Every kind of store there is, one after the other, for every test in this folder."""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import Store, open_store
from otbridge.testing.clock import FakeClock
from tests.contract.store import server as clickhouse
from tests.contract.store.cluster import VARIABLE, Cluster
from tests.contract.store.kinds import CHDB, CLICKHOUSE, CLUSTER, SQLITE, SQLITE_APART, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REQUIRED = os.environ.get("OTBRIDGE_TEST_CLICKHOUSE") == "required"

# What is not installed is left out; the tests of ClickHouse alone say so, or fail where it must be.
_KINDS = [
    SQLITE,
    SQLITE_APART,
    *([CLICKHOUSE] if _REQUIRED or clickhouse.library() else []),
    *([CHDB] if find_spec("chdb") else []),
    *([CLUSTER] if os.environ.get(VARIABLE) else []),
]

_ABOUT_WRITING = {"test_submit", "test_resent", "test_days"}

_database = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clickhouse.Server]:
    """One ClickHouse server for all tests; each has a database of its own."""
    if clickhouse.library() is None:
        if _REQUIRED:
            pytest.fail(clickhouse.missing())
        pytest.skip(clickhouse.missing())
    running = clickhouse.Server(tmp_path_factory.mktemp("clickhouse"))
    running.start()
    yield running
    running.end()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Four servers for all tests that ask for a cluster."""
    running = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask each kind of store; of two that answer alike, the one that only writes otherwise less."""
    if "kind" in metafunc.fixturenames:
        writes = metafunc.module.__name__.rpartition(".")[2] in _ABOUT_WRITING
        kinds = [kind for kind in _KINDS if writes or not kind.apart]
        metafunc.parametrize("kind", kinds, ids=lambda kind: kind.name, indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def address(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that holds nothing yet."""
    if kind.package == SQLITE.package:
        return str(tmp_path / "store")
    if kind is CHDB:
        return f"chdb://{tmp_path / 'store'}"
    if kind is CLUSTER:
        nodes: Cluster = request.getfixturevalue("cluster")
        return nodes.address(f"test_{next(_database)}")
    running: clickhouse.Server = request.getfixturevalue("server")
    return f"clickhouse://127.0.0.1:{running.http_port}/test_{next(_database)}"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(address: str, kind: Kind, clock: FakeClock) -> Iterator[Store]:
    opened = open_store(address, clock=clock, apart=kind.apart)
    yield opened
    opened.close()
