"""Spans as a tree, whatever came late, twice, never, or in a circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otbridge.hub.analysis.genai import GenAI

__all__ = ["Key", "RunSpan", "SpanTree"]

Key = tuple[bytes, bytes]
"""(trace id, span id)."""


@dataclass(frozen=True, slots=True)
class RunSpan:
    """What the analysis of a run needs to know of one span."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    """Empty for a root."""
    name: str
    service: str
    start_ns: int
    end_ns: int
    """0 while the span is open."""
    status: int = 0
    """OTLP StatusCode; 2 is an error."""
    links: tuple[Key, ...] = ()
    genai: GenAI | None = None
    """None for spans that are not an agent's; they only carry the tree."""
    lost: bool = False
    """Open, and its sender is gone."""

    @property
    def key(self) -> Key:
        """Return what names the span in the world."""
        return (self.trace_id, self.span_id)


class SpanTree:
    """Parents and children of a run's spans, over all its traces.

    A span sent twice (open, then ended) counts once, the ended one wins. A span whose parent is
    unknown is a root. Parents that form a circle have no ancestors beyond themselves.
    """

    def __init__(self, spans: Iterable[RunSpan]) -> None:
        self._spans: dict[Key, RunSpan] = {}
        for span in spans:
            known = self._spans.get(span.key)
            if known is None or (known.end_ns == 0 and span.end_ns):
                self._spans[span.key] = span
        self._children: dict[Key, list[RunSpan]] = {}
        for span in self.in_start_order():
            if span.parent_span_id:
                self._children.setdefault((span.trace_id, span.parent_span_id), []).append(span)

    def in_start_order(self) -> list[RunSpan]:
        """Return every span once, earliest first; ids decide between equals."""
        return sorted(self._spans.values(), key=lambda span: (span.start_ns, span.key))

    def get(self, key: Key) -> RunSpan | None:
        """Return the span named *key*, or None where it has not arrived."""
        return self._spans.get(key)

    def ancestors(self, span: RunSpan) -> Iterator[RunSpan]:
        """Yield the spans above *span*, nearest first."""
        seen = {span.key}
        parent = self._spans.get((span.trace_id, span.parent_span_id))
        while parent is not None and parent.key not in seen:
            yield parent
            seen.add(parent.key)
            parent = self._spans.get((parent.trace_id, parent.parent_span_id))

    def top_down(self) -> list[RunSpan]:
        """Return every span once, parents before their children, as far as that can be."""
        order: list[RunSpan] = []
        seen: set[Key] = set()
        spans = self.in_start_order()
        roots = [span for span in spans if (span.trace_id, span.parent_span_id) not in self._spans]
        # What no root leads to runs in a circle: it follows, in start order.
        for start in (*roots, *spans):
            waiting = [start]
            while waiting:
                span = waiting.pop()
                if span.key not in seen:
                    seen.add(span.key)
                    order.append(span)
                    waiting.extend(self._children.get(span.key, ()))
        return order

    def nearest_above(self, matches: Callable[[RunSpan], bool]) -> dict[Key, RunSpan]:
        """Return, for each span that has one, the nearest span above it that *matches*."""
        found: dict[Key, RunSpan] = {}
        for span in self.top_down():
            parent = self._spans.get((span.trace_id, span.parent_span_id))
            if parent is not None and parent.key != span.key:
                nearest = parent if matches(parent) else found.get(parent.key)
                if nearest is not None:
                    found[span.key] = nearest
        return found

    def below(
        self, span: RunSpan, stop: Callable[[RunSpan], bool] = lambda _: False
    ) -> Iterator[RunSpan]:
        """Yield the spans below *span*; nothing is looked for below one that *stop* says yes to.

        The spans that stop the search are not yielded themselves.
        """
        seen = {span.key}
        waiting = list(self._children.get(span.key, ()))
        while waiting:
            child = waiting.pop()
            if child.key in seen or stop(child):
                continue
            seen.add(child.key)
            yield child
            waiting.extend(self._children.get(child.key, ()))
