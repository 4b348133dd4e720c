"""The verb that looks after what waits on disk, in its own process, with a real receiver."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.delivery.spool.spool import Spool
from otbridge.testing import OtlpReceiver
from otbridge.wire.compression import compress
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose
from tests.cli.conftest import last_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

ENVELOPE = Envelope.of({"service.name": "shop"}, "tests")


def log(number: int) -> bytes:
    return encode_log_record(number, number, 9, "INFO", f"line {number}", {})


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A spool in which a process has left ten log lines, three of them as a request."""
    spool = Spool(str(tmp_path / "spool"), "shop", report=print)
    for number in range(7):
        assert spool.append("logs", ENVELOPE, log(number), 17 if number == 3 else 9)
    request = compress(compose([(ENVELOPE, log(number)) for number in range(7, 10)]), "gzip")
    assert spool.append_request("logs", request, "gzip", 3)
    spool.close()
    return tmp_path / "spool"


def test_list_shows_what_waits_and_changes_nothing(otbridge: Run, left: Path) -> None:
    """A line for each process; again the same."""
    before = sorted(left.rglob("*"))
    for _ in range(2):
        finished = otbridge("spool", "list", "--dir", str(left))
        assert finished.returncode == 0, finished.stderr
        (line,) = finished.stdout.splitlines()
        assert line.startswith("shop-")
        assert "  ended  10 logs  " in line
    assert sorted(left.rglob("*")) == before


def test_list_tells_a_running_process_from_one_that_has_ended(
    otbridge: Run, tmp_path: Path
) -> None:
    """What is being written is shown, and not offered for deletion."""
    spool = Spool(str(tmp_path), "shop", report=print)
    assert spool.append("logs", ENVELOPE, log(1))
    finished = otbridge("spool", "list", "--dir", str(tmp_path), "--format", "json")
    services: Any = last_json(finished.stdout)["services"]
    (process,) = services[0]["processes"]
    assert process["running"] is True
    assert process["waiting"] == {"logs": 1}
    assert otbridge("spool", "purge", "--yes", "--dir", str(tmp_path)).stdout.startswith(
        "Deleted 0"
    )
    assert spool.reader("x", "logs").waiting == 1
    spool.close()


def test_an_empty_spool_is_said_to_be_one(otbridge: Run, tmp_path: Path) -> None:
    """Also one that is not there; the verb alone lists."""
    finished = otbridge("spool", "list", "--dir", str(tmp_path / "none"))
    assert finished.returncode == 0
    assert finished.stdout == ""
    assert finished.stderr.startswith("Nothing waits in ")


def test_replay_delivers_everything_once(otbridge: Run, left: Path) -> None:
    """Records and whole requests arrive, and leave the disk."""
    with OtlpReceiver() as receiver:
        finished = otbridge("spool", "replay", "--dir", str(left), "--endpoint", receiver.http_url)
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == "10 records delivered.\n"
        bodies = sorted(record.body.string_value for record in receiver.logs)
    assert bodies == sorted(f"line {number}" for number in range(10))
    assert not list(left.rglob("*.seg"))
    assert otbridge("spool", "list", "--dir", str(left)).stdout == ""


def test_replay_without_a_receiver_keeps_everything(otbridge: Run, left: Path) -> None:
    """Exit code 1, what keeps it from being taken, and how much still waits."""
    finished = otbridge(
        "spool", "replay", "--dir", str(left), "--endpoint", "http://127.0.0.1:1", "--patience", "0"
    )
    assert finished.returncode == 1
    assert finished.stdout == "0 records delivered, 10 still wait.\n"
    assert "otlp_http http://127.0.0.1:1: ConnectionRefusedError" in finished.stderr
    assert "10 logs" in otbridge("spool", "list", "--dir", str(left)).stdout


def test_replay_leaves_other_services_alone(otbridge: Run, left: Path) -> None:
    """`--service` takes the service's own name."""
    with OtlpReceiver() as receiver:
        arguments = ("spool", "replay", "--dir", str(left), "--endpoint", receiver.http_url)
        assert otbridge(*arguments, "--service", "bank").stdout == "0 records delivered.\n"
        assert otbridge(*arguments, "--service", "shop").stdout == "10 records delivered.\n"


def test_purge_asks_first_and_then_deletes(otbridge: Run, left: Path) -> None:
    """Without an answer nothing is deleted."""
    refused = otbridge("spool", "purge", "--dir", str(left))
    assert refused.returncode == 1
    assert list(left.rglob("*.seg"))
    finished = otbridge("spool", "purge", "--dir", str(left), "--yes", "--format", "json")
    assert last_json(finished.stdout)["records"] == 10
    assert not list(left.rglob("*.seg"))


def test_the_folder_comes_from_the_environment(
    otbridge: Run, left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`OTBRIDGE_SPOOL_DIR` is where programs write, and so where the verb looks."""
    monkeypatch.setenv("OTBRIDGE_SPOOL_DIR", str(left))
    assert "10 logs" in otbridge("spool").stdout


def test_listing_loads_neither_a_sink_nor_protobuf(left: Path) -> None:
    """It has to be quick, and to work where nothing else does."""
    program = (
        "import sys\n"
        "from otbridge.cli.main import main\n"
        f"try:\n    main(['spool', 'list', '--dir', {str(left)!r}])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'grpc', 'google.protobuf', 'httpx', 'asyncio', 'http.client', 'structlog'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=30, check=True, text=True
    )
    assert finished.stderr.strip() == "[]"
