"""Reading what waits for one destination: a batch at a time, kept until it is acknowledged."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, Final

from otbridge.delivery.spool.names import destination_key
from otbridge.delivery.spool.place import Place
from otbridge.delivery.spool.recovery import move_to_quarantine

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.delivery.spool.files import Files
    from otbridge.delivery.spool.folder import Folder
    from otbridge.delivery.spool.spooled import SpooledBatch
    from otbridge.delivery.spool.stream import Segment, Stream
    from otbridge.delivery.spool.trouble import Trouble
    from otbridge.typing import Signal

    Source = tuple[Folder, Stream]

__all__ = ["SpoolReader"]

_UNREADABLE: Final = frozenset({errno.EIO, errno.EBADMSG, errno.EINVAL, errno.EISDIR, errno.ELOOP})
"""What will not pass; other errors (too many open files, no memory) are tried again."""


class SpoolReader:
    """The records of one signal that one destination does not have yet.

    Of this process and of those whose folders it has taken over, in turn; of each, ERROR and
    above first. For one thread at a time.

    Args:
        destination: A stable name of the destination, e.g. its sink's; kept as a hash.
        signal: Which records.
        files: The file system.
        trouble: Told of what cannot be read.
        sources: Gives the streams that there are.
        destinations: Gives the keys of all destinations of this signal: what all of them have
            leaves the disk.
        on_drained: Told of a folder that may have nothing more.
    """

    def __init__(
        self,
        destination: str,
        signal: Signal,
        *,
        files: Files,
        trouble: Trouble,
        sources: Callable[[Signal], list[Source]],
        destinations: Callable[[Signal], list[str]],
        on_drained: Callable[[Folder], None],
    ) -> None:
        self.key = destination_key(destination)
        self.signal = signal
        self._files = files
        self._trouble = trouble
        self._sources = sources
        self._destinations = destinations
        self._on_drained = on_drained
        self.acknowledged = 0
        """Records that this destination has had from here."""
        self.forget()

    def forget(self) -> None:
        """Begin anew: in a forked child, or after folders were closed."""
        self._lock = threading.RLock()
        self._places: dict[int, Place] = {}
        self._turn = 0
        self._current: SpooledBatch | None = None

    @property
    def waiting(self) -> int:
        """Records that this destination does not have yet."""
        waiting = 0
        for folder, stream in self._sources(self.signal):
            with folder.lock:
                waiting += stream.waiting(stream.cursor(self.key))
        return waiting

    def next_batch(self, max_bytes: int, max_records: int) -> SpooledBatch | None:
        """Return the next records; the same ones again until they are acknowledged.

        Never raises: what cannot be read is counted as `corrupt`, or tried again later.

        Args:
            max_bytes: Limit of their bytes; a single record, or a request, may be larger.
            max_records: Limit of their number; a request may have more.

        Returns:
            None if nothing waits.
        """
        with self._lock:
            current = self._current
            if current is not None and not current.segment.gone:
                return current
            self._current = None
            for place in self._in_turn():
                batch = self._read(place, max_bytes, max_records)
                if batch is not None:
                    self._current = batch
                    return batch
            return None

    def ack(self, batch: SpooledBatch) -> int:
        """Settle *batch*: this destination has it, or refused it for good.

        Returns:
            How many records of it were still held. 0 where limits had given it up meanwhile: its
            records were counted as lost then, whatever has become of them.
        """
        with self._lock:
            self._current = None
            self._turn += 1
            if not self._settle(batch.place, batch.segment, batch.end, batch.losses):
                return 0
            if len(self._destinations(self.signal)) == 1:
                batch.place.let_go()
            batch.place.move_on()
            self.acknowledged += batch.records
            return batch.records

    def _in_turn(self) -> list[Place]:
        """Return where to look, the place of the last batch behind those that waited for it."""
        sources = self._sources(self.signal)
        places = []
        for folder, stream in sources:
            place = self._places.get(id(stream))
            if place is None or place.stream is not stream:
                place = self._places[id(stream)] = Place(self._files, folder, stream, self.key)
            places.append(place)
        if len(self._places) > len(places):
            self._places = {id(place.stream): place for place in places}
        shift = self._turn % len(places) if places else 0
        places = places[shift:] + places[:shift]
        return sorted(places, key=lambda place: not place.stream.is_error)

    def _read(self, place: Place, max_bytes: int, max_records: int) -> SpooledBatch | None:
        try:
            while place.enter():
                batch = place.take(max_bytes, max_records)
                if batch is not None:
                    return batch
                segment, losses = place.segment, place.leave()
                if segment is None or losses is None:
                    return None
                self._settle(place, segment, segment.end, losses)
        except FileNotFoundError:
            self._give_up(place, "is gone")
        except OSError as error:
            self._trouble.say(f"otbridge cannot read its spool: {error}.")
            if error.errno in _UNREADABLE:
                self._give_up(place, "cannot be read")
        return None

    def _give_up(self, place: Place, why: str) -> None:
        segment = place.segment
        if segment is None or segment.open or segment.gone:
            return
        self._trouble.say(f"otbridge: a segment of the spool {why}; its records are lost.")
        move_to_quarantine(self._files, place.folder, segment.name)
        losses = [(place.sequence, segment.end - place.sequence)]
        self._settle(place, segment, segment.end, losses)

    def _settle(
        self, place: Place, segment: Segment, end: int, losses: list[tuple[int, int]]
    ) -> bool:
        """Move the cursor to *end*; False if *segment* was given up meanwhile, and counted."""
        with place.folder.lock:
            if segment.gone:
                return False
            place.stream.advance(self.key, end, losses)
        place.folder.release(place.stream, self._destinations(self.signal))
        if not place.stream.segments:
            self._on_drained(place.folder)
        return True
