"""A hub that is killed has lost nothing that it acknowledged, and shows nothing twice."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from otbridge.testing.receiver import OtlpReceiver
from tests.hub.hub_process import HubProcess
from tests.hub.receive_log.killing import kill_and_send, shown

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_at_random_moments_it_shows_everything_it_acknowledged_once(tmp_path: Path) -> None:
    owed = kill_and_send(tmp_path, 14, seed=14)
    with HubProcess(tmp_path) as hub:
        found = Counter(shown(hub))
        stats = hub.http.get("/api/v1/stats").json()
        assert hub.end()[0] == 0
    assert owed.requests > 100
    assert owed.acknowledged - found.keys() == set()
    assert [name for name, times in found.items() if times > 1] == []
    assert found.keys() - owed.sent == set()
    assert stats["log"]["corrupt"] == 0


def test_killed_at_random_moments_it_has_passed_everything_on(tmp_path: Path) -> None:
    with OtlpReceiver() as upstream:
        owed = kill_and_send(tmp_path, 6, 6, "--forward", upstream.http_url)
        with HubProcess(tmp_path, "--forward", upstream.http_url) as hub:
            found = Counter(shown(hub))
            deadline = time.monotonic() + 30
            while owed.acknowledged - _received(upstream) and time.monotonic() < deadline:
                time.sleep(0.1)  # another process's queue
            assert hub.end()[0] == 0
        assert owed.acknowledged - _received(upstream) == set()
    assert owed.acknowledged - found.keys() == set()
    assert [name for name, times in found.items() if times > 1] == []


def _received(upstream: OtlpReceiver) -> set[str]:
    spans = {span.name for span in upstream.spans}
    return spans | {record.body.string_value for record in upstream.logs}
