"""Conditions on attributes, in SQL.

The exporter's maps hold every value as a text, so they alone cannot tell 7 from "7". The record's
bytes can: where a value is asked for, the attribute has to stand in `Raw` just as every encoder
writes it; where numbers are compared, it must not stand there as a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.hub.store.clickhouse.questions import Conditions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.store.conditions import AttributeCondition

__all__ = ["IS_TEXT", "LONGEST", "add_attributes", "key_bytes"]

LONGEST: Final = 200
"""Characters of a value that is counted; longer ones count by their beginning."""

IS_TEXT: Final = (
    "(length(Value) > 100 OR position(Raw, concat(unhex({{{key}:String}}), "
    "char(18, length(Value) + 2, 10, length(Value)), Value)) > 0)"
)
"""Whether the attribute whose map's entry is `Value` is a text: KeyValue's field 2 (tag 18) is an
AnyValue, whose field 1 (tag 10) is the text. Longer ones are no numbers anyway."""


def key_bytes(key: str) -> str:
    """Return how a KeyValue with this key begins, in hex."""
    text = key.encode()
    size = len(text)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return (b"\x0a" + length + text).hex()


def add_attributes(
    where: Conditions, conditions: Iterable[AttributeCondition], column: str
) -> None:
    """Add that a row's attributes, in the map *column*, meet all *conditions*."""
    for condition in conditions:
        where.add(f"mapContains({column}, {{key:String}})", key=condition.key)
        if condition.operator in ("=", "!="):
            _add_equal(where, condition, column)
        elif condition.operator != "exists":
            _add_order(where, condition, column)


def _add_equal(where: Conditions, condition: AttributeCondition, column: str) -> None:
    found = []
    for message in condition.messages():
        one = Conditions(beside=where)
        one.add("position(Raw, unhex({message:String})) > 0", message=message.hex())
        found.append(str(one))
    stands = " OR ".join(found)
    if condition.operator == "!=":
        where.add(f"NOT ({stands})")
        return
    if isinstance(condition.value, str):
        where.add(
            f"{column}[{{key:String}}] = {{text:String}}", key=condition.key, text=condition.value
        )
    where.add(stands)


def _add_order(where: Conditions, condition: AttributeCondition, column: str) -> None:
    where.add(
        f"toFloat64OrNull({column}[{{key:String}}]) {condition.operator}"
        " {number:Float64} AND NOT "
        + IS_TEXT.format(key="begin").replace("Value", f"{column}[{{key:String}}]"),
        key=condition.key,
        number=repr(float(condition.value or 0)),
        begin=key_bytes(condition.key),
    )
