"""Moves a public sender's records out of the traces that are not its own.

The new trace's id follows from the key and the old id, so that what belongs together stays
together, whichever request it comes in.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from otbridge import semconv
from otbridge.hub.access.key import TraceContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otbridge.hub.access.key import Key
    from otbridge.hub.access.trace_owners import Standing
    from otbridge.typing import Signal

__all__ = ["forget_sampling", "move_records", "parents_by_trace"]

_TRACE_ID_BYTES: Final = 16
_FOREIGN: Final = "untrusted"
"""Type of the link that stands for a parent which a public sender claimed."""


def parents_by_trace(signal: Signal, message: Any) -> dict[bytes, set[bytes]]:
    """Return the traces of a request's records, and which spans they name as their parents."""
    parents: dict[bytes, set[bytes]] = {}
    if signal == "traces":
        for span in _spans(message):
            parents.setdefault(span.trace_id, set()).add(span.parent_span_id)
    elif signal == "logs":
        for record in _logs(message):
            parents.setdefault(record.trace_id, set()).add(record.span_id)
    return {trace: spans for trace, spans in parents.items() if len(trace) == _TRACE_ID_BYTES}


def forget_sampling(signal: Signal, message: Any) -> None:
    """Take what a sender says about sampling from its records.

    Flags and trace state travel on to whatever samples behind the hub; a page that could set them
    could have all that it causes kept.
    """
    if signal == "traces":
        for span in _spans(message):
            span.flags = 0
            span.trace_state = ""
            for link in span.links:
                link.flags = 0
                link.trace_state = ""
    elif signal == "logs":
        for record in _logs(message):
            record.flags = 0


def move_records(
    signal: Signal, message: Any, key: Key, standings: Mapping[bytes, Standing]
) -> None:
    """Move the records of *message* out of the traces in which *key* may not write.

    A span goes to a trace of its own. Where its parent is somebody else's it becomes a root there,
    and under the policy `link` (or `continue`, which has decided already) links to it. A log
    record loses its place; `client.trace_id` and `client.span_id` keep what it said.
    """
    linked = key.trace_context is not TraceContext.DROP
    if signal == "traces":
        for span in _spans(message):
            standing = standings.get(span.trace_id)
            if standing is not None and not standing.own:
                _move_span(span, key, standing, linked=linked)
    elif signal == "logs":
        for record in _logs(message):
            standing = standings.get(record.trace_id)
            if standing is not None and not standing.own:
                _move_log(record, linked=linked)


def _move_span(span: Any, key: Key, standing: Standing, *, linked: bool) -> None:
    trace, parent = span.trace_id, span.parent_span_id
    span.trace_id = hashlib.sha256(key.id.encode() + trace).digest()[:_TRACE_ID_BYTES]
    if parent in standing.held:
        span.parent_span_id = b""
    target = (parent if parent in standing.held else standing.root) or parent
    if linked and target:
        link = span.links.add(trace_id=trace, span_id=target)
        link.attributes.add(key=semconv.LINK_TYPE).value.string_value = _FOREIGN


def _move_log(record: Any, *, linked: bool) -> None:
    if linked:
        for name, said in (("trace_id", record.trace_id), ("span_id", record.span_id)):
            if said:
                kept = record.attributes.add(key=f"{semconv.CLIENT}{name}")
                kept.value.string_value = said.hex()
    record.trace_id = b""
    record.span_id = b""


def _spans(message: Any) -> Iterator[Any]:
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def _logs(message: Any) -> Iterator[Any]:
    for resource in message.resource_logs:
        for scope in resource.scope_logs:
            yield from scope.log_records
