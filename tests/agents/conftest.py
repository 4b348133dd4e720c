"""A real SDK provider for each test, and what it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otbridge.agents.stamp import StampProcessor

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Spans:
    """The spans that have ended."""

    exporter: InMemorySpanExporter
    provider: TracerProvider

    @property
    def all(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.all]

    def __getitem__(self, name: str) -> ReadableSpan:
        found = [span for span in self.all if span.name == name]
        assert len(found) == 1, f"{name!r} is {len(found)} times in {self.names}"
        return found[0]

    def attribute(self, name: str, attribute: str) -> object:
        return (self[name].attributes or {}).get(attribute)

    def parent(self, name: str) -> str | None:
        """The name of the parent, or None for a root."""
        parent = self[name].parent
        if parent is None:
            return None
        return next(
            span.name
            for span in self.all
            if span.context and span.context.span_id == parent.span_id
        )


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """A provider as any program sets one up; the global one can be set once in a process only."""
    provider = TracerProvider()
    exporter = InMemorySpanExporter()
    provider.add_span_processor(StampProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.delenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", raising=False)
    before = context.get_current()
    yield Spans(exporter, provider)
    assert context.get_current() is before, "the test left a context behind"
    provider.shutdown()
