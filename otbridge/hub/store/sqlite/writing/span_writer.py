"""Writes spans into one day's file: ended ones into packs, open ones into a table of their own.

What comes in one transaction is gathered first, and then written trace by trace: what is done once
for a trace (its line, its words, its place in the packs) is done once for all of its spans.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final
from zlib import crc32

from otbridge.hub.store.sqlite.counts.minutes import Minutes
from otbridge.hub.store.sqlite.packs.pack_writer import PackWriter
from otbridge.hub.store.sqlite.writing.relations import Relations
from otbridge.hub.store.sqlite.writing.trace_texts import TraceTexts
from otbridge.wire.otlp_outline import ABSENT, read_span

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from otbridge.hub.store.sqlite.packs.pack_writer import Kept
    from otbridge.hub.store.sqlite.writing.session_writer import SessionWriter
    from otbridge.hub.store.sqlite.writing.sources import SourceNumbers
    from otbridge.hub.store.sqlite.writing.summary import Summary
    from otbridge.hub.store.words import AttributeWords
    from otbridge.wire.rows import SpanRow

__all__ = ["SpanWriter"]

_ID_BYTES: Final = 8

_CONSUMER: Final = 5
"""OTLP's SpanKind of who takes a message."""

_OPEN: Final = (
    "INSERT INTO otel_open_spans (TraceKey, SpanId, Timestamp, SourceId, Producer, Lost, IsAgent,"
    " Raw, Crc) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)"
)


