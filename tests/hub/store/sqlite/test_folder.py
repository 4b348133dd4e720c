"""Opening a store: whose folder it is, who may read it, and what is refused with which words."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter
from tests.hub.store.builders import log, store_now

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.hub.store import Store
    from otbridge.testing.clock import FakeClock


def refusal(address: str | Path) -> StoreError:
    with pytest.raises(StoreError) as caught:
        open_store(address)
    return caught.value


@pytest.mark.parametrize("form", ["{}", "sqlite://{}", "sqlite:///{}"])
def test_a_folder_is_named_by_its_path_or_by_a_url(form: str, tmp_path: Path) -> None:
    store = open_store(form.format(tmp_path / "new" / "store"))
    store.close()

    assert (tmp_path / "new" / "store").is_dir()


@pytest.mark.parametrize("address", ["postgres://host/db", "", "sqlite://", "sqlite:///"])
def test_an_address_that_is_none_is_refused_with_what_to_give(address: str) -> None:
    error = refusal(address)

    assert error.what
    assert "folder" in error.do


def test_the_folder_and_its_files_are_their_owners_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = open_store(tmp_path / "store")
        store_now(store, log())
    finally:
        os.umask(before)

    modes = {path.name[-3:]: path.stat().st_mode & 0o777 for path in (tmp_path / "store").iterdir()}
    store.close()
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    assert modes == {".db": 0o600, "wal": 0o600, "shm": 0o600, "ock": 0o600, "ast": 0o600}


def test_a_folder_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    open_store(tmp_path / "shared").close()

    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o755


def test_a_second_process_is_refused_and_told_which_one_has_it(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    try:
        code = f"from otbridge.hub.store import open_store; open_store({str(tmp_path / 'store')!r})"
        second = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
    finally:
        store.close()
    assert second.returncode != 0
    assert f"in use by process {os.getpid()}" in second.stderr


def test_a_closed_store_can_be_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        store = open_store(tmp_path / "store")
        store_now(store, log())
        store.close()
        left = {path.name.partition(".")[2] for path in (tmp_path / "store").iterdir()}
        assert left == {"db", ""}  # no write-ahead log stays behind

    store = open_store(tmp_path / "store")
    assert len(store.logs(LogFilter(), 10)) == 2
    store.close()


def test_a_failed_opening_gives_the_folder_back(tmp_path: Path) -> None:
    (tmp_path / "2026-01-01.db").write_bytes(b"no database at all, but long enough to look")
    assert "is no database" in refusal(tmp_path).what

    (tmp_path / "2026-01-01.db").unlink()
    open_store(tmp_path).close()


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")

    error = refusal(tmp_path / "store")
    assert str(tmp_path / "store") in error.what
    assert error.do


def test_a_newer_schema_is_refused_and_left_alone(store: Store, tmp_path: Path) -> None:
    store_now(store, log())
    store.close()
    path = tmp_path / "store" / "2026-01-01.db"
    with closing(sqlite3.connect(path)) as later:
        later.execute("PRAGMA user_version = 99")
    content = path.read_bytes()

    error = refusal(tmp_path / "store")
    assert "newer otbridge (schema 99" in error.what
    assert error.do.startswith("Upgrade")
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-01.db"
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE precious (thing)")
    content = path.read_bytes()

    assert "somebody else's" in refusal(tmp_path).what
    assert path.read_bytes() == content


def test_files_of_other_names_are_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "notes.db").write_text("mine")
    store = open_store(tmp_path, clock=clock)
    store_now(store, log())
    assert store.totals().days == ("2026-01-01",)
    store.close()

    assert (tmp_path / "notes.db").read_text() == "mine"
