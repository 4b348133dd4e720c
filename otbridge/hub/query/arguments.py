"""Arguments of questions, from text to values. Whatever cannot be read is answered with an example.

Every function takes the argument's name, for its message, and its text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from otbridge.errors import QueryError
from otbridge.hub.store.vocabulary import Term

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = [
    "MAX_LIMIT",
    "SEVERITIES",
    "read_duration",
    "read_flag",
    "read_limit",
    "read_severity",
    "read_signal",
    "read_span_id",
    "read_terms",
    "read_text",
    "read_time",
    "read_trace_id",
    "read_word",
]

MAX_LIMIT: Final = 1_000
"""Items on one page; a thousand of them are about a megabyte of JSON."""

SEVERITIES: Final = {
    "trace": 1,
    "debug": 5,
    "info": 9,
    "warn": 13,
    "warning": 13,
    "error": 17,
    "fatal": 21,
    "critical": 21,
}
"""The lowest number of each name (OTel logs data model, Severity Fields)."""

_SIGNALS: Final = ("traces", "logs", "metrics")

_MAX_TEXT: Final = 1_000
_MAX_TERMS: Final = 16
"""Each term is a look-up of its own; nobody types more."""

_LATEST_NS: Final = 2**63 - 1

_UNITS_NS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3_600 * 10**9,
    "d": 86_400 * 10**9,
}
_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(ns|us|µs|ms|s|m|h|d)?", re.ASCII)
_PLUS_AS_SPACE = re.compile(r" (\d\d:?\d\d)$", re.ASCII)
_TERM = re.compile(r'(?:([^\s="]+)=)?(?:"([^"]*)"|(\S+))')


def read_text(name: str, text: str) -> str:
    """Return text of a sensible length."""
    if len(text) > _MAX_TEXT:
        raise QueryError(
            f"{name} has {len(text):,} characters.", f"At most {_MAX_TEXT:,} are taken.", ""
        )
    return text


def read_limit(name: str, text: str) -> int:
    """Return how many items a page may have."""
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT and len(text) < 9:
        return int(text)
    raise QueryError(
        f"{name} is {text[:40]!r}.",
        "It is the number of items on a page.",
        f"Give a whole number from 1 to {MAX_LIMIT:,}.",
    )


def read_flag(name: str, text: str) -> bool:
    """Return true or false."""
    flag = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
    if flag is None:
        raise QueryError(f"{name} is {text[:40]!r}.", "It is a yes or a no.", "Give true or false.")
    return flag


def read_duration(name: str, text: str) -> int:
    """Return nanoseconds: `250ms`, `1.5s`, `2m`; a bare number is milliseconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise QueryError(
            f"{name} is {text[:40]!r}.",
            "It is a duration.",
            "Write it like 250ms, 1.5s or 2m; a bare number is milliseconds.",
        )
    return min(int(float(match[1]) * _UNITS_NS[match[2] or "ms"]), _LATEST_NS)


def read_time(name: str, text: str, now_ns: int) -> int:
    """Return unix nanoseconds: given as such, as RFC 3339, or relative to *now_ns* (`-15m`)."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 20:
        return min(int(text), _LATEST_NS)
    if text == "now":
        return now_ns
    if text.startswith("-") and (match := _DURATION.fullmatch(text[1:])) and match[2]:
        return max(now_ns - read_duration(name, text[1:]), 0)
    try:
        # A "+" in a query string that was not escaped arrives as a space.
        moment = datetime.fromisoformat(_PLUS_AS_SPACE.sub(r"+\1", text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise QueryError(
            f"{name} is {text[:40]!r}.",
            "It is a moment.",
            "Write it like -15m, -2h, 2026-11-20T10:30:00Z, or as unix nanoseconds.",
        ) from None
    nanoseconds = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
    return min(max(nanoseconds, 0), _LATEST_NS)


def read_severity(name: str, text: str) -> int:
    """Return an OTLP SeverityNumber, given as such or by the level's name."""
    number = SEVERITIES.get(text.lower())
    if number is None and text.isascii() and text.isdigit() and len(text) <= 2:
        number = int(text)
    if number is None or not 1 <= number <= 24:
        raise QueryError(
            f"{name} is {text[:40]!r}.",
            "It is a level; records of this level and above are found.",
            f"Give {', '.join(SEVERITIES)}, or a number from 1 to 24.",
        )
    return number


def read_word(name: str, text: str, words: tuple[str, ...]) -> str:
    """Return one of *words*."""
    if text in words:
        return text
    raise QueryError(
        f"{name} is {text[:40]!r}.", "It is one of a few words.", f"Give {', '.join(words)}."
    )


def read_signal(name: str, text: str) -> Signal:
    """Return which signal is meant."""
    return cast("Signal", read_word(name, text, _SIGNALS))


def read_trace_id(name: str, text: str) -> bytes:
    """Return the 16 bytes of a trace id."""
    return _read_id(name, text, 16)


def read_span_id(name: str, text: str) -> bytes:
    """Return the 8 bytes of a span id."""
    return _read_id(name, text, 8)


def _read_id(name: str, text: str, length: int) -> bytes:
    if re.fullmatch(f"[0-9a-fA-F]{{{2 * length}}}", text):
        return bytes.fromhex(text)
    raise QueryError(
        f"{name} is {text[:80]!r}.",
        f"It is {length} bytes in hex.",
        f"Give {2 * length} hex digits.",
    )


def read_terms(name: str, text: str) -> tuple[Term, ...]:
    """Return the conditions of a text search.

    Words are separated by spaces. `key=value` asks for an attribute; a value with spaces stands in
    double quotes: `user.name="Ada Lovelace"`.
    """
    terms = tuple(
        Term(word or quoted or "", key or None)
        for key, quoted, word in _TERM.findall(read_text(name, text))
    )
    if len(terms) > _MAX_TERMS:
        raise QueryError(
            f"{name} has {len(terms)} words.", f"At most {_MAX_TERMS} are looked for at once.", ""
        )
    return terms
