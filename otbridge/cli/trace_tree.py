"""Draws a trace as a tree of text: spans with their log lines under them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from otbridge.cli.line_format import duration, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["draw"]

_NAME_WIDTH = 56
_SERVICE_WIDTH = 14

_BODY_WIDTH = 72
"""A longer message is cut: the tree is for the shape; `otbridge logs` has the words."""


class _Line(NamedTuple):
    time: int
    span_id: str
    """Empty for a log line: nothing stands under it."""
    name: str
    facts: str


def draw(trace: dict[str, Any]) -> str:
    """Return the answer of `GET /api/v1/traces/{id}` as lines of text.

    Children stand in the order in which they began, log lines among them by their time. A span
    whose parent is not in the trace stands at the top level, marked with `?`; so does the
    earliest span of a circle of parents.
    """
    parents = _parents(trace["spans"])
    under: defaultdict[str | None, list[_Line]] = defaultdict(list)
    for span in trace["spans"]:
        parent = parents[span["span_id"]]
        orphan = parent is None and span["parent_span_id"] is not None
        under[parent].append(_span_line(span, "? " if orphan else ""))
    for log in trace["logs"]:
        under[log["span_id"] if log["span_id"] in parents else None].append(_log_line(log))
    lines = [f"trace {trace['trace_id']}  {_summary(trace)}"]
    lines.extend(_branches(under))
    return "\n".join(lines)


def _parents(spans: list[dict[str, Any]]) -> dict[str, str | None]:
    """Return the parent of each span, None where it has none that can be drawn."""
    told = {span["span_id"]: span["parent_span_id"] for span in spans}
    parents: dict[str, str | None] = {}
    for span_id, parent in told.items():
        above, seen = parent, {span_id}
        # What has been placed already leads to the top: there is no need to walk on.
        while above in told and above not in seen and above not in parents:
            seen.add(above)
            above = told[above]
        parents[span_id] = parent if parent in told and above != span_id else None
    return parents


def _branches(under: dict[str | None, list[_Line]]) -> Iterator[str]:
    # A stack and no recursion: a trace may be deeper than Python's own stack.
    waiting = [(line, "", last) for line, last in _siblings(under, None)]
    while waiting:
        line, indent, last = waiting.pop()
        head = f"{indent}{'└─ ' if last else '├─ '}{line.name}"
        yield f"{head:<{_NAME_WIDTH}} {line.facts}".rstrip()
        if line.span_id:
            deeper = indent + ("   " if last else "│  ")
            waiting.extend((line, deeper, last) for line, last in _siblings(under, line.span_id))


def _siblings(under: dict[str | None, list[_Line]], of: str | None) -> Iterator[tuple[_Line, bool]]:
    """Yield what stands under *of*, latest first, and whether it is the last to be drawn."""
    for position, line in enumerate(sorted(under.get(of, ()), reverse=True)):
        yield line, position == 0


def _span_line(span: dict[str, Any], mark: str) -> _Line:
    failed = " ✗" if span["status"] == "error" else ""
    took = "running" if span["duration_nano"] is None else duration(span["duration_nano"])
    facts = f"{one_line(span['service']):<{_SERVICE_WIDTH}} {took:>9}{_tokens(span)}"
    name = f"{mark}{one_line(span['name'])}{failed}"
    return _Line(int(span["start_time_unix_nano"]), span["span_id"], name, facts)


def _tokens(span: dict[str, Any]) -> str:
    usage = (span["genai"] or {}).get("usage")
    if not usage:
        return ""
    return f"  {usage.get('input_tokens', 0)} → {usage.get('output_tokens', 0)} tokens"


def _log_line(log: dict[str, Any]) -> _Line:
    body = log["body"] if isinstance(log["body"], str) else str(log["body"])
    level = (log["severity_text"] or "log").lower()
    words = one_line(body)
    shown = words if len(words) <= _BODY_WIDTH else words[: _BODY_WIDTH - 1] + "…"
    name = f"· {one_line(level)}: {shown}"
    return _Line(int(log["time_unix_nano"]), "", name, one_line(log["service"]))


def _summary(trace: dict[str, Any]) -> str:
    services = ", ".join(one_line(service["name"]) for service in trace["services"])
    counts = _count(trace["span_count"], "span"), _count(trace["log_count"], "log line")
    return f"{duration(trace['duration_nano'])} · {' · '.join(counts)} · {services}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
