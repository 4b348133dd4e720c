"""Attributes by type: the exporter's columns have every value as a text, and here is what it was.

Most values are texts, so only of the others something is written down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from otbridge.hub.store.text import MAX_PAIR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from otbridge.hub.store.clickhouse.questions import Conditions
    from otbridge.hub.store.conditions import AttributeCondition

__all__ = ["add_condition", "attribute_kinds", "written"]

_KINDS: Final = {
    "int_value": "number",
    "double_value": "number",
    "bool_value": "bool",
    "bytes_value": "bytes",
    "array_value": "json",
    "kvlist_value": "json",
    None: "nothing",
}
"""What AnyValue's members are called in `AttributeKinds`; a text is not in it."""

_NOT_FINITE: Final = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "nan": "NaN",
    "inf": "Infinity",
    "-inf": "-Infinity",
}
"""Numbers that JSON has as texts: as the hub writes them, and as ClickHouse does."""


def attribute_kinds(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Return what those of *attributes* are that are no texts."""
    kinds = {}
    for attribute in attributes:
        value = attribute.value
        if not value.string_value:
            kind = _KINDS.get(value.WhichOneof("value"))
            if kind is not None:
                kinds[attribute.key] = kind
    return kinds


def written(text: str, kind: str) -> str:
    """Return a value, as the columns have it, as JSON has it."""
    if kind == "number" and text in _NOT_FINITE:
        text = _NOT_FINITE[text]
    elif kind in {"bool", "json", "number"}:
        return text
    return "null" if kind == "nothing" else msgspec.json.encode(text).decode()


def add_condition(where: Conditions, condition: AttributeCondition, column: str) -> None:
    """Add that the attributes in *column* meet *condition*; see there for what fits."""
    values: dict[str, Any] = {"key": condition.key}
    there = f"mapContains({column}, {{key:String}})"
    if condition.operator == "exists":
        where.add(there, **values)
        return
    same, wanted = _comparison(condition, column)
    values["wanted"] = wanted
    if condition.operator == "!=":
        where.add(f"{there} AND NOT ifNull({same}, 0)", **values)
        return
    texts = condition.texts()
    if texts and all(len(text) <= MAX_PAIR for text in texts):
        # The index has the attribute as a word; the rest is only asked of what it finds.
        number = condition.value
        if isinstance(number, int | float) and not isinstance(number, bool):
            as_json = msgspec.json.encode(float(number)).decode()
            where.add_pairs(condition.key, {*texts, as_json}, float(number))
        else:
            where.add_pairs(condition.key, texts)
    where.add(same, **values)


def _comparison(condition: AttributeCondition, column: str) -> tuple[str, str]:
    """Return the comparison of the attribute `key` with `wanted`, and what is wanted."""
    kind, text = "AttributeKinds[{key:String}]", f"{column}[{{key:String}}]"
    value = condition.value
    if isinstance(value, bool):
        return f"{kind} = 'bool' AND {text} = {{wanted:String}}", "true" if value else "false"
    if isinstance(value, str):
        is_text = f"mapContains({column}, {{key:String}}) AND {kind} = ''"
        return f"{is_text} AND {text} = {{wanted:String}}", value
    # Any operator is ClickHouse's own, but for the two that the caller makes of `=`.
    sign = "=" if condition.operator in {"=", "!="} else condition.operator
    number = f"toFloat64OrNull({text}) {sign} {{wanted:Float64}}"
    return f"{kind} = 'number' AND {number}", repr(float(value or 0))
