"""A walk over a request takes time in proportion to its size, whatever is in it."""

from __future__ import annotations

import time

import pytest

from otbridge.errors import LimitExceeded
from otbridge.wire.otlp_walk import walk
from otbridge.wire.protobuf import field, varint


def length_delimited(number: int, payload: bytes) -> bytes:
    return field(varint(number << 3 | 2), payload)


RESOURCE = length_delimited(1, b"\x0a\x03key") * 20


def test_what_comes_in_many_parts_is_merged_in_one_go() -> None:
    """Adding them up one by one took a minute for what four megabytes can hold."""
    request = length_delimited(
        1, length_delimited(1, RESOURCE) * 40_000 + length_delimited(3, b"url")
    )
    began = time.process_time()
    (resource,) = walk(request)
    assert time.process_time() - began < 1
    assert resource.resource == RESOURCE * 40_000
    assert resource.schema_url == "url"


@pytest.mark.parametrize(
    "filler",
    [b"\x0a\x00", b"\x1a\x00", b"\x7a\x00", b"\x20\x01", b"\x25abcd"],
    ids=["resources", "schema URLs", "unknown messages", "unknown numbers", "unknown floats"],
)
@pytest.mark.parametrize("deep", [False, True], ids=["in a resource", "in a scope"])
def test_what_says_nothing_is_not_read_for_long(filler: bytes, deep: bool) -> None:
    inner = filler * 3_000_000
    request = length_delimited(1, length_delimited(2, inner) if deep else inner)
    began = time.process_time()
    with pytest.raises(LimitExceeded):
        walk(request)
    assert time.process_time() - began < 1
