"""One line of text for a trace, a span or a log record, as the terminal verbs print them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["duration", "log_line", "one_line", "span_line", "trace_line"]

_SERVICE_WIDTH = 14

_ERROR, _WARN, _INFO = 17, 13, 9
"""First severity numbers of their ranges in the OpenTelemetry logs data model."""


def trace_line(summary: Mapping[str, Any]) -> str:
    """Return the line of `otbridge traces` for one trace's summary."""
    name = one_line(summary["name"])
    services = ", ".join(one_line(service["name"]) for service in summary["services"])
    parts = [
        _clock(summary["start_time_unix_nano"]),
        summary["trace_id"],
        f"{duration(summary['duration_nano']):>9}",
        f"{summary['span_count']:>4} spans",
        click.style(name, fg="red") if summary["error_count"] else name,
        click.style(services, dim=True),
    ]
    return "  ".join(parts)


def log_line(log: Mapping[str, Any]) -> str:
    """Return a log record as time, level, service, message, attributes, and short trace id."""
    body = log["body"] if isinstance(log["body"], str) else json.dumps(log["body"])
    number = log["severity_number"]
    color = "red" if number >= _ERROR else "yellow" if number >= _WARN else None
    level = (log["severity_text"] or "-").lower()[:8]
    attributes = " ".join(
        f"{one_line(key)}={one_line(_short(value))}" for key, value in log["attributes"].items()
    )
    parts = [
        click.style(_clock(log["time_unix_nano"]), dim=True),
        click.style(f"{level:<8}", fg=color, dim=number < _INFO),
        f"{one_line(log['service']):<{_SERVICE_WIDTH}}",
        click.style(one_line(body), bold=number >= _WARN),
        click.style(attributes, dim=True),
        click.style((log["trace_id"] or "")[:8], dim=True),
    ]
    return " ".join(part for part in parts if part).rstrip()


def span_line(span: Mapping[str, Any]) -> str:
    """Return an ended span as time, duration, service and name."""
    failed = span["status"] == "error"
    took = "lost" if span["duration_nano"] is None else duration(span["duration_nano"])
    parts = [
        click.style(_clock(span["start_time_unix_nano"]), dim=True),
        f"{took:>8}",
        f"{one_line(span['service']):<{_SERVICE_WIDTH}}",
        click.style(
            one_line(span["name"]) + (" ✗" if failed else ""), fg="red" if failed else None
        ),
        click.style(span["trace_id"][:8], dim=True),
    ]
    return " ".join(parts)


def duration(nanoseconds: int) -> str:
    """Return *nanoseconds* in the unit that a person would choose."""
    if nanoseconds < 1_000_000:
        return f"{nanoseconds / 1_000:.0f} µs"
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1_000_000:.0f} ms"
    return f"{nanoseconds / 1_000_000_000:.2f} s"


def one_line(text: str) -> str:
    """Return *text* without anything that could move a terminal's cursor.

    Telemetry is other people's text; what is not printable becomes `·`.
    """
    return "".join(character if character.isprintable() else "·" for character in text)


def _clock(unix_nano: str) -> str:
    seconds, nanoseconds = divmod(int(unix_nano), 1_000_000_000)
    local = datetime.fromtimestamp(seconds).astimezone()
    return f"{local:%H:%M:%S}.{nanoseconds // 1_000_000:03}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 120 else text[:119] + "…"
