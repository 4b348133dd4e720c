"""The checks of servers: each broken rule is found by its check, and by no other MUST."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.testing.conform.server import SERVER_RULES, Server, breaks_must, check_server
from otbridge.testing.conform.server.checks import SERVER_CHECKS, sizes
from tests.conformance.server.twisted_hub import ANSWER_LIMIT, BODY_LIMIT, TwistedHub, no_twist
from tests.conformance.server.twists import TWISTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from otbridge.testing.conform.server import ServerResult
    from tests.conformance.server.twisted_hub import Twist

_LEVELS = ("MAY", "SHOULD", "MUST")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwistedHub]:
    """One hub for all twists; its limits are small, so that exceeding them takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("MAX_BODY_BYTES", "MAX_INFLATED_BYTES"):
            patch.setattr(f"otbridge.hub.receivers.otlp_http.{limit}", BODY_LIMIT)
        patch.setattr("otbridge.hub.receivers.otlp_grpc._OPTIONS", _NO_LIMITS)
        patch.setattr(sizes, "RECOMMENDED_LIMIT", BODY_LIMIT)
        patch.setattr(sizes, "_MOST_ANSWERED", ANSWER_LIMIT)
        patch.setattr(sizes, "_NAMES", 40)  # of 4 kB each: too much to repeat, not to take
        with TwistedHub(tmp_path_factory.mktemp("hub")) as running:
            yield running


_NO_LIMITS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
"""The limit is the handler's own, so that what it says can be twisted."""


def check(hub: TwistedHub, twist: Twist, rules: Collection[str] = ()) -> list[ServerResult]:
    hub.twist = twist
    try:
        return check_server(Server(hub.url, hub.grpc, max_body=BODY_LIMIT), rules=rules)
    finally:
        hub.twist = no_twist


def told(results: list[ServerResult]) -> list[str]:
    return [
        f"{result.check.rule} {result.check.what} ({result.protocol}): {result.finding}"
        for result in results
    ]


def test_a_server_that_keeps_every_rule_passes_every_check(hub: TwistedHub) -> None:
    """Every single check has something to say of it: none passes because it was not tried."""
    results = check(hub, no_twist)
    assert told([result for result in results if result.finding.verdict != "pass"]) == []
    assert not breaks_must(results)


@pytest.mark.parametrize(
    ("rule", "twist"),
    [pytest.param(rule, twist, id=f"{rule}-{what}") for rule, what, twist in TWISTS],
)
def test_a_broken_rule_is_found_by_its_check_and_no_other_must(
    hub: TwistedHub, rule: str, twist: Twist
) -> None:
    tried = {rule} | {rule.id for rule in SERVER_RULES if rule.level == "MUST"}
    failed = [each for each in check(hub, twist, tried) if each.finding.verdict == "fail"]
    assert rule in {result.check.rule for result in failed}
    others = [
        result for result in failed if result.check.level == "MUST" and result.check.rule != rule
    ]
    assert told(others) == []


def test_every_rule_is_broken_once_at_least() -> None:
    assert {rule for rule, _, _ in TWISTS} == {rule.id for rule in SERVER_RULES}


def test_every_rule_has_a_check_and_every_check_a_rule() -> None:
    assert {check.rule for check in SERVER_CHECKS} == {rule.id for rule in SERVER_RULES}


def test_no_two_checks_of_a_rule_have_the_same_name() -> None:
    names = [(check.rule, check.what) for check in SERVER_CHECKS]
    assert len(names) == len(set(names))


def test_a_check_asks_for_no_more_than_its_rule() -> None:
    levels = {rule.id: _LEVELS.index(rule.level) for rule in SERVER_RULES}
    assert [
        check.what for check in SERVER_CHECKS if _LEVELS.index(check.level) > levels[check.rule]
    ] == []
