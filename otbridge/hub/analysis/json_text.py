"""JSON that somebody put into an attribute, decoded into what the hub's API can pass on."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["decode_json", "is_too_deep"]

_DEEPEST: Final = 64
"""Levels; what agents record has fewer than ten, and not everybody can follow more."""

_EXACT: Final = 2**53
"""Beyond it a JavaScript number is no longer exact: the API says such integers as text."""


def decode_json(text: str) -> Any:
    """Return what *text* says.

    Integers beyond 2^53 are text, NaN and infinities are None, half surrogate pairs are replaced.

    Raises:
        ValueError: *text* is not JSON, or nested deeper than 64 levels.
    """
    try:
        decoded = json.loads(text, parse_int=_integer, parse_constant=_constant)
        if "\\ud" in text or "\\uD" in text:
            clean = json.dumps(decoded, ensure_ascii=False).encode("utf-8", "replace")
            decoded = json.loads(clean)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if is_too_deep(decoded):
        raise ValueError("nested too deep")
    return decoded


def is_too_deep(value: Any) -> bool:
    """Whether *value* has more than 64 levels."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _integer(digits: str) -> int | str:
    number = int(digits)
    return number if -_EXACT <= number <= _EXACT else digits


def _constant(_: str) -> None:
    return None
