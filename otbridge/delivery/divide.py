"""Saving what is good in a batch that is refused as a whole.

A request that is too large is halved until its parts fit; a single record that still does not fit
is refused alone, and a stub stands in for it. A request that is refused as bad data is searched
for the record that is at fault, so that it does not take thousands of innocent ones with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.delivery.reasons import is_bad_data, is_too_large
from otbridge.delivery.stub import make_stub
from otbridge.typing import Rejected, Success

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otbridge.delivery.batch import Batch, Entry
    from otbridge.delivery.sender import Sender
    from otbridge.typing import SendResult

    Part = tuple[Batch, SendResult]

__all__ = ["Divider"]

_FRUITLESS: Final = 32
"""Refusals in a row for the size after which it is not the size: a batch that is halved down to one
record and up again has twice log₂ 8192. A quota that is used up says RESOURCE_EXHAUSTED, too, and
is not to be asked once for every record."""
_CULPRITS: Final = 4
"""Bad records that are searched for in one batch; each takes log₂ of its records in requests."""


class Divider:
    """Sends a batch, in parts where that helps.

    Args:
        chain: Sends one batch.
        on_too_large: Told the plain size of what was refused for its size, and taken in parts.
    """

    def __init__(
        self, chain: Sender, on_too_large: Callable[[int], None] = lambda _size: None
    ) -> None:
        self._chain = chain
        self._on_too_large = on_too_large
        self._refusals = 0
        self._searching = True
        """Off after a search that saved nothing: then it is not single records that are refused,
        and searching every batch would cost much for nothing. A success switches it on again."""

    def send(self, batch: Batch) -> Iterator[Part]:
        """Yield parts of *batch* that together are all of it, each with the answer to it."""
        self._refusals = 0
        yield from self._send(batch)

    def _send(self, batch: Batch) -> Iterator[Part]:
        result = self._chain.send(batch)
        if isinstance(result, Success):
            self._searching = True
            self._refusals = 0
        if not isinstance(result, Rejected):
            yield batch, result
        elif is_too_large(result.reason):
            yield from self._shrink(batch, result)
        elif is_bad_data(result.reason) and len(batch) > 1 and self._searching:
            yield from self._search(batch, result)
        else:
            yield batch, result

    def _shrink(self, batch: Batch, result: Rejected) -> Iterator[Part]:
        self._refusals += 1
        if self._refusals > _FRUITLESS:
            yield batch, result
        elif len(batch) == 1:
            yield batch, result
            self._send_stub(batch)
        else:
            first, second = batch.halves()
            yield from self._send(first)
            if self._refusals > _FRUITLESS:
                yield second, result
                return
            yield from self._send(second)
            if self._refusals == 0:  # the second half was taken
                self._on_too_large(len(batch.request))

    def _send_stub(self, batch: Batch) -> None:
        """Send what stands in for a record: ours, so it is neither counted nor tried again."""
        envelope, record = batch.entries[0]
        stub = make_stub(batch.signal, record)
        if stub is not None and len(stub) < len(record):
            self._chain.send(batch.part([(envelope, stub)]))

    def _search(self, batch: Batch, refusal: Rejected) -> Iterator[Part]:
        """Find the records that are at fault, one after the other, and send what is left.

        Each round halves what is known to hold a culprit by sending one half: if it is taken, the
        culprit is in the other; if not, the other is innocent as far as we know, and is sent with
        all such rests at the end of the round.
        """
        saved = False
        for _ in range(_CULPRITS):
            rests: list[Entry] = []
            while len(batch) > 1:
                half, other = batch.halves()
                result = self._chain.send(half)
                if _is_refusal(result):
                    rests = [*other.entries, *rests]
                    batch = half
                elif isinstance(result, Success):
                    saved = True
                    yield half, result
                    batch = other
                else:  # something else is the matter now: what is left stays together
                    yield batch.part([*batch.entries, *rests]), result
                    return
            yield batch, refusal
            if not rests:
                return
            batch = batch.part(rests)
            result = self._chain.send(batch)
            if not _is_refusal(result):
                yield batch, result
                return
        self._searching = saved
        yield batch, refusal


def _is_refusal(result: SendResult) -> bool:
    return isinstance(result, Rejected) and is_bad_data(result.reason)
