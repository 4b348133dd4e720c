"""Writing, seen from the outside: it never raises, and a disk that refuses is dealt with here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from otbridge.delivery.spool.frames import ENCODINGS, MAX_RECORD_BYTES, MAX_REQUEST_BYTES
from otbridge.delivery.spool.trouble import FULL
from otbridge.delivery.spool.writer import StreamWriter
from otbridge.wire.otlp_request import compose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otbridge._clock import Clock
    from otbridge.delivery.batch import Entry
    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder
    from otbridge.delivery.spool.limits import Limits
    from otbridge.delivery.spool.settings import SpoolSettings
    from otbridge.delivery.spool.stream import Segment
    from otbridge.delivery.spool.trouble import Trouble
    from otbridge.typing import Signal
    from otbridge.wire.otlp_request import Envelope

__all__ = ["Intake", "NotNowError"]

_SIGNALS: Final[tuple[Signal, ...]] = ("logs", "traces", "metrics")
_ERROR: Final = 17
"""OpenTelemetry's severity number of ERROR."""


class NotNowError(OSError):
    """The disk has refused lately, or the spool is closed: there is nothing to report."""


class Intake:
    """The writers of all streams, and what is done when one of them fails.

    Args:
        files: The file system.
        settings: Limits and level.
        clock: Tells the time.
        trouble: Knows whether the disk may be asked.
        limits: Makes room.
        begin: Makes the next segment of a signal and class; raises OSError.
        on_begun: Called after a segment was begun, when no lock is held.
    """

    def __init__(
        self,
        files: Files,
        settings: SpoolSettings,
        clock: Clock,
        *,
        trouble: Trouble,
        limits: Limits,
        begin: Callable[[Signal, str], tuple[Folder, Segment, int]],
        on_begun: Callable[[], None],
    ) -> None:
        self._files = files
        self._settings = settings
        self._clock = clock
        self._trouble = trouble
        self._limits = limits
        self._begin = begin
        self._on_begun = on_begun
        self._plain = {signal: self._writer(signal, "plain") for signal in _SIGNALS}
        self._errors = self._plain
        if settings.errors_last:
            self._errors = {signal: self._writer(signal, "error") for signal in _SIGNALS}
        self.writers = list({*self._plain.values(), *self._errors.values()})
        self.forget()

    def forget(self) -> None:
        """Begin anew: in a forked child."""
        for writer in self.writers:
            writer.forget()
        self._has_begun = False
        self._syncs = self._settings.durability == "power"
        self._may_sync_again = math.inf

    @property
    def durability(self) -> str:
        """The level in force."""
        wanted = self._settings.durability
        return "process" if wanted == "power" and not self._syncs else wanted

    def append(self, signal: Signal, envelope: Envelope, record: bytes, severity: int) -> bool:
        """Write one record; see `Spool.append`."""
        writer = (self._errors if severity >= _ERROR else self._plain)[signal]
        try:
            taken = writer.append(envelope, record)
        except OSError as error:
            taken = self._once_more(writer, error, lambda: writer.append(envelope, record))
        except Exception as error:  # noqa: BLE001 - a fault of ours is not the caller's
            taken = self._failed(error)
        if self._has_begun:
            self._announce(taken=taken)
        if not taken:
            return self._append_large(signal, (envelope, record), severity)
        return not self._syncs or self._commit(writer)

    def append_batch(
        self, signal: Signal, entries: Sequence[Entry], severity: int
    ) -> Sequence[Entry]:
        """Write many records; see `Spool.append_batch`."""
        writer = (self._errors if severity >= _ERROR else self._plain)[signal]
        left = entries

        def write() -> bool:
            nonlocal left
            left, error = writer.append_batch(left)
            if error is not None:
                raise error
            return True

        self._attempt(writer, write)
        if self._syncs and len(left) < len(entries):
            self._commit(writer)
        return [entry for entry in left if not self._append_large(signal, entry, severity)]

    def append_request(
        self,
        signal: Signal,
        request: bytes,
        encoding: str,
        records: int,
        severity: int,
        *,
        resent: bool = False,
    ) -> bool:
        """Write a whole request; see `Spool.append_request`."""
        if len(request) > MAX_REQUEST_BYTES or encoding not in ENCODINGS or records < 1:
            return False
        writer = (self._errors if severity >= _ERROR else self._plain)[signal]

        def write() -> bool:
            return writer.append_request(request, encoding, records, resent=resent)

        taken = self._attempt(writer, write)
        return taken and (not self._syncs or self._commit(writer))

    def sync(self) -> bool:
        """Make everything durable that was written; return whether that worked."""
        synced = True
        for writer in self.writers:
            try:
                writer.sync()
            except OSError as error:
                writer.seal()
                self._cannot_sync(error)
                synced = False
        if self._clock.monotonic() >= self._may_sync_again:
            self._syncs, self._may_sync_again = True, math.inf
        return synced

    def seal(self, born_before: float = math.inf) -> None:
        """End all segments, or those that were begun before a monotonic time."""
        for writer in self.writers:
            segment = writer.segment
            if segment is not None and segment.born <= born_before:
                writer.seal()

    @property
    def is_writing(self) -> bool:
        """Whether there is a segment that is written to."""
        return any(writer.segment is not None for writer in self.writers)

    def close_inherited(self) -> None:
        """Close the descriptors that a forked child has from its parent."""
        for writer in self.writers:
            for fd in writer.descriptors:
                try:
                    self._files.close(fd)
                except OSError:
                    pass  # the parent was just closing it

    # ------------------------------------------------------------------ inside

    def _writer(self, signal: Signal, kind: str) -> StreamWriter:
        def begin() -> tuple[Folder, Segment, int]:
            begun = self._begin(signal, kind)
            self._has_begun = True
            return begun

        return StreamWriter(self._files, self._settings.segment_bytes, begin)

    def _attempt(self, writer: StreamWriter, write: Callable[[], bool]) -> bool:
        try:
            taken = write()
        except OSError as error:
            taken = self._once_more(writer, error, write)
        except Exception as error:  # noqa: BLE001 - a fault of ours is not the caller's
            taken = self._failed(error)
        if self._has_begun:
            self._announce(taken=taken)
        return taken

    def _once_more(self, writer: StreamWriter, error: OSError, write: Callable[[], bool]) -> bool:
        """Make room on a full disk and try once more; else leave the disk alone for a while."""
        try:
            if error.errno in FULL and self._limits.make_way():
                return write()
        except OSError as second:
            error = second
        except Exception as failure:  # noqa: BLE001 - a fault of ours is not the caller's
            return self._failed(failure)
        writer.seal()
        if not isinstance(error, NotNowError):
            self._trouble.refused(error)
        return False

    def _failed(self, error: Exception) -> bool:
        self._trouble.say(f"otbridge cannot spool a record: {type(error).__name__}: {error}.")
        return False

    def _announce(self, *, taken: bool) -> None:
        self._has_begun = False
        if taken:
            self._trouble.worked()
        self._on_begun()

    def _append_large(self, signal: Signal, entry: Entry, severity: int) -> bool:
        """Write what is too large for a frame of one record as a request of one."""
        envelope, record = entry
        try:
            if max(len(record), len(envelope.resource) + len(envelope.scope)) <= MAX_RECORD_BYTES:
                return False
            request = compose([entry])
        except Exception as error:  # noqa: BLE001 - as above
            return self._failed(error)
        return self.append_request(signal, request, "none", 1, severity)

    def _commit(self, writer: StreamWriter) -> bool:
        """Wait for the disk; what it cannot sync is written nevertheless, and that is said."""
        try:
            writer.commit(writer.end)
        except OSError as error:
            writer.seal()
            self._cannot_sync(error)
        return True

    def _cannot_sync(self, error: OSError) -> None:
        """Go on without syncing: after a failed one, a second that succeeds would mean nothing."""
        self._syncs = False
        if self._settings.durability == "power":
            self._may_sync_again = self._clock.monotonic() + self._settings.retry_s
        self._trouble.say(
            f"otbridge cannot sync its spool: {error}. Records are written, and survive the end of "
            "the process, but perhaps not a loss of power."
        )
