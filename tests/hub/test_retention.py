"""A hub that is left running keeps what it was told to, and says what it has deleted."""

from __future__ import annotations

import base64
import random
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otbridge.cli import exit_codes
from otbridge.hub.retention import told
from otbridge.hub.store import open_store
from otbridge.hub.store.vocabulary import Expired, Retention
from otbridge.testing.clock import FakeClock
from tests.hub.hub_process import HubProcess
from tests.hub.store.builders import log, store_now
from tests.hub.test_process import refused

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400
GIB = 1 << 30


def left_behind(data: Path, *ages: int) -> None:
    """Make a store as hubs of so many days ago have left it."""
    data.mkdir()
    for age in ages:
        clock = FakeClock(time.time_ns() - age * DAY * 1_000_000_000)
        with closing(open_store(data / "store", clock=clock, retention=Retention(99))) as store:
            store_now(store, log(f"{age} days ago"))


def incompressible(rng: random.Random) -> str:
    """Return a word of 20,000 characters."""
    return base64.b64encode(rng.randbytes(15_000), b"xx").decode()


def test_old_days_go_and_the_statistics_and_the_log_tell(tmp_path: Path) -> None:
    left_behind(tmp_path / "data", 40, 30, 2)
    options = ("--keep-days", "3", "--keep-bytes", "2GiB", "--log-bytes", "200MB")
    with HubProcess(tmp_path / "data", *options) as hub:
        logs = hub.http.get("/api/v1/logs").json()["logs"]
        assert [line["body"] for line in logs] == ["2 days ago"]
        stats = hub.http.get("/api/v1/stats").json()
        code, said = hub.end()
    assert stats["log"]["max_bytes"] == 200_000_000
    store = stats["store"]
    assert (store["keep_days"], store["keep_bytes"]) == (3, 2 * GIB)
    assert store["deleted_bytes"] > 100_000
    assert store["ballast_bytes"] == 16 << 20
    assert len(store["days"]) == 1
    assert code == 0
    assert said.startswith("otbridge hub: Deleted what came from ")
    assert said.count("\n") == 1


def test_a_hub_killed_while_old_parts_go_keeps_the_newest_it_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(7)
    newest = 0
    for _ in range(3):
        with HubProcess(tmp_path, "--keep-bytes", "64MB") as hub:
            for number in range(newest, newest + 20):
                bodies = [f"{number} x{incompressible(rng)}" for _ in range(100)]
                records = [{"body": {"stringValue": body}} for body in bodies]
                document = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
                hub.http.post("/v1/logs", json=document).raise_for_status()
            newest += 20
            hub.process.kill()
            hub.process.wait()
    with HubProcess(tmp_path, "--keep-bytes", "64MB") as hub:
        hub.wait_until_stored()
        for number in range(newest - 10, newest):
            answer = hub.http.get("/api/v1/logs", params={"q": str(number), "limit": 200}).json()
            assert len(answer["logs"]) == 100
        store = hub.http.get("/api/v1/stats").json()["store"]
    assert store["logs"] < 100 * newest
    assert store["bytes"] < 64_000_000 + (20 << 20)  # one write-ahead log comes on top


def test_a_week_is_kept_where_nothing_is_said(tmp_path: Path) -> None:
    left_behind(tmp_path / "data", 9, 6)
    with HubProcess(tmp_path / "data") as hub:
        logs = hub.http.get("/api/v1/logs").json()["logs"]
        store = hub.http.get("/api/v1/stats").json()["store"]
    assert [line["body"] for line in logs] == ["6 days ago"]
    assert (store["keep_days"], store["keep_bytes"]) == (7, 5_000_000_000)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--keep-bytes", "much"), "no size. Write it like 500MB"),
        (("--keep-bytes", "5MB"), "Give at least 64MB"),
        (("--keep-days", "0"), "0 is not in the range"),
        (("--log-bytes", "64MB"), "Give at least 100MB"),
    ],
)
def test_what_cannot_be_kept_is_said(options: tuple[str, str], sentence: str) -> None:
    code, said = refused(*options)
    assert code == exit_codes.USAGE
    assert sentence in said


def test_the_sentence_names_the_days_the_size_and_the_options() -> None:
    retention = Retention(7, 5_000_000_000)
    assert told(Expired(("2026-01-01",), 812_000_000), retention) == (
        "Deleted what came on 2026-01-01, 812 MB: the hub keeps 7 days and 5 GB at most "
        "(--keep-days, --keep-bytes)."
    )
    assert "from 2026-01-01 to 2026-01-03, 5,000 MB" in told(
        Expired(("2026-01-01", "2026-01-02", "2026-01-03"), 5_000_000_000), retention
    )