class SpanWriter:
    """Writes the spans of one file, within the transaction that is open.

    Args:
        db: The file's writing connection.
        sources: Who numbers their sources.
        words: Who knows the words of attributes.
        line: Returns a trace's line, to be changed.
        find: Returns a trace's line where it is in memory.
        sessions: Who writes down the sessions that they name.
        has_old: Whether the file has spans of version 1.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        sources: SourceNumbers,
        words: AttributeWords,
        line: Callable[[bytes], Summary],
        find: Callable[[bytes], Summary | None],
        *,
        sessions: SessionWriter,
        has_old: bool,
    ) -> None:
        self._db = db
        self._sources = sources
        self._words = words
        self._sessions = sessions
        self._line = line
        self._find = find
        self._has_old = has_old
        self._minutes = Minutes(db)
        self._packs = PackWriter(db, "otel_span_packs")
        self._texts = TraceTexts(db, words)
        self._relations = Relations(db)
        self._next = 0  # not looked up yet
        self._waiting: defaultdict[bytes, list[SpanRow]] = defaultdict(list)
        self._consumers: list[tuple[SpanRow, Summary]] = []
        self._kept: list[Kept] = []
        self._parts: list[tuple[int, int, bytes]] = []
        self.duplicates = 0
        """Spans of this transaction that were there already, of those that are settled."""

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self._minutes.forget()
        self._packs.forget()
        self._texts.forget()
        self._next = 0
        self._waiting.clear()
        self._consumers.clear()
        self._kept.clear()
        self._parts.clear()
        self.duplicates = 0

    def save(self) -> None:
        """Write down what was gathered and settled."""
        if self._parts:
            self._packs.save(self._kept)
            self._db.executemany("INSERT INTO otel_trace_parts VALUES (?, ?, ?)", self._parts)
            self._kept.clear()
            self._parts.clear()
        self._texts.save()
        self._minutes.save()
        self.duplicates = 0

    # ---------------------------------------------------------------- spans

    def add(self, rows: Iterable[SpanRow]) -> None:
        """Gather spans, open ones and ended ones, in the order in which they came."""
        waiting = self._waiting
        for row in rows:
            waiting[row.trace_id].append(row)

    def settle(self) -> dict[str, int]:
        """Take in what was gathered; return how many spans are new, by service."""
        counts: dict[str, int] = {}
        for trace_id, rows in self._waiting.items():
            self._take(self._line(trace_id), rows, counts)
        self._waiting.clear()
        for row, line in self._consumers:  # now that all traces of this transaction are known
            self._link(row, line)
        self._consumers.clear()
        return counts

    def _take(self, line: Summary, rows: list[SpanRow], counts: dict[str, int]) -> None:
        """Take in spans of one trace."""
        here = line.here if line.here is not None else self._look_up(line)
        # Of a trace that was read back from the file, which span came when matters to its edges.
        is_late = bool(here) and next(iter(here.values())) == ""
        new: list[SpanRow] = []
        ended: list[SpanRow] = []
        agents: set[bytes] = set()
        for row in rows:
            span_id = row.span_id
            if span_id in here:
                if not self._is_end(row, line, agents):
                    continue
            else:
                here[span_id] = service = row.service
                counts[service] = counts.get(service, 0) + 1
                if line.waiting and span_id in line.waiting:
                    self._minutes.meet(line, span_id, service)
                if row.links:
                    self._relations.add_links(line, row)
                if not row.end_ns:
                    self._open(row, line)
                    continue
                new.append(row)
            ended.append(row)
            if is_late:
                self._minutes.recall(row, line)
                self._minutes.add_all((row,), line)
        line.add_spans(new)
        if not is_late:
            self._minutes.add_all(ended, line)
        if ended:
            self._keep(ended, line, agents)

    def _is_end(self, row: SpanRow, line: Summary, agents: set[bytes]) -> bool:
        """Whether a span that is known has ended now; *agents* is told of one that was counted."""
        if row.span_id not in line.unended:
            self.duplicates += not row.again
            return False
        key = (line.key, row.span_id)
        lost, is_agent = self._db.execute(
            "SELECT Lost, IsAgent FROM otel_open_spans WHERE TraceKey = ? AND SpanId = ?", key
        ).fetchone()
        if row.end_ns:
            self._db.execute("DELETE FROM otel_open_spans WHERE TraceKey = ? AND SpanId = ?", key)
            line.unended.discard(row.span_id)
            line.end_span(row, was_lost=bool(lost))
            self._relations.add_links(line, row)
            if is_agent:
                agents.add(row.span_id)
            return True
        if lost:
            self.find_span(line, row.span_id)  # its sender still speaks of it
        else:
            self.duplicates += not row.again
        return False

    def _keep(self, rows: list[SpanRow], line: Summary, agents: set[bytes]) -> None:
        """Have ended spans of a trace written into the next packs, counted and found by words.

        *agents* are those among them that were counted as an agent's while they were open.
        """
        first = self._next or self._first()
        self._parts.append((line.key, first, b"".join([row.span_id for row in rows])))
        self._next = first + len(rows)
        keep, source_of = self._kept.append, self._sources.of
        unusual: list[bytes] = []
        outlines = [read_span(row.data) for row in rows]
        attributes = [outline.attributes[:] for outline in outlines]
        for number, (row, outline) in enumerate(zip(rows, outlines, strict=True), first):
            start_ns, end_ns = row.start_ns, row.end_ns
            same = start_ns == outline.start_time and end_ns == outline.end_time
            times = None if same else (start_ns, end_ns)
            keep((number, row.data, source_of(row), start_ns, times))
            if row.links and row.kind == _CONSUMER:
                self._consumers.append((row, line))
            if outline.last_status != ABSENT or outline.last_event != ABSENT:
                unusual.append(row.data)
        seen = list(set().union(*attributes))
        words = self._words.of(seen)
        if self._words.sessions_of(seen):
            for row, own in zip(rows, attributes, strict=True):
                self._sessions.add(own, line.key, row.start_ns, max(row.start_ns, row.end_ns))
        if self._words.tell_of_agents(seen):
            for row, own in zip(rows, attributes, strict=True):
                if self._words.tell_of_agents(own):
                    self._describe(row, line, new=row.span_id not in agents)
        self._texts.add(line.key, {row.name for row in rows}, words, unusual)

    def _link(self, row: SpanRow, line: Summary) -> None:
        """Count the edges to a span that takes messages from those that it links to."""
        for trace_id, span_id in row.links:
            linked = line if trace_id == line.trace_id else self._find(trace_id)
            if linked is not None and linked.here is not None:
                self._minutes.link(row, linked, span_id)

    def _describe(self, row: SpanRow, line: Summary, *, new: bool) -> bool:
        """Count the span for its trace where it is an agent's; return whether it is."""
        genai = self._relations.describe(row, line)
        if genai is not None:
            line.add_agent(genai.agent, new=new)
        return genai is not None

    def _open(self, row: SpanRow, line: Summary) -> None:
        """Keep a span that has begun."""
        line.add_spans((row,))
        is_agent = self._describe(row, line, new=True)
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
                is_agent,
                row.data,
                crc32(row.data),
            ),
        )

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
