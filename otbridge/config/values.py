"""Turn what a person wrote into a value, or say why it is none.

Each reader takes a string (from the environment) or a native value (from an argument or a file)
and raises `ValueError` with one sentence that says what would have been right. The setting's name
and the place it came from are added by `resolve`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = [
    "LEVELS",
    "Reader",
    "boolean",
    "choice",
    "endpoint",
    "key_values",
    "level",
    "number",
    "optional_boolean",
    "text",
    "words",
]

Reader = Callable[[Any], Any]

LEVELS = {
    "trace": 5,
    "debug": 10,
    "info": 20,
    "success": 20,
    "audit": 20,
    "compliance": 20,
    "notice": 25,
    "warn": 30,
    "warning": 30,
    "security": 30,
    "error": 40,
    "failure": 40,
    "fatal": 50,
    "critical": 50,
}
"""Level names to the numbers of the standard library, which thresholds are compared in."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def text(value: Any) -> str:
    """Return *value* as a string without surrounding blanks."""
    if isinstance(value, (bool, Mapping, list, tuple)):
        raise ValueError("It must be a text.")  # noqa: TRY004 - every reader raises ValueError
    return str(value).strip()


def boolean(value: Any) -> bool:
    """Return *value* as a truth value; strings are read as OpenTelemetry and people write them."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("It must be true or false.")


def optional_boolean(value: Any) -> bool | str:
    """Return a truth value, or the word `auto`."""
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    try:
        return boolean(value)
    except ValueError:
        raise ValueError("It must be true, false or auto.") from None


def number(least: float, most: float, unit: str = "") -> Reader:
    """Make a reader of numbers between *least* and *most*, both included."""

    def read(value: Any) -> float:
        wanted = f"It must be a number from {least:g} to {most:g}{' ' + unit if unit else ''}."
        if isinstance(value, bool):
            raise ValueError(wanted)  # noqa: TRY004 - every reader raises ValueError
        try:
            found = float(value)
        except (TypeError, ValueError):
            raise ValueError(wanted) from None
        if not least <= found <= most:  # also refuses NaN
            raise ValueError(wanted)
        return found

    return read


def choice(*allowed: str, aliases: Mapping[str, str] | None = None) -> Reader:
    """Make a reader that takes one of a few words, in any case."""

    def read(value: Any) -> str:
        word = str(value).strip().lower()
        word = (aliases or {}).get(word, word)
        if word not in allowed:
            raise ValueError(f"It must be one of: {', '.join(allowed)}.")
        return word

    return read


def level(value: Any) -> int:
    """Return the threshold for a level given by name or by the standard library's number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100:
        return value
    word = str(value).strip().lower()
    if word in LEVELS:
        return LEVELS[word]
    if word.isdigit() and int(word) <= 100:
        return int(word)
    raise ValueError(f"It must be a number from 0 to 100 or one of: {', '.join(LEVELS)}.")


def endpoint(value: Any) -> str:
    """Return an address such as `http://host:4318`, as it was written.

    A bare `host:port` is taken as it is: gRPC users write it so, and whether it is encrypted is
    then a setting of its own.
    """
    address = text(value)
    wanted = "It must be an address such as http://127.0.0.1:4318."
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(wanted) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_fine:
        raise ValueError(wanted)
    return address


def words(value: Any) -> tuple[str, ...]:
    """Return the words of a comma-separated string or of a list."""
    found: Iterable[Any]
    if isinstance(value, str):
        found = value.split(",")
    elif isinstance(value, Iterable) and not isinstance(value, Mapping):
        found = value
    else:
        raise ValueError("It must be a list of words, or words with commas between them.")  # noqa: TRY004
    return tuple(word for word in (str(item).strip() for item in found) if word)


def key_values(value: Any) -> dict[str, str]:
    """Return pairs from a mapping, or from `key=value,key2=value2` with URL-encoded values.

    The text form is W3C Baggage's, as the OpenTelemetry specification asks for headers and
    resource attributes.
    """
    if isinstance(value, Mapping):
        return {str(key): str(item) for key, item in value.items()}
    pairs: dict[str, str] = {}
    for position, part in enumerate(words(value), 1):
        key, equals, item = part.partition("=")
        if not equals or not key.strip():
            # The part itself may be a secret (a header's value), so it is not repeated here.
            raise ValueError(
                f"It must be key=value pairs with commas between; pair {position} is not."
            )
        pairs[unquote(key.strip())] = unquote(item.strip())
    return pairs
