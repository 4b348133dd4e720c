"""Writes down which sessions the records of one day's file name, and which traces they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.sqlite.writing.kept_lines import KeptLines

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from otbridge.hub.store.words import AttributeWords

__all__ = ["SessionWriter"]

_KEPT_TRACES: Final = 1_000
"""Traces of one session that are remembered; of others, the file says whether they are known."""

_FIND: Final = (
    "SELECT Id, Start, End, LooseLogs, LooseErrors FROM otel_sessions"
    " WHERE SessionId = ? AND SessionKey = ?"
)
_ADD: Final = "INSERT INTO otel_sessions VALUES (NULL, ?, ?, ?, ?, 0, 0)"
_SAVE: Final = (
    "UPDATE otel_sessions SET Start = ?, End = ?, LooseLogs = ?, LooseErrors = ? WHERE Id = ?"
)
_JOIN: Final = "INSERT OR IGNORE INTO otel_session_traces VALUES (?, ?)"


class _Line:
    """A session, as the file has it."""

    __slots__ = ("end", "loose_errors", "loose_logs", "number", "start", "traces")

    def __init__(self, number: int, start: int, end: int, logs: int = 0, errors: int = 0) -> None:
        self.number = number
        self.start = start
        self.end = end
        self.loose_logs = logs
        self.loose_errors = errors
        self.traces: set[int] = set()

    def columns(self) -> tuple[int, ...]:
        return self.start, self.end, self.loose_logs, self.loose_errors, self.number


class SessionWriter:
    """Writes the sessions of one file, within the transaction that is open.

    Args:
        db: The file's writing connection.
        words: Who knows which attributes name a session.
    """

    def __init__(self, db: sqlite3.Connection, words: AttributeWords) -> None:
        self._db = db
        self._words = words
        self._lines = KeptLines[tuple[str, str], _Line](db, _SAVE)

    def add(self, attributes: Sequence[bytes], trace: int, start_ns: int, end_ns: int) -> None:
        """Join the trace with this key to the sessions that a record of it names.

        *attributes* (KeyValue messages) are those that were looked up in the words last.
        """
        for name in self._words.sessions_of(attributes):
            line = self._line(name, start_ns, end_ns)
            if trace not in line.traces:
                self._db.execute(_JOIN, (line.number, trace))
                if len(line.traces) < _KEPT_TRACES:
                    line.traces.add(trace)

    def add_loose(self, attributes: Sequence[bytes], time_ns: int, *, error: bool) -> None:
        """Count a log record outside of any trace for the sessions that it names."""
        for name in self._words.sessions_of(attributes):
            line = self._line(name, time_ns, time_ns)
            line.loose_logs += 1
            line.loose_errors += error
            self._lines.change(line)

    def save(self) -> None:
        """Write down what was gathered."""
        self._lines.save()

    def forget(self) -> None:
        """Forget what was not saved, and what may be rolled back."""
        self._lines.forget()

    def _line(self, name: tuple[str, str], start_ns: int, end_ns: int) -> _Line:
        """Return the session (key, id), which something of this time names."""
        line = self._lines.known.get(name)
        if line is None:
            key, session = name
            found: Any = self._db.execute(_FIND, (session, key)).fetchone()
            if found is None:
                number = self._db.execute(_ADD, (key, session, start_ns, end_ns)).lastrowid
                found = (number, start_ns, end_ns)
            line = self._lines.known[name] = _Line(*found)
        if start_ns < line.start or end_ns > line.end:
            line.start, line.end = min(start_ns, line.start), max(end_ns, line.end)
            self._lines.change(line)
        return line
