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
    from collections.abc import Iterator

    from otbridge.delivery.batch import Batch, Entry
    from otbridge.delivery.sender import Sender
    from otbridge.typing import SendResult

    Part = tuple[Batch, SendResult]

__all__ = ["Divider"]

_CULPRITS: Final = 4
"""Bad records that are searched for in one batch; each takes log₂ of its records in requests."""


class Divider:
    """Sends a batch, in parts where that helps.

    Args:
        chain: Sends one batch.
    """

    def __init__(self, chain: Sender) -> None:
        self._chain = chain
        self._searching = True
        """Off after a search that saved nothing: then it is not single records that are refused,
        and searching every batch would cost much for nothing. A success switches it on again."""

    def send(self, batch: Batch) -> Iterator[Part]:
        """Yield parts of *batch* that together are all of it, each with the answer to it."""
        result = self._chain.send(batch)
        if isinstance(result, Success):
            self._searching = True
        if not isinstance(result, Rejected):
            yield batch, result
        elif is_too_large(result.reason):
            yield from self._shrink(batch, result)
        elif is_bad_data(result.reason) and len(batch) > 1 and self._searching:
            yield from self._search(batch, result)
        else:
            yield batch, result

    def _shrink(self, batch: Batch, result: Rejected) -> Iterator[Part]:
        if len(batch) > 1:
            for half in batch.halves():
                yield from self.send(half)
            return
        yield batch, result
        envelope, record = batch.entries[0]
        stub = make_stub(batch.signal, record)
        if stub is not None and len(stub) < len(record):
            # Ours, not the caller's: neither counted nor tried again.
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
