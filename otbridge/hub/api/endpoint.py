"""An endpoint of the API as data: its arguments are parsed and documented from one description."""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from otbridge.errors import QueryError
from otbridge.hub.api.shapes import KINDS
from otbridge.hub.query import arguments, attribute_filters, cursors
from otbridge.hub.store.vocabulary import SESSION_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otbridge.hub.store import Store

__all__ = ["DEFAULT_LIMIT", "Endpoint", "Parameter", "parameters", "path_id", "read_arguments"]

DEFAULT_LIMIT = 50

ORDERS = ("count", "error_count", "error_rate", "p50_nano", "p95_nano", "p99_nano")
"""What a list of operations can be sorted by."""


class Parameter(NamedTuple):
    """One argument of a question."""

    name: str
    read: Callable[[str, Any], Any]
    """Turns its name and text into a value, or raises QueryError."""
    about: str
    schema: dict[str, Any]
    """Its JSON schema, as the OpenAPI document shows it."""
    default: Any = None
    in_path: bool = False
    many: bool = False
    """Whether it may be given several times; *read* gets the list of its texts."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One question that can be asked by GET, or one thing that can be done."""

    path: str
    """Below `/api/v1`, with `{name}` for arguments in the path."""
    about: str
    """What it answers, in a sentence."""
    answer: Any
    """The type of its JSON."""
    handle: Callable[[Store, dict[str, Any]], Any]
    """Answers in a worker thread; the arguments have their values by name, None where left out."""
    parameters: tuple[Parameter, ...] = field(default=())
    look: Callable[[Any], Any] | None = None
    """Reads what the answer needs of the application's own state, on the event loop that owns it;
    the result is the argument `hub`."""
    method: str = "GET"
    body: Any = None
    """The type of the JSON that is sent with it, which becomes the argument `body`."""


def _time(name: str, text: str) -> int:
    return arguments.read_time(name, text, time.time_ns())


_TEXT = {"type": "string", "maxLength": 1000}

_ALL = (
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
    Parameter(
        "kind",
        lambda name, text: arguments.read_word(name, text, KINDS),
        "Kind of the spans.",
        {"type": "string", "enum": list(KINDS)},
    ),
    Parameter(
        "session",
        arguments.read_text,
        "Id of a session or conversation that the record, or its trace, belongs to.",
        _TEXT,
    ),
    Parameter(
        "by",
        lambda name, text: arguments.read_word(name, text, SESSION_KEYS),
        "Only sessions that this attribute names.",
        {"type": "string", "enum": list(SESSION_KEYS)},
    ),
    Parameter(
        "sort",
        lambda name, text: arguments.read_word(name, text, ORDERS),
        "By which number, the largest first; by name where it is left out.",
        {"type": "string", "enum": list(ORDERS)},
    ),
    Parameter(
        "series",
        lambda name, text: arguments.read_word(name, text, ("minute",)),
        "`minute`: each minute's numbers, too.",
        {"type": "string", "enum": ["minute"]},
    ),
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
    Parameter(
        "of",
        lambda name, text: arguments.read_word(name, text, ("logs", "traces")),
        "What is counted.",
        {"type": "string", "enum": ["logs", "traces"], "default": "logs"},
        default="logs",
    ),
    Parameter(
        "field",
        lambda name, text: arguments.read_word(name, text, ("service", "severity", "name")),
        "Whose values are counted, service where it is left out; the name of a log record is its"
        " event's.",
        {"type": "string", "enum": ["service", "severity", "name"]},
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
_BY_NAME = {parameter.name: parameter for parameter in _ALL}

_CURSOR = "The `next_cursor` of the page before."


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


def read_arguments(
    endpoint: Endpoint, in_path: Mapping[str, str], in_query: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Return the values of the endpoint's arguments by name.

    An empty argument counts as left out, as forms send them.

    Raises:
        QueryError: One is unknown, comes twice, or cannot be read.
    """
    values = {parameter.name: parameter.default for parameter in endpoint.parameters}
    known = {parameter.name: parameter for parameter in endpoint.parameters}
    for name, text in in_path.items():
        values[name] = known[name].read(name, text)
    seen: dict[str, list[str]] = {}
    for name, text in in_query:
        parameter = known.get(name)
        if parameter is None or parameter.in_path:
            raise _unknown(name, [key for key, value in known.items() if not value.in_path])
        if name in seen and not parameter.many:
            raise QueryError(f"{name} is given twice.", "It can have one value.", "Give one.")
        seen.setdefault(name, []).extend([text] if text else [])
    for name, texts in seen.items():
        if texts:
            read = known[name].read
            values[name] = read(name, texts) if known[name].many else read(name, texts[0])
    return values


def _unknown(name: str, known: list[str]) -> QueryError:
    close = difflib.get_close_matches(name[:40], known, n=1)
    return QueryError(
        f"There is no argument {name[:40]!r} here.",
        f"Known are {', '.join(known)}." if known else "This address takes none.",
        f"Did you mean {close[0]}?" if close else "Leave it out.",
    )
