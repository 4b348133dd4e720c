"""Which of some traces have the words that are asked for, in their spans or their logs."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from otbridge.hub.store.sqlite.word_search import (
    LOG_WORDS,
    TRACE_WORDS,
    among,
    few,
    narrowing,
    spelled_out,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.store.sqlite.reader import Reader
    from otbridge.hub.store.vocabulary import Term, TraceFilter

__all__ = ["TRACE_STEPS", "TraceSearch", "as_trace_id"]

TRACE_STEPS: Final = (100, 300, 1_000)
"""How many of the newest traces are looked at first, then, and at last; see `word_search`."""


class _Wanted(NamedTuple):
    """One term."""

    of_spans: str
    of_logs: str
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
        if wanted.trace_ids is not None or reader.has_old(day):
            return None
        terms = []
        for term in wanted.terms:
            of_spans = spelled_out(reader, day, TRACE_WORDS, term)
            of_logs = spelled_out(reader, day, LOG_WORDS, term)
            if of_spans is not None and of_logs is not None:
                terms.append(_Wanted(of_spans.expression, of_logs.expression, as_trace_id(term)))
        narrowed = narrowing(wanted.attributes)
        if not (terms or narrowed) or any(term.trace_id for term in terms):
            return None
        return cls(reader, day, terms, narrowed)

    def few(self) -> set[int] | None:
        """Return the keys of all traces that have what is wanted, where it is quick to know."""
        for term in self.terms:
            of_spans = few(self.reader, self.day, TRACE_WORDS, term.of_spans)
            of_logs = few(self.reader, self.day, LOG_WORDS, term.of_logs)
            if of_spans is not None and of_logs is not None:
                keys = self._keys("otel_trace_texts", of_spans) | self._keys(
                    "otel_log_rows", of_logs
                )
                return self.among(keys)
        return None

    def among(self, keys: Iterable[int]) -> set[int]:
        """Return those of the traces with these *keys* that have all that is wanted.

        A trace with spans that have not ended counts as having what is narrowed: these have no
        words.
        """
        left = set(keys)
        for term in self.terms:
            if left:
                left &= self._in_spans(left, term.of_spans) | self._in_logs(left, term.of_logs)
        for expression in self.narrowed:
            if left:
                left &= self._in_spans(left, expression) | self._unended(left)
        return left

    def _in_spans(self, keys: set[int], expression: str) -> set[int]:
        texts = self._rows("SELECT Id, TraceKey FROM otel_trace_texts", keys)
        return self._matching(TRACE_WORDS, expression, texts)

    def _in_logs(self, keys: set[int], expression: str) -> set[int]:
        logs = self._rows("SELECT Id, TraceKey FROM otel_log_rows", keys)
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


def as_trace_id(term: Term) -> bytes | None:
    """Return the trace id that the term is, where it is one: people paste them."""
    if term.key is None and len(term.text) == 32:
        try:
            return bytes.fromhex(term.text)
        except ValueError:
            return None
    return None
