"""A hub that is killed has lost nothing that it acknowledged, and shows nothing twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from otbridge.testing.receiver import OtlpReceiver
from tests.hub.hub_process import HubProcess
from tests.hub.receive_log.killing import kill_and_send, received_all, shown

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
            missing = received_all(upstream, owed.acknowledged)
            assert hub.end()[0] == 0
    assert missing == set()
    assert owed.acknowledged - found.keys() == set()
    assert [name for name, times in found.items() if times > 1] == []
