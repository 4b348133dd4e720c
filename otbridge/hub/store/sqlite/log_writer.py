"""Writes log records into one day's file: a short row for each, and the records into packs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.hub.store.sqlite.known_logs import known_logs
from otbridge.hub.store.sqlite.pack_writer import PackWriter
from otbridge.hub.store.text import MAX_WORDS
from otbridge.wire.otlp_outline import read_log

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from otbridge.hub.store.sqlite.pack_writer import Kept
    from otbridge.hub.store.sqlite.session_writer import SessionWriter
    from otbridge.hub.store.sqlite.sources import SourceNumbers
    from otbridge.hub.store.words import AttributeWords
    from otbridge.wire.rows import LogRow

__all__ = ["LogWriter"]

_ERROR: Final = 17
"""OTLP's SeverityNumber of ERROR."""


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
        self._kept: list[Kept] = []

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self._next = 0
        self._packs.forget()
        self._kept.clear()

    def known(self, rows: Sequence[LogRow]) -> set[int]:
        """Return the places of those *rows* that are here already."""
        return known_logs(self._db, self._sources, self._kept, rows)

    def add(self, rows: Sequence[LogRow], keys: Sequence[int | None]) -> None:
        """Store *rows*, which belong to the traces with these *keys*."""
        short, texts = [], []
        first = self._next or self._first()
        for number, (row, key) in enumerate(zip(rows, keys, strict=True), first):
            time_ns, data = row.time_ns, row.data
            short.append(
                (
                    number,
                    key,
                    row.span_id or None,
                    time_ns,
                    row.severity_number,
                    self._sources.of_service(row.service),
                    row.event_name or None,
                )
            )
            outline = read_log(data)
            same = time_ns == outline.time and row.observed_ns == outline.observed_time
            times = None if same else (time_ns, row.observed_ns)
            self._kept.append((number, data, self._sources.of(row), time_ns, times))
            words = [row.body_text[:MAX_WORDS], row.event_name]
            attributes = outline.attributes[:]
            texts.append((number, " ".join(words + self._words.of(attributes))))
            if key is None:
                error = row.severity_number >= _ERROR
                self._sessions.add_loose(attributes, time_ns, error=error)
            else:
                self._sessions.add(attributes, key, time_ns, time_ns)
        self._db.executemany("INSERT INTO otel_log_rows VALUES (?, ?, ?, ?, ?, ?, ?)", short)
        self._db.executemany("INSERT INTO otel_log_words (rowid, Words) VALUES (?, ?)", texts)
        self._next = first + len(rows)

    def _first(self) -> int:
        (last,) = self._db.execute("SELECT coalesce(max(Id), 0) FROM otel_log_rows").fetchone()
        if self._has_old:
            (old,) = self._db.execute("SELECT coalesce(max(Id), 0) FROM otel_logs").fetchone()
            last = max(last, old)
        return int(last) + 1

    def save(self) -> None:
        """Write down what was gathered."""
        self._packs.save(self._kept)
        self._kept.clear()
