"""Writes log records into one day's file: a short row for each, and the records into packs.

What a transaction has of a trace is put together: it compresses better (ids and values come
again), and its words make one document of the full text.
"""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.hub.store.sqlite.packs.pack_writer import PackWriter
from otbridge.hub.store.sqlite.writing.known_logs import Waiting, known_logs
from otbridge.hub.store.sqlite.writing.log_stretches import Stretched, StretchWriter
from otbridge.hub.store.text import MAX_WORDS
from otbridge.wire.otlp_outline import read_log

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from otbridge.hub.store.sqlite.packs.packs import Times
    from otbridge.hub.store.sqlite.writing.session_writer import SessionWriter
    from otbridge.hub.store.sqlite.writing.sources import SourceNumbers
    from otbridge.hub.store.words import AttributeWords
    from otbridge.wire.rows import LogRow

__all__ = ["NO_TRACE", "PART", "LogWriter", "span_mark"]

NO_TRACE: Final = 0
"""Stands for the trace of records without one; keys of traces begin at 1."""

PART: Final = 32
"""Records of a part, at most: so many are looked at for one that has a word. With 16 the full text
takes a tenth more."""

_ERROR: Final = 17
"""OTLP's SeverityNumber of ERROR."""


class _Kept(NamedTuple):
    """A record that waits for the end of the transaction."""

    key: int
    """Of its trace, or `NO_TRACE`."""
    data: bytes
    source: int
    time_ns: int
    times: Times | None
    """Where they are not those in its bytes."""
    severity: int
    service: int
    mark: int | None
    event: str | None
    texts: list[str]


class LogWriter:
    """Writes the log records of one file, within the transaction that is open.

    Args:
        db: The file's writing connection.
        sources: Who numbers their sources.
        words: Who knows the words of attributes.
        sessions: Who writes down the sessions that they name.
        has_old: Whether the file has records of version 1.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        sources: SourceNumbers,
        words: AttributeWords,
        *,
        sessions: SessionWriter,
        has_old: bool,
    ) -> None:
        self._db = db
        self._sources = sources
        self._words = words
        self._sessions = sessions
        self._has_old = has_old
        self._next = 0  # not looked up yet
        self._packs = PackWriter(db, "otel_log_packs")
        self._stretches = StretchWriter(db)
        self._kept: list[_Kept] = []

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self._next = 0
        self._packs.forget()
        self._stretches.forget()
        self._kept.clear()

    def known(self, rows: Sequence[LogRow]) -> set[int]:
        """Return the places of those *rows* that are here already."""
        waiting = (Waiting(one.source, one.time_ns, one.data) for one in self._kept)
        return known_logs(self._db, self._sources, waiting, rows)

    def add(self, rows: Sequence[LogRow], keys: Sequence[int | None]) -> None:
        """Store *rows*, which belong to the traces with these *keys*."""
        sources, words = self._sources, self._words
        for row, key in zip(rows, keys, strict=True):
            time_ns, data = row.time_ns, row.data
            outline = read_log(data)
            same = time_ns == outline.time and row.observed_ns == outline.observed_time
            attributes = outline.attributes[:]
            texts = words.of(attributes)
            texts.append(row.body_text[:MAX_WORDS])
            if row.event_name:
                texts.append(row.event_name)
            if key is None:
                error = row.severity_number >= _ERROR
                self._sessions.add_loose(attributes, time_ns, error=error)
            else:
                self._sessions.add(attributes, key, time_ns, time_ns)
            self._kept.append(
                _Kept(
                    key or NO_TRACE,
                    data,
                    sources.of(row),
                    time_ns,
                    None if same else (time_ns, row.observed_ns),
                    row.severity_number,
                    sources.of_service(row.service),
                    span_mark(row.span_id),
                    row.event_name or None,
                    texts,
                )
            )

    def save(self) -> None:
        """Write down what was gathered."""
        kept = self._kept
        if not kept:
            return
        kept.sort(key=attrgetter("key"))  # those of a trace stay in the order in which they came
        first = self._next or self._first()
        self._packs.save(
            [(n, one.data, one.source, one.time_ns, one.times) for n, one in enumerate(kept, first)]
        )
        self._db.executemany(
            "INSERT INTO otel_log_rows VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (n, one.key or None, one.time_ns, one.severity, one.service, one.mark, one.event)
                for n, one in enumerate(kept, first)
            ],
        )
        self._stretches.save(
            [
                Stretched(n, one.service, one.time_ns, one.severity)
                for n, one in enumerate(kept, first)
            ]
        )
        self._save_parts(first)
        self._next = first + len(kept)
        kept.clear()

    def _save_parts(self, first: int) -> None:
        parts, documents = [], []
        for key, part in _parts(self._kept):
            if key != NO_TRACE or len(part) > 1:
                parts.append((key, first, len(part)))
            texts = part[0].texts if len(part) == 1 else {t for one in part for t in one.texts}
            documents.append((first, " ".join(texts)))
            first += len(part)
        self._db.executemany("INSERT INTO otel_log_parts VALUES (?, ?, ?)", parts)
        self._db.executemany("INSERT INTO otel_log_words (rowid, Words) VALUES (?, ?)", documents)

    def _first(self) -> int:
        (last,) = self._db.execute("SELECT coalesce(max(Id), 0) FROM otel_log_rows").fetchone()
        if self._has_old:
            (old,) = self._db.execute("SELECT coalesce(max(Id), 0) FROM otel_logs").fetchone()
            last = max(last, old)
        return int(last) + 1


def _parts(kept: Sequence[_Kept]) -> Iterator[tuple[int, list[_Kept]]]:
    """Yield each trace's records, with its key, in lists that are not too long."""
    for key, group in groupby(kept, key=attrgetter("key")):
        whole = list(group)
        for begin in range(0, len(whole), PART):
            yield key, whole[begin : begin + PART]


def span_mark(span_id: bytes) -> int | None:
    """Return what a row has of a span's id."""
    return int.from_bytes(span_id[-2:], "big", signed=True) if span_id else None
