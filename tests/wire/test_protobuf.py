"""The wire format."""

from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import UInt64Value
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from otbridge.errors import MalformedData
from otbridge.wire.protobuf import BYTES, FIXED32, FIXED64, VARINT, field, varint, walk


def field_by_library(number: int) -> bytes:
    """Return field 1 of some message that has an uint64 there."""
    return UInt64Value(value=number).SerializeToString()


@given(st.integers(1, (1 << 64) - 1))
def test_a_varint_is_what_the_protobuf_library_makes(number: Any) -> None:
    assert field_by_library(number) == b"\x08" + varint(number)


@given(st.integers(-(1 << 63), -1))
def test_a_negative_number_is_written_as_twos_complement(number: Any) -> None:
    assert varint(number) == varint(number + (1 << 64))


@given(st.integers(0, (1 << 64) - 1))
def test_a_number_that_was_written_is_read_again(number: Any) -> None:
    data = b"\x08" + varint(number)
    (found,) = walk(data)
    assert found.varint(data) == number


def test_every_field_of_a_real_message_is_walked_over() -> None:
    record = LogRecord(
        time_unix_nano=5,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        flags=1,
        trace_id=bytes(16),
        event_name="e",
    )
    data = record.SerializeToString()

    fields = list(walk(data))

    assert {(f.number, f.wire_type) for f in fields} == {
        (1, FIXED64),
        (2, VARINT),
        (8, FIXED32),
        (9, BYTES),
        (12, BYTES),
    }
    assert b"".join(data[f.tag : f.end] for f in fields) == data


def test_a_field_carries_its_length() -> None:
    assert field(b"\x0a", b"x" * 300) == b"\x0a\xac\x02" + b"x" * 300


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",  # no length
        b"\x0a\x05abc",  # longer than the message
        b"\x08",  # no value
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a varint of eleven bytes
        b"\x0b",  # a group
        b"\x0f",  # wire type 7
        b"\x0d\x00\x00",  # half a fixed32
        b"\x02\x00",  # field number 0
    ],
)
def test_bytes_that_are_no_message_are_refused(data: Any) -> None:
    with pytest.raises(MalformedData):
        list(walk(data))


@given(st.binary(max_size=200))
def test_noise_is_either_a_message_or_malformed(noise: Any) -> None:
    try:
        fields = list(walk(noise))
    except MalformedData:
        return
    assert b"".join(noise[f.tag : f.end] for f in fields) == noise
