"""What a reader hands out: records to be sent, and what it has to know when they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.wire.compression import decompress
from otbridge.wire.otlp_request import compose, split_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otbridge.delivery.batch import Entry
    from otbridge.delivery.spool.place import Place
    from otbridge.delivery.spool.stream import Segment

__all__ = ["SpooledBatch"]

_MAX_PLAIN_BYTES: Final = 64 << 20
"""What a spooled request may inflate to."""


class SpooledBatch:
    """Records of one stream, in their order, to be sent in one request.

    Either `entries`, to be composed, or `request`, which was composed before.
    """

    __slots__ = (
        "encoding",
        "end",
        "entries",
        "losses",
        "place",
        "records",
        "request",
        "resent",
        "segment",
    )

    def __init__(
        self,
        place: Place,
        segment: Segment,
        entries: list[Entry],
        *,
        request: tuple[str, int, bytes] | None,
        end: int,
        losses: list[tuple[int, int]],
        resent: bool = False,
    ) -> None:
        self.entries: Sequence[Entry] = entries
        """(envelope, framed record) pairs; empty for a request."""
        self.encoding, self.records, self.request = request or ("none", len(entries), b"")
        """`none`, `gzip` or `zstd`; how many records; an Export*ServiceRequest, or nothing."""
        self.resent = resent
        """Whether some of them may have been sent before."""
        self.place = place
        self.segment = segment
        self.end = end
        self.losses = losses

    def __len__(self) -> int:
        return self.records

    def unpack(self) -> Sequence[Entry]:
        """Return its records, whatever they are kept as.

        Raises:
            MalformedData: a request cannot be taken apart; it passed its check, so this is how
                it was written.
            LimitExceeded: it inflates to more than 64 MiB.
            ConfigurationError: it is compressed with zstd, which is not installed any more.
        """
        if not self.request:
            return self.entries
        plain = decompress(self.request, self.encoding, _MAX_PLAIN_BYTES)
        return split_request(self.place.stream.signal, plain)

    def plain_request(self) -> bytes:
        """Return one uncompressed request with all of it; raises as `unpack` does."""
        if not self.request:
            return compose(self.entries)
        return decompress(self.request, self.encoding, _MAX_PLAIN_BYTES)
