"""Which of some traces have the words that are asked for, in their spans or their logs."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.sqlite.questions.log_words import LogWords
from otbridge.hub.store.sqlite.questions.records import Records
from otbridge.hub.store.sqlite.questions.records_of_traces import day_logs
from otbridge.hub.store.sqlite.questions.word_search import (
    LOG_WORDS,
    TRACE_WORDS,
    Spelled,
    among,
    begins_a_word,
    few,
    narrowing,
    spelled_out,
)
from otbridge.hub.store.text import MAX_WORDS, attribute_words
from otbridge.hub.store.vocabulary import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from otbridge.hub.store.sqlite.questions.reader import Reader
    from otbridge.hub.store.vocabulary import TraceFilter, TraceSummary

__all__ = ["LATER_STEP", "TRACE_STEPS", "Line", "TraceSearch", "as_trace_id"]

TRACE_STEPS: Final = (100, 300, 1_000)
"""How many of the newest traces are looked at first, then, and at last; see `word_search`."""

LATER_STEP: Final = 1_000
"""The same in every step after these, where records have to be read."""

_SEARCHED_EVENTS: Final = 32
"""Events of one span that are read, as many as are indexed (see `span_writer`)."""

_LOGS_READ: Final = 1_000
"""Log records of one trace that are read for a word that begins with a letter or two."""

_PAIR_MARK: Final = "\ue000"
"""What the hash begins with that stands for `key=value` in a record's words."""


class Line(NamedTuple):
    """A trace and its key in one day's file."""

    key: int
    summary: TraceSummary


class _Wanted(NamedTuple):
    """One term."""

    of_spans: Spelled
    of_logs: Spelled
    trace_id: bytes | None


class TraceSearch(NamedTuple):
    """The words and attributes of one question about one day's traces."""

    reader: Reader
    day: str
    terms: list[_Wanted]
    narrowed: list[str]
    """What the spans' words have to say for the conditions on attributes."""

    @classmethod
    def of(cls, reader: Reader, day: str, wanted: TraceFilter) -> Self | None:
        """Return the search, or None where there is nothing that it could do."""
        if reader.has_old(day):
            return None
        terms = []
        for term in wanted.terms:
            of_spans = spelled_out(reader, day, TRACE_WORDS, term)
            of_logs = spelled_out(reader, day, LOG_WORDS, term)
            if of_spans is not None and of_logs is not None:
                terms.append(_Wanted(of_spans, of_logs, as_trace_id(term)))
        narrowed = narrowing(wanted.attributes)
        if not (terms or narrowed) or any(term.trace_id for term in terms):
            return None
        search = cls(reader, day, terms, narrowed)
        return search if wanted.trace_ids is None or search.looks_through else None

    @property
    def looks_through(self) -> bool:
        """Whether traces have to be read because a term begins too many words."""
        return any(term.of_spans.begun or term.of_logs.begun for term in self.terms)

    def few(self) -> set[int] | None:
        """Return the keys of all traces that may have what is wanted, where it is quick to know."""
        for term in self.terms:
            if not (term.of_spans.whole and term.of_logs.whole):
                continue
            of_spans = few(self.reader, self.day, TRACE_WORDS, term.of_spans.whole)
            of_logs = few(self.reader, self.day, LOG_WORDS, term.of_logs.whole)
            if of_spans is not None and of_logs is not None:
                return self._keys("otel_trace_texts", of_spans) | self._keys(
                    "otel_log_rows", of_logs
                )
        return None

    def among(self, lines: Sequence[Line]) -> list[Line]:
        """Return those of the traces that have all that is wanted, as far as it is quick to know.

        A trace with spans that have not ended counts as having what is narrowed: these have no
        words.
        """
        left = {line.key for line in lines}
        for term in self.terms:
            if left:
                spans, logs = term.of_spans.whole, term.of_logs.whole
                in_spans = self._in_spans(left, spans) if spans else left
                left &= in_spans | (self._in_logs(left, logs) if logs else left)
        for expression in self.narrowed:
            if left:
                left &= self._in_spans(left, expression) | self._unended(left)
        return [line for line in lines if line.key in left]

    def begins(self, key: int) -> bool:
        """Whether the trace with this *key* has the words that are begun, by reading it."""
        return all(
            self._begins_in_spans(key, term.of_spans) or self._begins_in_logs(key, term.of_logs)
            for term in self.terms
            if term.of_spans.begun or term.of_logs.begun
        )

    def _begins_in_spans(self, key: int, term: Spelled) -> bool:
        if not term.begun:
            return bool(self._in_spans({key}, term.expression))
        spans = Records(self.reader, self.day).span_data(key)
        return any(begins_a_word(term.begun, _texts_of_span(data)) for data in spans)

    def _begins_in_logs(self, key: int, term: Spelled) -> bool:
        if not term.begun:
            return bool(self._in_logs({key}, term.expression))
        logs = day_logs(self.reader, self.day, key, _LOGS_READ)
        return any(map(LogWords([Term(term.begun)]).all_in, logs))

    def _in_spans(self, keys: set[int], expression: str) -> set[int]:
        texts = self._rows("SELECT Id, TraceKey FROM otel_trace_texts", keys)
        return self._matching(TRACE_WORDS, expression, texts)

    def _in_logs(self, keys: set[int], expression: str) -> set[int]:
        logs = self._rows("SELECT First, TraceKey FROM otel_log_parts", keys)
        return self._matching(LOG_WORDS, expression, logs)

    def _keys(self, table: str, numbers: list[int]) -> set[int]:
        sql = f"SELECT TraceKey FROM {table} WHERE Id IN (SELECT value FROM json_each(?))"
        return {key for (key,) in self.reader.rows(self.day, sql, json.dumps(numbers))} - {None}

    def _rows(self, sql: str, keys: set[int]) -> dict[int, int]:
        sql = f"{sql} WHERE TraceKey IN (SELECT value FROM json_each(?))"
        return dict(self.reader.rows(self.day, sql, json.dumps([*keys])))

    def _matching(self, words: str, expression: str, documents: dict[int, int]) -> set[int]:
        """Return the keys of those *documents*, with a trace's key for each, that match."""
        if not documents:
            return set()
        found = among(self.reader, self.day, words, expression, documents)
        return {documents[number] for number in found}

    def _unended(self, keys: set[int]) -> set[int]:
        sql = (
            "SELECT TraceKey FROM otel_trace_summary WHERE (OpenCount > 0 OR LostCount > 0)"
            " AND TraceKey IN (SELECT value FROM json_each(?))"
        )
        return {key for (key,) in self.reader.rows(self.day, sql, json.dumps([*keys]))}


def _texts_of_span(data: bytes) -> Iterator[str]:
    """Yield the texts of a span that are searched, those of its first events among them."""
    span = Span.FromString(data)
    yield span.name[:MAX_WORDS]
    yield span.status.message[:MAX_WORDS]
    yield from _texts(span.attributes)
    for event in span.events[:_SEARCHED_EVENTS]:
        yield event.name[:MAX_WORDS]
        yield from _texts(event.attributes)


def _texts(attributes: Iterable[KeyValue]) -> Iterator[str]:
    for words in attribute_words(decode_attributes(attributes)):
        yield words.partition(_PAIR_MARK)[0]


def as_trace_id(term: Term) -> bytes | None:
    """Return the trace id that the term is, where it is one: people paste them."""
    if term.key is None and len(term.text) == 32:
        try:
            return bytes.fromhex(term.text)
        except ValueError:
            return None
    return None
