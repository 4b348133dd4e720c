"""`otbridge hub move` copies a store, counts, and says what is wrong in one sentence."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from otbridge.cli import exit_codes
from otbridge.cli.hub_move import move as command
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import LogFilter
from tests.hub.store.builders import log, span, store_now

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A store of 2001, far older than what a hub keeps unless told otherwise."""
    folder = tmp_path / "from"
    with closing(open_store(folder)) as store:
        store_now(store, span(1), span(2, service="bank"), span(3, is_open=True), log("said"))
    return folder


@pytest.fixture
def move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mover:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return Mover()


class Mover:
    """Runs the command in this process."""

    def __call__(self, *arguments: object) -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_everything_is_copied_counted_and_told(source: Path, tmp_path: Path, move: Mover) -> None:
    result = move(source, f"sqlite://{tmp_path}/to")
    assert (result.exit_code, result.stdout) == (exit_codes.OK, "")
    assert result.stderr == "Copied and counted: 2 spans, 1 log records.\n"
    with closing(open_store(tmp_path / "to")) as store:
        assert [service.name for service in store.services()] == ["bank", "shop"]
        assert len(store.logs(LogFilter(), 9)) == 1


def test_a_second_copy_adds_what_came_since(source: Path, tmp_path: Path, move: Mover) -> None:
    assert move(source, tmp_path / "to").exit_code == exit_codes.OK
    with closing(open_store(source)) as store:
        store_now(store, span(7))
    result = move(source, tmp_path / "to", "--format", "json")
    assert json.loads(result.stdout) == {"traces": 3, "logs": 1, "metrics": 0, "missing": []}
    with closing(open_store(tmp_path / "to")) as store:
        assert (store.totals().spans, store.totals().logs) == (3, 1)


def test_a_target_that_was_emptied_is_filled_anew(
    source: Path, tmp_path: Path, move: Mover
) -> None:
    assert move(source, tmp_path / "to").exit_code == exit_codes.OK
    shutil.rmtree(tmp_path / "to")
    result = move(source, tmp_path / "to")
    assert result.exit_code == exit_codes.FAILED
    assert "bank: 1 of 1 spans are missing" in result.stderr
    assert "--anew" in result.stderr
    assert move(source, tmp_path / "to", "--anew").exit_code == exit_codes.OK


def test_a_source_that_is_none_is_not_made(tmp_path: Path, move: Mover) -> None:
    result = move(tmp_path / "nothing", tmp_path / "to")
    assert result.exit_code == exit_codes.STORE
    assert "There is no store in" in result.stderr
    assert not (tmp_path / "nothing").exists()
    assert not (tmp_path / "to").exists()


def test_a_source_in_use_is_refused(source: Path, tmp_path: Path, move: Mover) -> None:
    with closing(open_store(source)):
        result = move(source, tmp_path / "to")
    assert result.exit_code == exit_codes.STORE
    assert "in use" in result.stderr


def test_no_password_is_shown(source: Path, move: Mover) -> None:
    result = move(source, "clickhouse://ada:hunter2@127.0.0.1:1/otel")
    assert result.exit_code == exit_codes.STORE
    assert "cannot be reached" in result.stderr
    assert "hunter2" not in result.output + result.stderr
