"""Which traces the older files may have, told without asking each of them.

All of a trace is kept in one file, so where a trace that today's file does not know lives has to be
asked of every other: with two weeks of files that is a fifth of what storing a span costs. Nearly
always the answer is that nobody has it. A Bloom filter over all of them gives that answer at once,
and never when it is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otbridge.hub.store.sqlite.writing.day_writer import DayWriter

__all__ = ["OlderTraces"]

_BITS: Final = 25
"""Of the filter's size: 4 MiB. With three million traces one in a hundred that are new is asked
about in vain, with ten million one in four."""

_PROBES: Final = (0, 1, 2, 3)

_READ_AT_ONCE: Final = 10_000
"""Ids that are read in between two commits: some 15 ms."""


class OlderTraces:
    """The traces of all files but the newest. Used by the writer's thread only.

    Files are read in piece by piece. Until one is read to its end, it is not in `days` and has to
    be asked; so has every file to which new traces go.
    """

    def __init__(self) -> None:
        self.days: frozenset[str] = frozenset()
        """The files whose traces are known here."""
        self._filter = bytearray(1 << (_BITS - 3))
        self._reading = ""
        self._last = b""

    def may_have(self, trace_id: bytes) -> bool:
        """Whether one of `days` may have the trace; False is certain."""
        number = hash(trace_id)  # random in each process: nobody can choose ids that collide
        step = number >> 32 | 1
        bits, mask = self._filter, (1 << _BITS) - 1
        for probe in _PROBES:
            place = (number + probe * step) & mask
            if not bits[place >> 3] & 1 << (place & 7):
                return False
        return True

    def add(self, trace_ids: Iterable[bytes]) -> None:
        """Add the traces with these ids."""
        bits, mask = self._filter, (1 << _BITS) - 1
        for trace_id in trace_ids:
            number = hash(trace_id)
            step = number >> 32 | 1
            for probe in _PROBES:
                place = (number + probe * step) & mask
                bits[place >> 3] |= 1 << (place & 7)

    def read_some(self, writers: Mapping[str, DayWriter], newest: str) -> None:
        """Read in the next piece of the files that are not known yet, those of today last."""
        self.days &= writers.keys()
        if self._reading not in writers or self._reading == newest:
            self._reading = min(writers.keys() - self.days - {newest}, default="")
            self._last = b""
        if not self._reading:
            return
        trace_ids = writers[self._reading].trace_ids(self._last, _READ_AT_ONCE)
        self.add(trace_ids)
        if len(trace_ids) == _READ_AT_ONCE:
            self._last = trace_ids[-1]
        else:
            self.days |= {self._reading}
            self._reading = ""

    def leave_out(self, day: str) -> None:
        """Take out a file that new traces go to: an older one, when a clock was set back."""
        self.days -= {day}
