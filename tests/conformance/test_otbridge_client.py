"""Our own client, by all the rules, over both protocols, against real receivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.testing.conform import BUILT_IN, CLIENT_RULES, check_client

if TYPE_CHECKING:
    from otbridge.testing.conform import Result

pytestmark = pytest.mark.timeout(300)  # all checks run in the first test that wants a result


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """Every check, run once; they take less than a minute together, because most only wait."""
    return check_client(BUILT_IN["otbridge"])


@pytest.mark.parametrize("rule", [rule.id for rule in CLIENT_RULES])
def test_otbridge_keeps_the_rule(results: list[Result], rule: str) -> None:
    """No check of the rule fails, be it a MUST or a SHOULD."""
    broken = [
        f"{result.check.what}, over {result.protocol}: {result.finding.seen}"
        for result in results
        if result.check.rule == rule and result.finding.verdict == "fail"
    ]
    assert broken == []


def test_every_rule_is_tried(results: list[Result]) -> None:
    """Only OTLP/JSON, which our client does not speak, may be without a finding."""
    tried = {result.check.rule for result in results if result.finding.verdict != "n/a"}
    assert {rule.id for rule in CLIENT_RULES} - tried == {"C17"}
