"""Attributes of a stored record, read from its bytes when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otbridge.wire.otlp_rows import plain_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

__all__ = ["decode_attributes"]


def decode_attributes(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """Return attributes by name, their values as JSON has them (see `plain_value`).

    Of a name that comes twice, which OTLP forbids, the last value is taken.
    """
    decoded = {}
    for attribute in attributes:
        value = attribute.value
        # Most values are texts, and asking for the text is cheaper than asking for the kind.
        decoded[attribute.key] = value.string_value or plain_value(value)
    return decoded
