"""The results of a server as a table for people, and as a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.testing.conform.report import aligned, breaks_must
from otbridge.testing.conform.server.rules import SERVER_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from otbridge.testing.conform.server.session import ServerResult
    from otbridge.testing.conform.server.target import Server

__all__ = ["server_as_document", "server_as_text"]

_SEEN: Final = 72
"""Characters of what was seen that the table has room for."""


def server_as_text(results: Sequence[ServerResult], *, everything: bool = False) -> Iterator[str]:
    """Yield the lines of the report: a line per rule, then what was seen.

    Args:
        results: Of one server.
        everything: Tell of every check; only of the failed ones by default.
    """
    yield from _table(results)
    told = [result for result in results if everything or result.finding.verdict == "fail"]
    if told:
        yield ""
        yield from _lines(told)


def server_as_document(server: Server, results: Sequence[ServerResult]) -> dict[str, Any]:
    """Return everything as plain values, e.g. for JSON."""
    return {
        "server": {"url": server.url, "grpc": server.grpc or None, "max_body": server.max_body},
        "rules": [
            {
                "id": rule.id,
                "level": rule.level,
                "requirement": rule.requirement,
                "source": rule.source,
                "result": _outcome(mine)[0],
                "checks": [
                    {
                        "protocol": result.protocol,
                        "level": result.check.level,
                        "what": result.check.what,
                        "result": result.finding.verdict,
                        "seen": result.finding.seen,
                    }
                    for result in mine
                ],
            }
            for rule in SERVER_RULES
            if (mine := _of(rule.id, results))
        ],
        "breaks_must": breaks_must(results),
    }


def _table(results: Sequence[ServerResult]) -> Iterator[str]:
    rows = [["rule", "level", "requirement", "result", "seen"]]
    for rule in SERVER_RULES:
        mine = _of(rule.id, results)
        if mine:
            rows.append([rule.id, rule.level, rule.requirement, *_outcome(mine)])
    yield from aligned(rows)


def _of(rule: str, results: Sequence[ServerResult]) -> list[ServerResult]:
    return [result for result in results if result.check.rule == rule]


def _outcome(results: Sequence[ServerResult]) -> tuple[str, str]:
    """Return the outcome of one rule in a word or two, and what speaks for it."""
    for verdict in ("fail", "pass", "n/a", "skip"):
        found = [result for result in results if result.finding.verdict == verdict]
        if found:
            break
    tried = sum(result.finding.verdict in ("pass", "fail") for result in results)
    said = {"fail": f"FAIL {len(found)} of {tried}", "pass": f"pass {tried}"}.get(verdict, verdict)
    if verdict == "fail" and all(result.check.level != results[0].check.level for result in found):
        said += f" ({found[0].check.level})"
    seen = found[0].finding.seen
    return said, seen if len(seen) <= _SEEN else f"{seen[:_SEEN]}…"


def _lines(results: Sequence[ServerResult]) -> Iterator[str]:
    yield from aligned(
        [
            [
                f"  {result.check.rule}",
                result.check.level,
                result.finding.verdict,
                result.protocol,
                f"{result.check.what}: {result.finding.seen}",
            ]
            for result in results
        ]
    )
