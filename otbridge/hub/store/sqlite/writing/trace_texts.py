"""Writes what a text search finds of traces: one document for what came of a trace in a commit."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Status

from otbridge.hub.store.text import MAX_WORDS
from otbridge.wire.otlp_outline import read_details, read_event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from otbridge.hub.store.words import AttributeWords

__all__ = ["TraceTexts"]

_SEARCHED_EVENTS: Final = 32
"""Events of one span that are searched, exceptions among them; streams have thousands."""


class TraceTexts:
    """Gathers and writes the documents of one file.

    Args:
        db: The file's writing connection.
        words: Who knows the words of attributes.
    """

    def __init__(self, db: sqlite3.Connection, words: AttributeWords) -> None:
        self._db = db
        self._words = words
        self._next = 0  # not looked up yet
        self._traces: list[int] = []
        self._documents: list[str] = []

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self._next = 0
        self._traces.clear()
        self._documents.clear()

    def add(
        self,
        trace: int,
        names: Iterable[str],
        words: Sequence[str],
        unusual: Iterable[bytes],
    ) -> None:
        """Have spans of the trace with this key found by their names, words, statuses and events.

        *words* are those of all their attributes; *unusual* are those of the spans, serialised,
        that have more than that.
        """
        texts = [name[:MAX_WORDS] for name in names]
        texts += words
        others: set[str] = set()
        for data in unusual:
            details = read_details(data)
            others.add(_message(b"".join(details.status)))
            for event_data in details.events[:_SEARCHED_EVENTS]:
                event = read_event(event_data)
                others.add(event.name[:MAX_WORDS])
                others.update(self._words.of(event.attributes[:]))
        texts += others
        self._traces.append(trace)
        self._documents.append(" ".join(texts))

    def save(self) -> None:
        """Write down what was gathered."""
        if not self._traces:
            return
        query = "SELECT coalesce(max(Id), 0) + 1 FROM otel_trace_texts"
        first = self._next or self._db.execute(query).fetchone()[0]
        numbers = range(first, first + len(self._traces))
        self._db.executemany(
            "INSERT INTO otel_trace_texts VALUES (?, ?)", zip(numbers, self._traces, strict=True)
        )
        self._db.executemany(
            "INSERT INTO otel_trace_words (rowid, Words) VALUES (?, ?)",
            zip(numbers, self._documents, strict=True),
        )
        self._next = numbers.stop
        self._traces.clear()
        self._documents.clear()


@lru_cache(maxsize=256)
def _message(status: bytes) -> str:
    """Return what a Status says; most say one of a few things, or nothing."""
    return Status.FromString(status).message[:MAX_WORDS]
