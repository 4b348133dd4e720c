"""Every argument that the API's questions take: how it is read, and what is said about it."""

from __future__ import annotations

import time
from typing import Any, Final

from otbridge.hub.api.endpoint import Parameter
from otbridge.hub.api.shapes import KINDS
from otbridge.hub.query import arguments, attribute_filters, cursors
from otbridge.hub.store.vocabulary import SESSION_KEYS

__all__ = ["DEFAULT_LIMIT", "parameters", "path_id"]

DEFAULT_LIMIT: Final = 50

_ORDERS: Final = ("count", "error_count", "error_rate", "p50_nano", "p95_nano", "p99_nano")
"""What a list of operations can be sorted by."""
_TEXT: Final = {"type": "string", "maxLength": 1000}


def _one_of(name: str, words: tuple[str, ...], about: str, default: str | None = None) -> Parameter:
    """Return an argument that has to be one of *words*."""
    schema: dict[str, Any] = {"type": "string", "enum": list(words)}
    if default is not None:
        schema["default"] = default
    return Parameter(
        name, lambda key, text: arguments.read_word(key, text, words), about, schema, default
    )


def _time(name: str, text: str) -> int:
    return arguments.read_time(name, text, time.time_ns())


_ALL: Final = (
    Parameter("service", arguments.read_text, "Name of a service.", _TEXT),
    Parameter(
        "name", arguments.read_text, "Part of the name (of a log record: of its event).", _TEXT
    ),
    Parameter(
        "min_duration",
        arguments.read_duration,
        "`250ms`, `1.5s`, `2m`; a bare number is milliseconds.",
        {"type": "string"},
    ),
    Parameter("error", arguments.read_flag, "With a failed span, or without.", {"type": "boolean"}),
    Parameter(
        "q",
        arguments.read_terms,
        "Words that all have to occur, each at the beginning of a word; `key=value` asks for an"
        " attribute.",
        _TEXT,
        default=(),
    ),
    Parameter(
        "attr",
        attribute_filters.read_conditions,
        "A condition on an attribute; several have to hold together. `http.status_code>=500`,"
        ' `user.id="7"`, `cached=true`, or `exception.type`, which only has to be there.',
        {"type": "array", "items": _TEXT, "maxItems": attribute_filters.MAX_CONDITIONS},
        default=(),
        many=True,
    ),
    Parameter(
        "key",
        attribute_filters.read_key,
        "The attribute whose values are counted, in place of a field.",
        _TEXT,
    ),
    _one_of("kind", KINDS, "Kind of the spans."),
    Parameter(
        "session",
        arguments.read_text,
        "Id of a session or conversation that the record, or its trace, belongs to.",
        _TEXT,
    ),
    _one_of("by", SESSION_KEYS, "Only sessions that this attribute names."),
    _one_of("sort", _ORDERS, "By which number, the largest first; by name where it is left out."),
    _one_of("series", ("minute",), "`minute`: each minute's numbers, too."),
    Parameter(
        "from",
        _time,
        "This moment and later: unix nanoseconds, RFC 3339, or relative to now (`-15m`).",
        {"type": "string"},
    ),
    Parameter("to", _time, "Before this moment; written like `from`.", {"type": "string"}),
    Parameter(
        "severity",
        arguments.read_severity,
        "This level and above, by name or OTLP number.",
        {"type": "string"},
    ),
    _one_of("of", ("logs", "traces"), "What is counted.", default="logs"),
    _one_of(
        "field",
        ("service", "severity", "name"),
        "Whose values are counted, service where it is left out; the name of a log record is its"
        " event's.",
    ),
    Parameter(
        "signal",
        arguments.read_signal,
        "What is asked for.",
        {"type": "string", "enum": ["traces", "logs", "metrics"], "default": "traces"},
        default="traces",
    ),
    Parameter(
        "trace_id",
        arguments.read_trace_id,
        "A trace.",
        {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"},
    ),
    Parameter(
        "span_id",
        arguments.read_span_id,
        "A span.",
        {"type": "string", "pattern": "^[0-9a-fA-F]{16}$"},
    ),
    Parameter(
        "limit",
        arguments.read_limit,
        "Items on a page.",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": arguments.MAX_LIMIT,
            "default": DEFAULT_LIMIT,
        },
        default=DEFAULT_LIMIT,
    ),
)
_BY_NAME: Final = {parameter.name: parameter for parameter in _ALL}

_CURSOR: Final = "The `next_cursor` of the page before."


def parameters(*names: str) -> tuple[Parameter, ...]:
    """Return the arguments with these names; all cursors are `cursor`."""
    cursor = {
        "trace_cursor": Parameter("cursor", cursors.read_trace_cursor, _CURSOR, _TEXT),
        "log_cursor": Parameter("cursor", cursors.read_log_cursor, _CURSOR, _TEXT),
        "scan_cursor": Parameter("cursor", cursors.read_scan_cursor, _CURSOR, _TEXT),
        "session_cursor": Parameter("cursor", cursors.read_session_cursor, _CURSOR, _TEXT),
        "key_cursor": Parameter("cursor", cursors.read_key_cursor, _CURSOR, _TEXT),
    }
    return tuple(cursor.get(name) or _BY_NAME[name] for name in names)


def path_id(name: str) -> Parameter:
    """Return the argument in the path: `trace_id`, `run_id`, and so on."""
    known = _BY_NAME.get(name)
    if known is not None:
        return known._replace(in_path=True)
    about = {
        "run_id": "A run, by its id or a trace's.",
        "session_id": "A session, or a conversation.",
        "metric_name": "A metric.",
        "link_id": "A saved link.",
    }
    return Parameter(name, arguments.read_text, about[name], _TEXT, in_path=True)
