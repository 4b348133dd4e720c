"""Frames: what is written is read, and nothing else is."""

from __future__ import annotations

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.spool.frames import (
    DAMAGED,
    ENVELOPE,
    RECORD,
    REQUEST,
    TORN,
    claimed_records,
    envelope_frame,
    is_resent,
    read_envelope,
    read_request,
    record_frame,
    request_frame,
    scan,
)

SALT = 0x1234ABCD
PAYLOADS = st.lists(st.binary(max_size=200), max_size=8)


def kinds(data: bytes, sequence: int = 0) -> list[int]:
    return [kind for kind, *_ in scan(data, SALT, sequence)]


@given(PAYLOADS)
def test_records_are_read_as_they_were_written(payloads: list[bytes]) -> None:
    """In their order, with their numbers, byte for byte."""
    data = b"".join(record_frame(SALT, n, 7, payload) for n, payload in enumerate(payloads))
    found = [(kind, number, data[start:end]) for kind, number, start, end in scan(data, SALT)]
    assert found == [
        (RECORD, n, (7).to_bytes(4, "little") + payload) for n, payload in enumerate(payloads)
    ]


@given(st.binary(max_size=99), st.binary(max_size=99), st.integers(0, 2**32 - 1))
def test_an_envelope_keeps_resource_and_scope_apart(res: bytes, scope: bytes, number: int) -> None:
    """Whatever is in them."""
    data = envelope_frame(SALT, 3, number, res, scope)
    ((kind, _, start, end),) = scan(data, SALT)
    assert kind == ENVELOPE
    assert read_envelope(data, start, end) == (number, res, scope)


def test_a_request_keeps_its_encoding_and_its_number_of_records() -> None:
    """The bytes are the very ones that could not be sent."""
    data = request_frame(SALT, 3, "gzip", 512, b"body")
    ((kind, number, start, end),) = scan(data, SALT)
    assert (kind, number) == (REQUEST, 3)
    assert read_request(data, start, end) == ("gzip", 512, b"body")
    assert not is_resent(data, start)


def test_a_request_says_that_it_may_have_been_sent() -> None:
    """Beside its encoding, so that a process that ends leaves the mark to the next."""
    data = request_frame(SALT, 3, "zstd", 2, b"body", resent=True)
    ((_, _, start, end),) = scan(data, SALT)
    assert is_resent(data, start)
    assert read_request(data, start, end) == ("zstd", 2, b"body")


def test_the_format_is_what_the_essay_says() -> None:
    """Byte by byte: another version of otbridge, or another language, has to be able to read it."""
    data = record_frame(SALT, 5, 2, b"record")
    assert data[:4] == b"\xf5\xb1\x01\x02"
    assert data[4:8] == bytes.fromhex("cdab3412")
    assert data[12:16] == (4 + 6).to_bytes(4, "little")
    assert data[16:24] == (5).to_bytes(8, "little")
    assert data[24:] == (2).to_bytes(4, "little") + b"record"
    assert data[8:12] == crc32(data[:8] + data[12:]).to_bytes(4, "little")


@given(st.binary(max_size=300), PAYLOADS)
def test_bytes_before_good_frames_are_passed_over(rubbish: bytes, payloads: list[bytes]) -> None:
    """However they look; all that is good behind them is found."""
    data = b"".join(record_frame(SALT, n, 0, payload) for n, payload in enumerate(payloads))
    found = list(scan(rubbish + data, SALT))
    good = [item for item in found if item[0] == RECORD]
    assert [number for _, number, _, _ in good] == list(range(len(payloads)))


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    """To their end, without an exception, without finding anything in them."""
    found = list(scan(data, SALT))
    assert all(kind in {DAMAGED, TORN} for kind, *_ in found)
    assert not found or found[-1][3] == len(data)


def test_a_frame_of_another_segment_is_not_taken() -> None:
    """The salt tells them apart: blocks that a file system mixed up, or a copy in a record."""
    assert kinds(record_frame(SALT + 1, 0, 0, b"x")) == [DAMAGED]


def test_an_old_frame_behind_a_newer_one_is_not_taken() -> None:
    """After damage, numbers only go up."""
    data = record_frame(SALT, 9, 0, b"new") + b"?" + record_frame(SALT, 3, 0, b"old")
    assert kinds(data) == [RECORD, DAMAGED]


def test_a_frame_is_torn_only_where_nothing_good_follows() -> None:
    """A length that was damaged must not hide what comes after it."""
    first, second = record_frame(SALT, 0, 0, b"a" * 50), record_frame(SALT, 1, 0, b"b")
    longer = first[:14] + b"\x01" + first[15:]
    assert kinds(longer + second) == [DAMAGED, RECORD]
    assert kinds(longer) == [TORN]
    assert kinds(first + second[:-1]) == [RECORD, TORN]
    assert kinds(first + second[:5]) == [RECORD, TORN]


def test_a_damaged_frame_tells_how_many_records_it_held() -> None:
    """As far as that can be believed; else it was one."""
    request = request_frame(SALT, 0, "none", 500, b"body")
    assert claimed_records(request[:-1] + b"?", 0, SALT) == 500
    assert claimed_records(request[:25] + b"?" + request[26:], 0, SALT) == 1
    assert claimed_records(envelope_frame(SALT, 0, 0, b"", b""), 0, SALT) == 0
    assert claimed_records(record_frame(SALT, 0, 0, b""), 0, SALT) == 1
    assert claimed_records(b"\0" * 40, 0, SALT) == 1
