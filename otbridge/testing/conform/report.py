"""The results as a table for people, and as a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.testing.conform.rules import CLIENT_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from otbridge.testing.conform.server.session import ServerResult
    from otbridge.testing.conform.session import Result

__all__ = ["aligned", "as_document", "as_text", "breaks_must"]


def breaks_must(results: Iterable[Result | ServerResult]) -> bool:
    """Return whether a check of a MUST has failed."""
    return any(
        result.finding.verdict == "fail" and result.check.level == "MUST" for result in results
    )


def as_text(results: Sequence[Result], *, everything: bool = False) -> Iterator[str]:
    """Yield the lines of the report: rules against clients, then what was seen.

    Args:
        results: Of one client or of several.
        everything: Tell of every check; only of the failed ones by default.
    """
    clients = list(dict.fromkeys(result.client for result in results))
    yield from _matrix(results, clients)
    for client in clients:
        told = [
            result
            for result in results
            if result.client == client and (everything or result.finding.verdict == "fail")
        ]
        if told:
            yield ""
            yield f"{client}:"
            yield from _lines(told)


def as_document(results: Sequence[Result]) -> dict[str, Any]:
    """Return everything as plain values, e.g. for JSON."""
    return {
        "rules": [
            {
                "id": rule.id,
                "level": rule.level,
                "requirement": rule.requirement,
                "source": rule.source,
                "checks": [
                    {
                        "client": result.client,
                        "protocol": result.protocol,
                        "level": result.check.level,
                        "what": result.check.what,
                        "result": result.finding.verdict,
                        "seen": result.finding.seen,
                    }
                    for result in results
                    if result.check.rule == rule.id
                ],
            }
            for rule in CLIENT_RULES
        ],
        "breaks_must": breaks_must(results),
    }


def _matrix(results: Sequence[Result], clients: Sequence[str]) -> Iterator[str]:
    rows = [["rule", "level", "requirement", *clients]]
    for rule in CLIENT_RULES:
        mine = [result for result in results if result.check.rule == rule.id]
        if mine:
            cells = [_cell([r for r in mine if r.client == client]) for client in clients]
            rows.append([rule.id, rule.level, rule.requirement, *cells])
    yield from aligned(rows)


def _cell(results: Sequence[Result]) -> str:
    """Return the outcome of one rule for one client, in a word and numbers."""
    verdicts = [result.finding.verdict for result in results]
    tried = len(verdicts) - verdicts.count("n/a")
    failed = verdicts.count("fail")
    if not tried:
        return "-"
    return f"FAIL {failed} of {tried}" if failed else f"pass {tried}"


def _lines(results: Sequence[Result]) -> Iterator[str]:
    rows = [
        [
            f"  {result.check.rule}",
            result.check.level,
            result.finding.verdict,
            result.protocol,
            f"{result.check.what}: {result.finding.seen}",
        ]
        for result in results
    ]
    yield from aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield *rows*, all with the same number of cells, as lines with straight columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
