"""ClickHouse inside the hub: in a process of its own, which may die and belongs to one hub."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.clickhouse import ClickHouseStore
from otbridge.hub.store.clickhouse.embedded import Embedded
from otbridge.hub.store.vocabulary import LogFilter
from tests.hub.store.builders import log, store_now

if TYPE_CHECKING:
    from pathlib import Path

needs_chdb = pytest.mark.skipif(
    find_spec("chdb") is None, reason="chDB is not installed: pip install 'otbridge[chdb]'"
)


def test_the_engine_is_never_loaded_into_the_hub_itself() -> None:
    code = (
        "import sys, otbridge, otbridge.hub.app, otbridge.hub.store.clickhouse.embedded\n"
        "assert 'chdb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(find_spec("chdb") is not None, reason="chDB is installed here")
def test_a_store_without_chdb_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not installed") as caught:
        open_store(f"chdb://{tmp_path}/store")
    assert "otbridge[chdb]" in caught.value.do
    assert not (tmp_path / "store").exists()


@needs_chdb
def test_a_process_that_dies_is_started_anew_with_everything(tmp_path: Path) -> None:
    with closing(open_store(f"chdb://{tmp_path}/store")) as store:
        assert isinstance(store, ClickHouseStore)
        assert isinstance(store._engine, Embedded)
        store_now(store, log("before"))
        child = store._engine._running.child
        os.kill(child._process.pid, signal.SIGKILL)
        child._thread.join(20)
        store_now(store, log("after", at=1))
        assert [found.row.body_text for found in store.logs(LogFilter(), 9)] == ["after", "before"]


@needs_chdb
def test_a_folder_belongs_to_one_hub(tmp_path: Path) -> None:
    with (
        closing(open_store(f"chdb://{tmp_path}/store")),
        pytest.raises(StoreError, match="in use by another hub"),
    ):
        open_store(f"chdb://{tmp_path}/store")


@needs_chdb
def test_databases_in_one_folder_share_a_process_until_the_last_is_closed(tmp_path: Path) -> None:
    """One of a tenant beside the hub's own, in whichever order they come and go."""
    own = open_store(f"chdb://{tmp_path}/store")
    tenant = open_store(f"chdb://{tmp_path}/store?database=otbridge__acme")
    assert isinstance(own, ClickHouseStore)
    assert isinstance(tenant, ClickHouseStore)
    assert isinstance(own._engine, Embedded)
    assert isinstance(tenant._engine, Embedded)
    process = own._engine._running.child._process
    assert tenant._engine._running.child._process is process
    store_now(own, log("of nobody"))
    own.close()
    store_now(tenant, log("of acme"))
    assert [found.row.body_text for found in tenant.logs(LogFilter(), 9)] == ["of acme"]
    assert process.poll() is None
    tenant.close()
    assert process.poll() is not None
    with closing(open_store(f"chdb://{tmp_path}/store")) as again:
        assert [found.row.body_text for found in again.logs(LogFilter(), 9)] == ["of nobody"]


@needs_chdb
def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreError, match="cannot be used"):
        open_store(f"chdb://{tmp_path}/store")
