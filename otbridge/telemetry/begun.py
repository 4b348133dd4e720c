"""Which spans have begun and not ended, found out without a word from those that end.

Nearly every span ends soon. So the last few that began are kept in a list; when that is full, those
that have ended meanwhile are let go, and the rest moves to where a span is held by a weak reference
only: what nobody holds any more will never end. There too the list is looked through each time it
has doubled. A span costs an append and its share of the looking: a tenth of a microsecond.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

if TYPE_CHECKING:
    from otbridge.wire.otlp_request import Envelope

__all__ = ["BegunSpans"]

_YOUNG: Final = 128
"""Spans that are held whether they have ended or not: few enough to stay in the processor's cache."""
_MOST_LASTING: Final = 10_000
"""Spans that are open longer than their neighbours. Beyond, the new ones are not kept; nobody hears
of those again while they are open."""


class BegunSpans:
    """A book of open spans, for any number of threads; its size is bounded."""

    def __init__(self) -> None:
        self._young: list[tuple[Any, Envelope]] = []
        self._lasting: list[tuple[ref[Any], Envelope]] = []
        self._look_at = 2 * _YOUNG
        self._looking = threading.Lock()

    def add(self, span: Any, envelope: Envelope) -> None:
        """Take note that *span* has begun."""
        young = self._young
        young.append((span, envelope))
        # Where another thread is looking already, the list may become a little longer.
        if len(young) >= _YOUNG and self._looking.acquire(blocking=False):
            try:
                self._sort_young()
            finally:
                self._looking.release()

    def open(self) -> list[tuple[Any, Envelope]]:
        """Return the spans that are open, in the order in which they began."""
        with self._looking:
            self._look_through()
            self._sort_young()
            found = [(span(), envelope) for span, envelope in self._lasting]
        return [each for each in found if each[0] is not None]

    def _sort_young(self) -> None:
        count = len(self._young)  # what is appended meanwhile stays for the next time
        lasting = [each for each in self._young[:count] if each[0].end_time is None]
        del self._young[:count]
        if len(self._lasting) + len(lasting) > self._look_at:
            self._look_through()
        room = _MOST_LASTING - len(self._lasting)
        self._lasting += [(ref(span), envelope) for span, envelope in lasting[:room]]

    def _look_through(self) -> None:
        self._lasting = [each for each in self._lasting if _is_open(each[0]())]
        left = len(self._lasting)
        # When it is full, too; but not with every few spans where so many are really open.
        self._look_at = max(min(2 * (left + _YOUNG), _MOST_LASTING), left + left // 4)


def _is_open(span: Any) -> bool:
    return span is not None and span.end_time is None
