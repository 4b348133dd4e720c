"""Files of OTLP/JSON lines: one `{"resourceSpans": […]}`, Logs or Metrics, a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LISTS", "count", "parts", "report"]

LISTS: Final = {"traces": "resourceSpans", "logs": "resourceLogs", "metrics": "resourceMetrics"}
"""What each signal's list is called."""

_SCOPES: Final = {"traces": "scopeSpans", "logs": "scopeLogs", "metrics": "scopeMetrics"}
_RECORDS: Final = {"traces": "spans", "logs": "logRecords", "metrics": "metrics"}
_WORDS: Final = {"traces": "spans", "logs": "log records", "metrics": "metrics"}


def count(signal: str, resources: list[dict[str, Any]]) -> int:
    """Return how many spans, log records or metrics are under *resources*."""
    return sum(
        len(scope.get(_RECORDS[signal], ()))
        for resource in resources
        for scope in resource.get(_SCOPES[signal], ())
    )


def parts(
    signal: str, resources: list[dict[str, Any]], limit: int
) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield documents with at most *limit* records each, and how many they have.

    Every record keeps its resource and scope, and their order stays.
    """
    scopes, records = _SCOPES[signal], _RECORDS[signal]
    document: list[dict[str, Any]] = []
    size = 0
    for resource in resources:
        current: dict[str, Any] | None = None
        for scope in resource.get(scopes, ()):
            left = scope.get(records, ())
            while left:
                if size == limit:
                    yield {LISTS[signal]: document}, size
                    document, size, current = [], 0, None
                if current is None:
                    current = {**resource, scopes: []}
                    document.append(current)
                taken, left = left[: limit - size], left[limit - size :]
                current[scopes].append({**scope, records: taken})
                size += len(taken)
    if size:
        yield {LISTS[signal]: document}, size


def report(counts: Mapping[str, int], done: str, style: str, *, aside: bool = False) -> None:
    """Say what was *done*, with how many of what.

    People read it on standard error; programs on standard output, unless that is taken (*aside*).
    """
    if style == "json":
        click.echo(json.dumps(dict(counts)), err=aside)
        return
    told = [f"{number:,} {_WORDS[signal]}" for signal, number in counts.items() if number]
    click.echo(f"{done} {', '.join(told) or 'nothing'}.", err=True)
