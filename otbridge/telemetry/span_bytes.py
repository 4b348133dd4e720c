"""The short way of an ended span: from the SDK's object to delivery in one function.

Most spans are plain: a name, ids, times, and attributes that are nobody's secret. What every part
of them means was found out before, so it is looked up. Any other span (with events, links, a
secret, a failure in words that hold one) is left to the long way: redacted part by part, encoded.

The function is long for a reason: the SDK's own work on a span sweeps the processor's caches, so
that whatever follows it runs cold, and every call saved there is half a microsecond.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import DEFAULT_TRACE_STATE, SpanKind, Status, StatusCode

from otbridge.telemetry.clean import MOST_CACHED, clean
from otbridge.telemetry.light_span import NONE_DROPPED, LightSpan
from otbridge.wire.otlp_spans import (
    FLAGS,
    SPAN_NAMES,
    encode_flags,
    encode_kind,
    encode_name,
    encode_status,
)
from otbridge.wire.protobuf import SMALL, varint

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.record import Put
    from otbridge.wire.otlp_request import Envelope

__all__ = ["severity_of", "take_plain_spans"]

_SAMPLED: Final = 1
_INFO: Final = 9
_ERROR: Final = 17
_U64: Final = (1 << 64) - 1
_SMALL: Final = len(SMALL)
_INTERNAL: Final = encode_kind(SpanKind.INTERNAL)
_UNSET: Final = encode_status(Status())
_ids: Final = Struct(">2sQQ2sQ").pack
_ids_and_parent: Final = Struct(">2sQQ2sQ2sQ").pack
_times: Final = Struct("<BQBQ").pack


def severity_of(status: Status) -> int:
    """Return how urgent a span is to delivery: a failed one as an ERROR, others as an INFO."""
    return _ERROR if status.status_code is StatusCode.ERROR else _INFO


def take_plain_spans(
    put: Put,
    redactor: Redactor | None,
    envelope_of: Callable[[Any, Any], Envelope],
    otherwise: Callable[[Any], None],
) -> Callable[[Any], None]:
    """Make the function that delivers an ended span.

    Args:
        put: Delivery's door.
        redactor: Tells what is a secret; None where nothing is redacted.
        envelope_of: Returns the envelope for an instrumentation scope and a resource.
        otherwise: Takes the spans that are not plain, and those that do not keep their parts as
            the SDK's do.
    """
    append_clean, harmless = clean(SPAN_NAMES, redactor)
    names: dict[str, bytes] = {}
    unset: Status | None = None

    def name_of(name: Any) -> bytes | None:
        if type(name) is not str or harmless(name) is None:
            return None
        if len(names) >= MOST_CACHED:
            names.clear()
        encoded = names[name] = encode_name(name)
        return encoded

    def status_of(status: Status) -> bytes | None:
        nonlocal unset
        if status.description and harmless(status.description) is None:
            return None
        if status.status_code is StatusCode.UNSET:
            unset = status  # one object, which all spans are born with
        return encode_status(status)

    def take(span: Any) -> bool:
        # Where the SDK's ReadableSpan keeps things, and ours as well; asking properties for them
        # costs as much as encoding them.
        kept = vars(span)
        trace_id, span_id, _, own_flags, state, _ = kept["_context"]
        if not own_flags & _SAMPLED:
            return True
        attributes = kept["_attributes"]
        if type(span) is LightSpan:
            if span._events or span._links or span._dropped is not NONE_DROPPED:  # noqa: SLF001 - ours
                return False
            tracer = kept["_tracer"]
            status, scope, resource = span._status, tracer.instrumentation_scope, tracer.resource  # noqa: SLF001 - ours
        else:
            events, links = kept["_events"], kept["_links"]
            if events or links or events.dropped or links.dropped or attributes.dropped:
                return False
            attributes = attributes.copy()  # cheap, where the SDK's own iteration is not
            status, scope = kept["_status"], kept["_instrumentation_scope"]
            resource = kept["_resource"]
        name = names.get(kept["_name"]) or name_of(kept["_name"])
        encoded_status = _UNSET if status is unset else status_of(status)
        if name is None or encoded_status is None or (state is not DEFAULT_TRACE_STATE and state):
            return False
        parent, kind = kept["_parent"], kept["_kind"]
        high, low = trace_id >> 64, trace_id & _U64
        if parent is None:
            origin = own_flags, False
            ids = _ids(b"\x0a\x10", high, low, b"\x12\x08", span_id)
        else:
            origin = own_flags, parent[2]
            ids = _ids_and_parent(
                b"\x0a\x10", high, low, b"\x12\x08", span_id, b"\x22\x08", parent[1]
            )
        parts = [
            ids,
            FLAGS.get(origin) or encode_flags(*origin),
            name,
            _INTERNAL if kind is SpanKind.INTERNAL else encode_kind(kind),
            _times(0x39, kept["_start_time"], 0x41, kept["_end_time"]),
            encoded_status,
        ]
        if not append_clean(parts, attributes):
            return False
        record = b"".join(parts)
        size = len(record)
        put(
            envelope_of(scope, resource),
            b"\x12" + (SMALL[size] if size < _SMALL else varint(size)) + record,
            _INFO if status is unset else severity_of(status),
        )
        return True

    def on_end(span: Any) -> None:
        try:
            seen_to = take(span)
        except Exception:  # noqa: BLE001 - a span of another making: the long way asks its properties
            seen_to = False
        if not seen_to:
            otherwise(span)

    return on_end
