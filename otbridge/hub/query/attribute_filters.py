r"""The syntax of `attr=`: a key, an operator, a value whose type shows in how it is written.

    http.response.status_code>=500      a number: as JSON writes it
    cached=true                         a boolean
    user.id="7"                         a text, where it would be taken for something else
    user.name=Ada Lovelace              a text
    exception.type                      the attribute is there, whatever its value
    "odd=key"!=1                        a key with = < > ! in it stands in quotes, too

In quotes, `\"` is a quote and `\\` a backslash.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn, cast

from otbridge.errors import QueryError
from otbridge.hub.store.conditions import AttributeCondition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.hub.store.conditions import Operator

__all__ = ["MAX_CONDITIONS", "read_conditions", "read_key"]

MAX_CONDITIONS: Final = 8
"""Each is looked up by itself; nobody types more."""

_MAX_LENGTH: Final = 1_000

_QUOTED: Final = r'"(?:[^"\\]|\\["\\])*"'
_CONDITION: Final = re.compile(
    rf'\s*(?P<key>{_QUOTED}|[^"=<>!][^=<>!]*?)\s*(?:(?P<operator>>=|<=|!=|=|>|<)(?P<value>.*))?',
    re.DOTALL,
)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
"""As JSON writes numbers (RFC 8259 §6), of a sensible length."""


def read_conditions(name: str, texts: Sequence[str]) -> tuple[AttributeCondition, ...]:
    """Return the conditions that *texts* are.

    Raises:
        QueryError: There are too many, or one cannot be read.
    """
    if len(texts) > MAX_CONDITIONS:
        raise QueryError(
            f"{name} is given {len(texts)} times.",
            f"At most {MAX_CONDITIONS} conditions are looked for at once.",
            "Leave out those that narrow least.",
        )
    return tuple(_read(name, text) for text in texts)


def read_key(name: str, text: str) -> str:
    """Return the name of an attribute, which may stand in quotes."""
    match = _CONDITION.fullmatch(text)
    if match is None or match["operator"] or len(text) > _MAX_LENGTH:
        _refuse(name, text, "It is the name of an attribute.")
    return _plain(match["key"])


def _read(name: str, text: str) -> AttributeCondition:
    match = _CONDITION.fullmatch(text)
    if match is None or len(text) > _MAX_LENGTH:
        _refuse(name, text, "It is an attribute, an operator (= != < <= > >=) and a value.")
    key = _plain(match["key"])
    if match["operator"] is None:
        return AttributeCondition(key, "exists")
    operator = cast("Operator", match["operator"])
    value = _value(name, text, match["value"].strip())
    if operator not in ("=", "!=") and (isinstance(value, str | bool)):
        _refuse(name, text, f"Only numbers are compared by {operator}.")
    return AttributeCondition(key, operator, value)


def _value(name: str, text: str, written: str) -> str | bool | float:
    if written.startswith('"'):
        if not re.fullmatch(_QUOTED, written):
            _refuse(
                name, text, 'A value in quotes ends with its quote; inside, one is written \\".'
            )
        return _plain(written)
    if written in ("true", "false"):
        return written == "true"
    number = _NUMBER.fullmatch(written)
    if number is None:
        return written
    if number[1] or number[2]:
        return float(written)
    return int(written)


def _plain(written: str) -> str:
    """Return what stands in quotes, or the text as it is."""
    if not written.startswith('"'):
        return written
    return re.sub(r'\\(["\\])', r"\1", written[1:-1])


def _refuse(name: str, text: str, why: str) -> NoReturn:
    raise QueryError(
        f"{name} is {text[:80]!r}.",
        why,
        'Write it like http.status_code>=500, user.id="7", cached=true, or exception.type'
        " (escaped for URLs).",
    )
