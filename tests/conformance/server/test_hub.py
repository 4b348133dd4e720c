"""Our own hub, as it is shipped, by all the rules, over both protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.hub.limits import MAX_BODY_BYTES
from otbridge.testing.conform.server import SERVER_RULES, Server, check_server
from tests.conformance.server.twisted_hub import TwistedHub
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

    from otbridge.testing.conform.server import ServerResult

OVERLOAD = {"S10", "H7"}
"""A burst of a few MiB does not overload the hub: what it says then is tested below."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[ServerResult]:
    """Every check, run once."""
    with HubProcess(tmp_path_factory.mktemp("hub") / "data") as hub:
        found = check_server(Server(hub.url, hub.grpc, max_body=MAX_BODY_BYTES))
        assert hub.end() == (0, "")
    return found


@pytest.mark.parametrize("rule", [rule.id for rule in SERVER_RULES])
def test_the_hub_keeps_the_rule(results: list[ServerResult], rule: str) -> None:
    """No check of the rule fails, be it a MUST, a SHOULD or a MAY; and each is tried."""
    mine = [result for result in results if result.check.rule == rule]
    wanted = {"pass", "n/a"} if rule in OVERLOAD else {"pass"}
    assert [
        f"{result.check.what}, over {result.protocol}: {result.finding}"
        for result in mine
        if result.finding.verdict not in wanted
    ] == []
    assert mine


def test_a_hub_that_is_overloaded_says_so_by_the_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otbridge.hub.ingest.MAX_WAITING_BYTES", 100_000)
    with TwistedHub(tmp_path, overloaded_by=range(0)) as hub:
        results = check_server(Server(hub.url, hub.grpc), rules=OVERLOAD)
    assert [result.finding for result in results if result.finding.verdict != "pass"] == []
