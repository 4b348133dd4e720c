"""Draws a trace as a tree of text: spans with their log lines under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.cli.line_format import duration, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["draw"]

_NAME_WIDTH = 56
_SERVICE_WIDTH = 14


def draw(trace: dict[str, Any]) -> str:
    """Return the answer of `GET /api/v1/traces/{id}` as lines of text.

    Children stand in the order in which they began, log lines among them by their time. A span
    whose parent is not in the trace stands at the top level, marked with `?`.
    """
    nodes = {span["span_id"]: _span_line(span) for span in trace["spans"]}
    children: dict[str | None, list[tuple[int, str, str | None]]] = {}
    for span in trace["spans"]:
        parent = span["parent_span_id"]
        known = parent if parent in nodes else None
        text = nodes[span["span_id"]] if known == parent else f"? {nodes[span['span_id']]}"
        entry = (int(span["start_time_unix_nano"]), text, span["span_id"])
        children.setdefault(known, []).append(entry)
    for log in trace["logs"]:
        place = log["span_id"] if log["span_id"] in nodes else None
        children.setdefault(place, []).append((int(log["time_unix_nano"]), _log_line(log), None))
    lines = [f"trace {trace['trace_id']}  {_summary(trace)}"]
    lines.extend(_branch(children, None, ""))
    return "\n".join(lines)


def _branch(
    children: dict[str | None, list[tuple[int, str, str | None]]], of: str | None, indent: str
) -> Iterator[str]:
    entries = sorted(children.get(of, ()), key=lambda entry: (entry[0], entry[2] is not None))
    for position, (_, text, span_id) in enumerate(entries):
        last = position == len(entries) - 1
        name, _, rest = text.partition("\t")
        head = f"{indent}{'└─ ' if last else '├─ '}{name}"
        yield f"{head.ljust(_NAME_WIDTH)} {rest}".rstrip()
        if span_id is not None:
            yield from _branch(children, span_id, indent + ("   " if last else "│  "))


def _span_line(span: dict[str, Any]) -> str:
    mark = " ✗" if span["status"] == "error" else ""
    took = "running" if span["duration_nano"] is None else duration(span["duration_nano"])
    return f"{one_line(span['name'])}{mark}\t{span['service'].ljust(_SERVICE_WIDTH)} {took:>9}{_tokens(span)}"


def _tokens(span: dict[str, Any]) -> str:
    usage = (span["genai"] or {}).get("usage")
    if not usage:
        return ""
    return f"  {usage.get('input_tokens', 0)} → {usage.get('output_tokens', 0)} tokens"


def _log_line(log: dict[str, Any]) -> str:
    body = log["body"] if isinstance(log["body"], str) else str(log["body"])
    level = (log["severity_text"] or "log").lower()
    return f"· {level}: {one_line(body)}\t{log['service']}"


def _summary(trace: dict[str, Any]) -> str:
    services = ", ".join(service["name"] for service in trace["services"])
    counts = _count(trace["span_count"], "span"), _count(trace["log_count"], "log line")
    took = duration(trace["duration_nano"])
    return f"{took} · {' · '.join(counts)} · {services}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def participants(spans: Iterable[dict[str, Any]]) -> list[str]:
    """Return the services that took part, in the order in which they did."""
    return list(dict.fromkeys(span["service"] for span in spans))
