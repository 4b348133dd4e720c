"""The file of OTLP/JSON."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import ConfigurationError
from otbridge.sinks.file import FileSink
from otbridge.typing import Rejected, Retryable, Success
from otbridge.wire.otlp_json import parse_logs
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose, split_request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def request(name: str) -> bytes:
    record = encode_log_record(1, 2, 9, "INFO", name, {"n": 1})
    return compose([(Envelope.of({"service.name": "s"}, "t"), record)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fallback.jsonl"


@pytest.fixture
def sink(path: Path) -> Iterator[FileSink]:
    sink = FileSink(str(path))
    yield sink
    sink.close()


def test_each_request_is_a_line_that_can_be_sent_again(sink: FileSink, path: Path) -> None:
    for name in ("one", "two"):
        assert sink.send("logs", request(name), 5) == Success()
    lines = path.read_bytes().splitlines()
    assert [split_request("logs", parse_logs(line)) != [] for line in lines] == [True, True]
    logs = json.loads(lines[1])["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert logs[0]["body"] == {"stringValue": "two"}


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_the_other_signals_are_written_too(sink: FileSink, path: Path, signal: str) -> None:
    assert sink.send(signal, b"", 5) == Success()  # type: ignore[arg-type]  # it is one of them
    assert path.read_bytes() == b"{}\n"


def test_only_its_owner_can_read_it(sink: FileSink, path: Path) -> None:
    sink.send("logs", request("x"), 5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_file_is_put_aside(path: Path) -> None:
    sink = FileSink(str(path), max_bytes=1)
    for name in ("one", "two", "three"):
        sink.send("logs", request(name), 5)
    sink.close()
    assert b"three" in path.read_bytes()
    assert b"two" in path.with_name("fallback.jsonl.1").read_bytes()
    assert len(list(path.parent.iterdir())) == 2


def test_a_file_that_was_moved_away_is_begun_anew(sink: FileSink, path: Path) -> None:
    sink.send("logs", request("one"), 5)
    path.rename(path.with_name("moved"))
    sink.send("logs", request("two"), 5)
    assert b"two" in path.read_bytes()


def test_what_is_no_request_is_refused(sink: FileSink) -> None:
    assert isinstance(sink.send("logs", b"\xff\xff", 5), Rejected)


def test_a_disk_that_takes_nothing_may_pass(sink: FileSink, path: Path) -> None:
    path.mkdir()
    assert isinstance(sink.send("logs", request("x"), 5), Retryable)
    path.rmdir()
    assert sink.send("logs", request("x"), 5) == Success()


def test_half_a_line_is_taken_back(
    sink: FileSink, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.send("logs", request("one"), 5)
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    assert isinstance(sink.send("logs", request("two"), 5), Retryable)
    assert path.read_bytes() == before


def test_a_link_in_its_place_is_not_followed(sink: FileSink, path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    assert isinstance(sink.send("logs", request("x"), 5), Retryable)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder does not exist"):
        FileSink(str(tmp_path / "no" / "file"))
