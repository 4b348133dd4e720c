"""Writes down what joins a trace with others: links, conversations and runs of agents."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.analysis.genai import describe
from otbridge.hub.store.attributes import decode_attributes

if TYPE_CHECKING:
    import sqlite3

    from otbridge.hub.analysis.genai import GenAI
    from otbridge.hub.store.sqlite.writing.summary import Summary
    from otbridge.wire.rows import SpanRow

__all__ = ["Relations"]


class Relations:
    """Writes those of one file, within the transaction that is open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def describe(self, row: SpanRow, line: Summary) -> GenAI | None:
        """Return what the span is in the life of an agent, and keep what joins it with others."""
        attributes = decode_attributes(Span.FromString(row.data).attributes)
        genai = describe(row.name, row.kind, attributes, _scope_name(row.scope))
        if genai is not None:
            self._db.execute(
                "INSERT OR IGNORE INTO otel_agents VALUES (?, ?, ?)",
                (line.key, genai.conversation or "", genai.run or ""),
            )
        return genai

    def add_links(self, line: Summary, row: SpanRow) -> None:
        """Keep which other traces the span links to, for joining them into one run."""
        for trace_id, _ in row.links:
            if trace_id != row.trace_id:
                self._db.execute(
                    "INSERT OR IGNORE INTO otel_links VALUES (?, ?)", (line.key, trace_id)
                )


@lru_cache(maxsize=4_096)
def _scope_name(scope: bytes) -> str:
    return InstrumentationScope.FromString(scope).name
