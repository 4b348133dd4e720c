"""An entry comes back as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.spool.frames import REQUEST, request_frame, scan
from otbridge.hub.receive_log.entries import Entry, Kept, frame_of, read_entry

if TYPE_CHECKING:
    from otbridge.typing import Signal

SIGNALS: tuple[Signal, ...] = ("logs", "traces", "metrics")


@given(
    signal=st.sampled_from(SIGNALS),
    request=st.binary(max_size=200),
    received_ns=st.integers(0, 2**64 - 1),
    records=st.integers(1, 2**32 - 1),
    key=st.none() | st.tuples(st.text(max_size=40), st.integers(0, 2**64 - 1)),
    announced=st.booleans(),
    resent=st.booleans(),
)
def test_an_entry_comes_back_as_it_was_written(
    signal: Signal,
    request: bytes,
    received_ns: int,
    records: int,
    key: tuple[str, int] | None,
    *,
    announced: bool,
    resent: bool,
) -> None:
    wrote = Entry(signal, request, received_ns, records, key, announced, resent)
    data = frame_of(wrote, 7, 99)
    ((kind, position, start, end),) = scan(data, 7)
    assert (kind, position) == (REQUEST, 99)
    assert read_entry(data, start, end) == wrote


def test_a_request_of_somebody_else_is_none() -> None:
    data = request_frame(7, 0, "none", 1, b"short")
    ((_, _, start, end),) = scan(data, 7)
    with pytest.raises(ValueError, match="no received request"):
        read_entry(data, start, end)


def test_the_store_knows_an_entry_by_the_senders_key_or_by_its_place() -> None:
    entry = Entry("logs", b"", 1, 3)
    assert Kept(8, 0xAB, entry).key == ("receive-log/000000ab", 8)
    assert Kept(8, 0xAB, entry._replace(key=("page", 4))).key == ("page", 4)
    assert Kept(8, 0xAB, entry).end == 11
    assert Kept(8, 0xAB, entry._replace(records=0)).end == 9
