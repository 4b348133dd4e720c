"""What settings make of delivery."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import otbridge
from otbridge import _configure
from otbridge._configure.delivery import Delivery
from otbridge._configure.parts import make_sink
from otbridge.config import resolve
from otbridge.errors import ConfigurationError
from otbridge.testing import Answer, OtlpReceiver


def made(tmp_path: Path, **settings: Any) -> Delivery:
    return Delivery(resolve(settings, environ={}, folder=tmp_path), "shop", make_sink)


def test_there_is_no_spool_for_a_destination_that_nobody_named(tmp_path: Path) -> None:
    assert made(tmp_path).spool is None


def test_who_names_a_destination_gets_a_spool_that_makes_nothing_before_it_is_needed(
    tmp_path: Path,
) -> None:
    spool = made(tmp_path, endpoint="http://host:4318").spool
    assert spool is not None
    assert spool.settings.durability == "memory"
    assert list(Path(os.environ["XDG_DATA_HOME"]).iterdir()) == []


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    assert made(tmp_path, endpoint="http://host:4318", spool=False).spool is None


def test_who_asks_for_durability_asks_for_delivery(tmp_path: Path) -> None:
    delivery = made(tmp_path, durability="process", spool_dir=str(tmp_path / "s"))
    assert delivery.spool is not None
    assert not any(pipeline._optional for pipeline in delivery.pipelines.values())


def test_a_folder_that_others_may_write_to_is_refused_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="Others may write to it"):
        made(tmp_path, endpoint="http://host:4318", spool_dir=str(folder))

    monkeypatch.setenv("OTBRIDGE_SPOOL_DIR", str(folder))  # as for the command line alone
    assert made(tmp_path, endpoint="http://host:4318").spool is None
    assert "kept in memory only" in capsys.readouterr().err


def test_a_durable_record_is_on_disk_before_its_log_call_returns(tmp_path: Path) -> None:
    with (
        OtlpReceiver(Answer.refuse(503)) as receiver,
        otbridge.configure(
            "shop",
            endpoint=receiver.http_url,
            console="off",
            live="off",
            durability="process",
            spool_dir=str(tmp_path),
            exit_timeout=0.2,
        ),
    ):
        otbridge.get_logger("x").info("a line that is easily found")
        (segment,) = tmp_path.rglob("logs.plain.*.seg")
        assert b"a line that is easily found" in segment.read_bytes()
        assert otbridge.stats()["logs"].spooled == 1
        assert otbridge.stats()["logs"].in_memory == 0
        receiver.answer_always(Answer.ok())
        assert otbridge.flush().spooled == 0


def test_what_a_receiver_refuses_goes_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "refused.jsonl"
    with OtlpReceiver(Answer.refuse(400)) as receiver:
        otbridge.configure(
            "shop", endpoint=receiver.http_url, console="off", live="off", fallback=f"file:{file}"
        )
        otbridge.get_logger("x").info("refused")
        assert otbridge.shutdown().failed == 0
        assert otbridge.stats()["logs"].diverted == 1
    requests = map(json.loads, file.read_text().splitlines())
    request = next(request for request in requests if "resourceLogs" in request)
    body = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"]
    assert body == {"stringValue": "refused"}


def test_another_receiver_gets_what_the_first_refuses_but_not_its_key() -> None:
    with OtlpReceiver(Answer.refuse(404)) as first, OtlpReceiver() as second:
        otbridge.configure(
            "shop",
            endpoint=first.http_url,
            headers={"authorization": "Bearer abcdef"},
            console="off",
            live="off",
            fallback=[second.http_url],
        )
        otbridge.get_logger("x").info("refused")
        otbridge.shutdown()
        assert [log.body.string_value for log in second.logs] == ["refused"]
        assert "authorization" in first.requests[0].headers
        assert "authorization" not in second.requests[0].headers


def test_a_policy_is_used_by_its_name(tmp_path: Path) -> None:
    delivery = made(
        tmp_path, queue_policy="block", queue_block=0.5, queue_max_records=100, spool=False
    )
    assert delivery.pipelines["logs"]._queue._settings.policy == "block"
    with pytest.raises(ConfigurationError, match="drop_oldest"):
        made(tmp_path, queue_policy="panic")


@pytest.fixture(autouse=True)
def _shut_down() -> Any:
    yield
    _configure.shutdown(0.1)
