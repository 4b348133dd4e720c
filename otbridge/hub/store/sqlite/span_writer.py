"""Writes spans into one day's file: ended ones into packs, open ones into a table of their own."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from zlib import crc32

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from otbridge.hub.analysis.genai import describe
from otbridge.hub.store.attributes import decode_attributes
from otbridge.hub.store.sqlite.minutes import Minutes
from otbridge.hub.store.sqlite.pack_writer import PackWriter
from otbridge.hub.store.text import MAX_WORDS
from otbridge.wire.otlp_outline import read_event, read_span

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from otbridge.hub.analysis.genai import GenAI
    from otbridge.hub.store.sqlite.packs import Times
    from otbridge.hub.store.sqlite.session_writer import SessionWriter
    from otbridge.hub.store.sqlite.sources import SourceNumbers
    from otbridge.hub.store.sqlite.summary import Summary
    from otbridge.hub.store.words import AttributeWords
    from otbridge.wire.otlp_outline import SpanOutline
    from otbridge.wire.rows import SpanRow

__all__ = ["SpanWriter"]

_SEARCHED_EVENTS: Final = 32
"""Events of one span that are searched, exceptions among them; streams have thousands."""

_ID_BYTES: Final = 8

_CONSUMER: Final = 5
"""OTLP's SpanKind of who takes a message."""

_OPEN: Final = (
    "INSERT INTO otel_open_spans (TraceKey, SpanId, Timestamp, SourceId, Producer, Lost, IsAgent,"
    " Raw, Crc) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)"
)


_Kept = tuple[int, bytes, int, bytes, int, "Times | None"]
"""An ended span that waits for its pack: its trace's key, its bytes, the number of its source, its
id, its start, and its times where they are not those in its bytes."""


