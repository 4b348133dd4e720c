"""The short way of an ended span: from the SDK's object to delivery in one function.

Most spans are plain: a name, ids, times, and attributes that are nobody's secret. What every part
of them means was found out before, so it is looked up. Any other span (with events, links, a
secret, a failure in words that hold one) is left to the long way: redacted part by part, encoded.

The function is long for a reason: the SDK's own work on a span sweeps the processor's caches, so
that whatever follows it runs cold, and every call saved there is half a microsecond.
"""

# ruff: noqa: SLF001 - where our spans keep their parts, and the SDK's

from __future__ import annotations

from operator import call, itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import DEFAULT_TRACE_STATE, Status, StatusCode

from otbridge.telemetry.clean import MOST_CACHED, clean
from otbridge.telemetry.light_span import LightSpan
from otbridge.telemetry.shapes import ODD, NotPlainError, Shapes
from otbridge.wire.otlp_spans import (
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

__all__ = ["PlainSpans", "severity_of", "take_plain_spans"]

_SAMPLED: Final = 1
_INFO: Final = 9
_ERROR: Final = 17
_U64: Final = (1 << 64) - 1
_SMALL: Final = len(SMALL)
_UNSET: Final = encode_status(Status())
_ids: Final = Struct(">2sQQ2sQ").pack
_ids_and_parent: Final = Struct(">2sQQ2sQ2sQ").pack
_times: Final = Struct("<BQBQ").pack
_TIMES_SIZE: Final = 18
_parts_of: Final = itemgetter(
    "_context", "_parent", "_name", "_kind", "_attributes", "_events", "_links", "_status",
    "_instrumentation_scope", "_resource", "_start_time", "_end_time",
)  # fmt: skip
"""Where the SDK's ReadableSpan keeps things; asking its properties costs as much as encoding."""


def severity_of(status: Status) -> int:
    """Return how urgent a span is to delivery: a failed one as an ERROR, others as an INFO."""
    return _ERROR if status.status_code is StatusCode.ERROR else _INFO


class PlainSpans(NamedTuple):
    """The short way, made for one delivery."""

    on_end: Callable[[Any], None]
    """Delivers an ended span."""
    forget: Callable[[], None]
    """To be called when the envelopes of scopes have changed."""


def take_plain_spans(
    put: Put,
    redactor: Redactor | None,
    envelope_of: Callable[[Any, Any], Envelope],
    otherwise: Callable[[Any], None],
) -> PlainSpans:
    """Make the short way.

    Args:
        put: Delivery's door.
        redactor: Tells what is a secret; None where nothing is redacted.
        envelope_of: Returns the envelope for an instrumentation scope and a resource.
        otherwise: Takes the spans that are not plain, and those that do not keep their parts as
            the SDK's do.
    """
    append_clean, harmless = clean(SPAN_NAMES, redactor)
    shapes = Shapes(SPAN_NAMES, redactor)
    plan_of = shapes.plans.get
    join = b"".join
    heads: dict[tuple[Any, ...], tuple[bytes, Envelope, Any]] = {}
    unset: Any = None

    def head_of(
        key: tuple[Any, ...], kind: Any, status: Status, scope: Any, resource: Any
    ) -> tuple[bytes, Envelope, Any]:
        """Encode what is the same for all spans of a name; remember it where nothing went wrong."""
        nonlocal unset
        name, _, flags, remote = key[:4]
        message = status.description
        if type(name) is not str or harmless(name) is None:
            raise NotPlainError
        if message and harmless(message) is None:
            raise NotPlainError
        fields = (
            encode_flags(flags, remote), encode_name(name), encode_kind(kind), encode_status(status)
        )  # fmt: skip
        # Kind, scope and resource are kept beside it: no other object gets their ids meanwhile.
        head = join(fields), envelope_of(scope, resource), (kind, scope, resource)
        if status.status_code is StatusCode.UNSET:
            unset = status  # one object, which all spans of a provider are born with
            if len(heads) >= MOST_CACHED:
                heads.clear()
            heads[key] = head
        return head

    def one_by_one(attributes: dict[str, Any]) -> bytes:
        parts: list[bytes] = []
        if not append_clean(parts, attributes):
            raise NotPlainError
        return join(parts)

    def take(span: Any) -> None:
        if type(span) is LightSpan:
            if not span._is_plain:
                raise NotPlainError
            tracer, context, shape = span._tracer, span._context, span._shape
            parent, name, kind, attributes = span._parent, span._name, span._kind, span._attributes
            status, start, end = span._status, span._start_time, span._end_time
            scope, resource = tracer.instrumentation_scope, tracer.made.resource
        else:
            (
                context, parent, name, kind, attributes, events, links, status, scope, resource,
                start, end,
            ) = _parts_of(vars(span))  # fmt: skip
            events, links, attributes = vars(events), vars(links), vars(attributes)
            if (
                events["_dq"] or links["_dq"]
                or events["dropped"] or links["dropped"] or attributes["dropped"]
            ):  # fmt: skip
                raise NotPlainError
            attributes, shape = attributes["_dict"], None
        trace_id, span_id, _, flags, state, _ = context
        if not flags & _SAMPLED:
            return
        if state is not DEFAULT_TRACE_STATE and state:
            raise NotPlainError
        if parent is None:
            key = name, id(kind), flags, False, id(scope), id(resource)
            ids = _ids(b"\x0a\x10", trace_id >> 64, trace_id & _U64, b"\x12\x08", span_id)
        else:
            key = name, id(kind), flags, parent[2], id(scope), id(resource)
            ids = _ids_and_parent(
                b"\x0a\x10", trace_id >> 64, trace_id & _U64, b"\x12\x08", span_id,
                b"\x22\x08", parent[1],
            )  # fmt: skip
        head, envelope, _ = (status is unset and heads.get(key)) or head_of(
            key, kind, status, scope, resource
        )
        values = attributes.values()
        plan = plan_of((*attributes, *map(type, values)) if shape is None else shape)
        if plan is None:
            plan = shapes.learn(attributes)
        encoded = one_by_one(attributes) if plan is ODD else join(map(call, plan, values))
        size = len(head) + len(ids) + _TIMES_SIZE + len(encoded)
        put(
            envelope,
            join((
                b"\x12", SMALL[size] if size < _SMALL else varint(size),
                head, ids, _times(0x39, start, 0x41, end), encoded,
            )),
            _INFO if status is unset else severity_of(status),
        )  # fmt: skip

    def on_end(span: Any) -> None:
        try:
            take(span)
        except Exception:  # noqa: BLE001 - not plain, or of another making: the long way asks its properties
            otherwise(span)

    return PlainSpans(on_end, heads.clear)
