"""S15, S16, S17: what a newer or an odd sender may send, and has to be taken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.answer import taken_whole
from otbridge.testing.conform.server.check import Check, all_of, each_signal
from otbridge.testing.conform.server.requests import (
    log_record,
    logs,
    new_trace_id,
    plain,
    span,
    traces,
)
from otbridge.wire.protobuf import BYTES, FIXED32, FIXED64, VARINT, field, varint, walk

if TYPE_CHECKING:
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS"]

_ALL_FLAGS: Final = 0xFFFF_FFFF
_UNKNOWN: Final = 1000
"""A field number far above those that OTLP has."""


def _with_flags(trace_id: bytes) -> Any:
    link = {"trace_id": new_trace_id(), "span_id": os.urandom(8), "flags": _ALL_FLAGS}
    return traces(span(trace_id, flags=_ALL_FLAGS, links=[link]))


def _takes_flags(bench: Bench) -> Finding:
    record = log_record(trace_id=new_trace_id(), span_id=os.urandom(8), flags=_ALL_FLAGS)
    requests: dict[Signal, Any] = {"traces": _with_flags(new_trace_id()), "logs": logs(record)}
    return all_of(
        (signal, taken_whole(bench.export(signal, request.SerializeToString())))
        for signal, request in requests.items()
        if signal in bench.served
    )


def _keeps_flags(bench: Bench) -> Finding:
    trace_id = new_trace_id()
    answer = bench.export("traces", _with_flags(trace_id).SerializeToString())
    if not answer.accepted or answer.rejected:
        return not_applicable(answer.words)
    stored = [each.get("flags") for each in bench.inside.spans(trace_id)]
    return (passed if stored == [_ALL_FLAGS] else failed)(f"stored as {stored}")


def _takes_empty_envelopes(bench: Bench, signal: Signal) -> Finding:
    no_scopes = field(b"\x0a", b"")
    no_records = field(b"\x0a", field(b"\x12", b""))
    return taken_whole(bench.export(signal, no_scopes + no_records))


def _takes_unknown_fields(bench: Bench, signal: Signal) -> Finding:
    return taken_whole(bench.export(signal, _sprinkled(plain(signal), levels=4)))


def _sprinkled(message: bytes, levels: int) -> bytes:
    """Return *message* with an unknown field of each wire type on each of its outer *levels*.

    The levels are those of OTLP's envelope: request, resource, scope, record.
    """
    if levels == 0:
        return message
    parts = []
    for found in walk(message):
        value = message[found.start : found.end]
        holds_next = found.wire_type == BYTES and found.number == (1 if levels == 4 else 2)
        if holds_next and levels > 1:
            tag = varint(found.number << 3 | BYTES)
            parts.append(field(tag, _sprinkled(value, levels - 1)))
        else:
            parts.append(message[found.tag : found.end])
    return _unknown_fields() + b"".join(parts) + _unknown_fields()


def _unknown_fields() -> bytes:
    values = {
        VARINT: varint(2**63),
        FIXED64: b"\xff" * 8,
        BYTES: varint(3) + b"\xff\x00\xff",
        FIXED32: b"\xff" * 4,
    }
    return b"".join(varint(_UNKNOWN << 3 | kind) + value for kind, value in values.items())


CHECKS: Final = (
    Check("S15", "takes records with every flag set", _takes_flags),
    Check("S15", "stores them", _keeps_flags, signal="traces", inside=True),
    Check(
        "S16",
        "takes envelopes without records",
        each_signal(_takes_empty_envelopes),
        level="MAY",
    ),
    Check("S17", "takes records with unknown fields", each_signal(_takes_unknown_fields)),
)
"""In the order in which they are reported."""