class SpanWriter:
    """Writes the spans of one file, within the transaction that is open.

    Args:
        db: The file's writing connection.
        sources: Who numbers their sources.
        words: Who knows the words of attributes.
        find: Returns a trace's line where it is in memory.
        sessions: Who writes down the sessions that they name.
        has_old: Whether the file has spans of version 1.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        sources: SourceNumbers,
        words: AttributeWords,
        find: Callable[[bytes], Summary | None],
        *,
        sessions: SessionWriter,
        has_old: bool,
    ) -> None:
        self._db = db
        self._sources = sources
        self._words = words
        self._sessions = sessions
        self._find = find
        self._has_old = has_old
        self._minutes = Minutes(db)
        self._packs = PackWriter(db, "otel_span_packs")
        self._next = self._next_text = 0  # not looked up yet
        self._scope_names: dict[bytes, str] = {}
        self._kept: list[_Kept] = []
        self._texts: dict[int, set[str]] = {}
        self.duplicates = 0
        """Spans of this transaction that were there already."""

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self._minutes.forget()
        self._packs.forget()
        self._next = self._next_text = 0
        self._kept.clear()
        self._texts.clear()
        self.duplicates = 0

    def save(self) -> None:
        """Write down what was gathered."""
        self._save_packs()
        self._save_texts()
        self._minutes.save()
        self.duplicates = 0
        if len(self._scope_names) > 4_096:
            self._scope_names.clear()

    # ---------------------------------------------------------------- spans

    def add(self, row: SpanRow, line: Summary) -> bool:
        """Store a span, open or ended; return whether it was not there in any form."""
        here = line.here if line.here is not None else self._look_up(line)
        span_id = row.span_id
        if span_id in here:
            self._add_known(row, line)
            return False
        here[span_id] = row.service
        line.add_span(row)
        if line.waiting and span_id in line.waiting:
            self._minutes.meet(line, span_id, row.service)
        if row.links:
            self._add_links(line, row)
        genai = self._keep(row, line) if row.end_ns else self._open(row, line)
        if genai is not None:
            line.add_agent(genai.agent, new=True)
        return True

    def _add_known(self, row: SpanRow, line: Summary) -> None:
        if row.span_id not in line.unended:
            self.duplicates += not row.again
            return
        lost, was_agents = self._db.execute(
            "SELECT Lost, IsAgent FROM otel_open_spans WHERE TraceKey = ? AND SpanId = ?",
            (line.key, row.span_id),
        ).fetchone()
        if row.end_ns:
            self._db.execute(
                "DELETE FROM otel_open_spans WHERE TraceKey = ? AND SpanId = ?",
                (line.key, row.span_id),
            )
            line.unended.discard(row.span_id)
            line.end_span(row, was_lost=bool(lost))
            self._add_links(line, row)
            genai = self._keep(row, line)
            if genai is not None:
                line.add_agent(genai.agent, new=not was_agents)
        elif lost:
            self.find_span(line, row.span_id)  # its sender still speaks of it
        else:
            self.duplicates += not row.again

    def _keep(self, row: SpanRow, line: Summary) -> GenAI | None:
        """Have an ended span written into the next pack, counted and found by its words."""
        outline = read_span(row.data)
        start_ns, end_ns = row.start_ns, row.end_ns
        same = start_ns == outline.start_time and end_ns == outline.end_time
        times = None if same else (start_ns, end_ns)
        source = self._sources.of(row)
        self._kept.append((line.key, row.data, source, row.span_id, start_ns, times))

        attributes = outline.attributes[:]
        texts = self._texts.get(line.key)
        if texts is None:
            texts = self._texts[line.key] = set()
        texts.add(row.name[:MAX_WORDS])
        texts.update(self._words.of(attributes))
        may_be_agent = self._words.tell_of_agents(attributes)
        self._sessions.add(attributes, line.key, start_ns, max(start_ns, end_ns))
        if outline.status or outline.events:
            texts.update(self._more_words(outline))

        self._minutes.add(row, line)
        if row.links and row.kind == _CONSUMER:
            for trace_id, span_id in row.links:
                linked = line if trace_id == line.trace_id else self._find(trace_id)
                if linked is not None and linked.here is not None:
                    self._minutes.link(row, linked, span_id)
        return self._describe(row, line) if may_be_agent else None

    def _open(self, row: SpanRow, line: Summary) -> GenAI | None:
        genai = self._describe(row, line)
        attributes = read_span(row.data).attributes[:]
        self._words.of(attributes)
        self._sessions.add(attributes, line.key, row.start_ns, row.start_ns)
        line.unended.add(row.span_id)
        self._db.execute(
            _OPEN,
            (
                line.key,
                row.span_id,
                row.start_ns,
                self._sources.of(row),
                row.producer,
                genai is not None,
                row.data,
                crc32(row.data),
            ),
        )
        return genai

    def lose_span(self, line: Summary, span_id: bytes) -> None:
        """Give an open span the verdict "lost"."""
        self._db.execute(
            "UPDATE otel_open_spans SET Lost = 1 WHERE TraceKey = ? AND SpanId = ?",
            (line.key, span_id),
        )
        line.lose_span()

    def find_span(self, line: Summary, span_id: bytes) -> bool:
        """Take the verdict "lost" back from a span; return whether it had it."""
        changed = self._db.execute(
            "UPDATE otel_open_spans SET Lost = 0 WHERE TraceKey = ? AND SpanId = ? AND Lost = 1",
            (line.key, span_id),
        )
        if changed.rowcount:
            line.find_span()
        return bool(changed.rowcount)

    # ---------------------------------------------------------------- what belongs to them

    def _describe(self, row: SpanRow, line: Summary) -> GenAI | None:
        """Return what the span is in the life of an agent, and keep what joins it with others."""
        attributes = decode_attributes(Span.FromString(row.data).attributes)
        genai = describe(row.name, row.kind, attributes, self._scope_name(row.scope))
        if genai is not None:
            self._db.execute(
                "INSERT OR IGNORE INTO otel_agents VALUES (?, ?, ?)",
                (line.key, genai.conversation or "", genai.run or ""),
            )
        return genai

    def _scope_name(self, scope: bytes) -> str:
        name = self._scope_names.get(scope)
        if name is None:
            name = self._scope_names[scope] = InstrumentationScope.FromString(scope).name
        return name

    def _add_links(self, line: Summary, row: SpanRow) -> None:
        """Keep which other traces the span links to, for joining them into one run."""
        for trace_id, _ in row.links:
            if trace_id != row.trace_id:
                self._db.execute(
                    "INSERT OR IGNORE INTO otel_links VALUES (?, ?)", (line.key, trace_id)
                )

    def _more_words(self, outline: SpanOutline) -> list[str]:
        """Return what is said beside the attributes: by the status, and by events."""
        words = [Status.FromString(outline.status).message[:MAX_WORDS]]
        for data in outline.events[:_SEARCHED_EVENTS]:
            event = read_event(data)
            words.append(event.name[:MAX_WORDS])
            words += self._words.of(event.attributes[:])
        return words

    # ---------------------------------------------------------------- what is in the file

    def _first(self) -> int:
        """Return the number of the next span."""
        behind = "SELECT coalesce(max(Id + SpanCount), 1) FROM otel_span_packs"
        (first,) = self._db.execute(behind).fetchone()
        if self._has_old:
            # A scan tells records in packs and rows of version 1 apart by their numbers.
            (old,) = self._db.execute("SELECT coalesce(max(Id), 0) FROM otel_traces").fetchone()
            first = max(first, old + 1)
        return int(first)

    def _look_up(self, line: Summary) -> dict[bytes, str]:
        """Return which spans of a trace are here, told from the file."""
        here: dict[bytes, str] = {}
        line.here = here
        if not line.spans:
            return here
        for (ids,) in self._db.execute(
            "SELECT SpanIds FROM otel_trace_parts WHERE TraceKey = ?", (line.key,)
        ):
            places = range(0, len(ids), _ID_BYTES)
            here.update((ids[at : at + _ID_BYTES], "") for at in places)
        if self._has_old:
            old = "SELECT SpanId, '' FROM otel_traces WHERE TraceKey = ?"
            here.update(self._db.execute(old, (line.key,)))
        if line.open or line.lost:
            waiting = "SELECT SpanId FROM otel_open_spans WHERE TraceKey = ?"
            line.unended.update(ids for (ids,) in self._db.execute(waiting, (line.key,)))
            here.update(dict.fromkeys(line.unended, ""))
        return here

    def _save_packs(self) -> None:
        if not self._kept:
            return
        self._kept.sort(key=itemgetter(0))
        number = first = self._next or self._first()
        parts = []
        for key, group in groupby(self._kept, key=itemgetter(0)):
            ids = b"".join(kept[3] for kept in group)
            parts.append((key, number, ids))
            number += len(ids) // _ID_BYTES
        self._packs.save(
            [
                (place, data, source, start_ns, times)
                for place, (_, data, source, _, start_ns, times) in enumerate(self._kept, first)
            ]
        )
        self._db.executemany("INSERT INTO otel_trace_parts VALUES (?, ?, ?)", parts)
        self._next = number
        self._kept.clear()

    def _save_texts(self) -> None:
        if not self._texts:
            return
        query = "SELECT coalesce(max(Id), 0) + 1 FROM otel_trace_texts"
        first = self._next_text or self._db.execute(query).fetchone()[0]
        numbers = range(first, first + len(self._texts))
        self._db.executemany(
            "INSERT INTO otel_trace_texts VALUES (?, ?)", zip(numbers, self._texts, strict=True)
        )
        self._db.executemany(
            "INSERT INTO otel_trace_words (rowid, Words) VALUES (?, ?)",
            zip(numbers, map(" ".join, self._texts.values()), strict=True),
        )
        self._next_text = numbers.stop
        self._texts.clear()
