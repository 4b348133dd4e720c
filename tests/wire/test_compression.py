"""Compression, and the ceiling on what comes out."""

import gzip
import os
import time
import tracemalloc
import zlib
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from otbridge.errors import ConfigurationError, LimitExceeded, MalformedData
from otbridge.hub.limits import MAX_BODY_BYTES
from otbridge.wire.compression import (
    MOST_PARTS,
    RATIO_FREE_BYTES,
    RATIO_LIMIT,
    compress,
    decompress,
)

MEBIBYTE = 1 << 20


@given(st.binary(), st.sampled_from(["gzip", "zstd", "none"]))
def test_what_was_compressed_comes_out_again(data: Any, encoding: Any) -> None:
    assert decompress(compress(data, encoding), encoding, 10_000) == data


def test_gzip_is_what_everybody_reads() -> None:
    assert gzip.decompress(compress(b"hello", "gzip")) == b"hello"


def test_deflate_means_zlib() -> None:
    assert decompress(zlib.compress(b"hello"), "deflate", 10) == b"hello"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_members_that_follow_each_other_are_one_body(encoding: Any) -> None:
    data = compress(b"one", encoding) + compress(b"two", encoding)
    assert decompress(data, encoding, 100) == b"onetwo"


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_a_body_over_the_limit_is_refused(encoding: Any) -> None:
    data = os.urandom(2000)
    packed = data if encoding == "identity" else compress(data, encoding)
    assert decompress(packed, encoding, 2000) == data
    with pytest.raises(LimitExceeded, match="1,999 bytes"):
        decompress(packed, encoding, 1999)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_it_fills_the_memory(encoding: Any) -> None:
    bomb = compress(bytes(200 * MEBIBYTE), encoding)
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded, match="200 times"):
            decompress(bomb, encoding, 1 << 40)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < max(RATIO_FREE_BYTES, 250 * len(bomb)) + 4 * MEBIBYTE


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_what_may_come_plain_may_come_compressed_however_well(encoding: Any) -> None:
    data = bytes(MAX_BODY_BYTES)
    packed = zlib.compress(data, 9) if encoding == "deflate" else compress(data, encoding)
    assert len(packed) * RATIO_LIMIT < len(data)
    assert decompress(packed, encoding, MAX_BODY_BYTES) == data


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@given(data=st.binary(min_size=1, max_size=300), cut=st.integers(1, 20))
def test_a_body_that_is_cut_short_is_malformed(encoding: Any, data: Any, cut: Any) -> None:
    packed = zlib.compress(data) if encoding == "deflate" else compress(data, encoding)
    with pytest.raises(MalformedData):
        decompress(packed[: -min(cut, len(packed) - 1)], encoding, 10_000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@given(noise=st.binary(min_size=1, max_size=100))
def test_noise_is_refused_and_never_crashes(encoding: Any, noise: Any) -> None:
    try:
        decompress(noise, encoding, 10_000)
    except (MalformedData, LimitExceeded):
        pass


@pytest.mark.parametrize(
    ("encoding", "part"),
    [
        ("gzip", gzip.compress(b"", mtime=0)),
        ("zstd", zstandard.ZstdCompressor().compress(b"")),
        ("zstd", b"\x50\x2a\x4d\x18" + bytes(4)),
    ],
    ids=["gzip members", "zstd frames", "zstd skippable frames"],
)
def test_a_million_parts_that_hold_nothing_cost_next_to_nothing(encoding: Any, part: Any) -> None:
    began = time.process_time()
    assert decompress(part * (MOST_PARTS // 2), encoding, 10) == b""
    with pytest.raises(LimitExceeded, match="parts"):
        decompress(part * 1_000_000, encoding, 10)
    assert time.process_time() - began < 1


def test_zstd_blocks_that_hold_nothing_are_parts_too() -> None:
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(b"hi")
    head = frame[: zstandard.frame_header_size(frame)]
    with pytest.raises(LimitExceeded, match="parts"):
        decompress(head + bytes(3) * 1_000_000, "zstd", 10)


def test_zstd_frames_without_a_size_and_with_a_checksum_are_read() -> None:
    frame = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(b"hi")
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    assert decompress(frame + skippable + frame, "zstd", 100) == b"hihi"
    with pytest.raises(MalformedData):
        decompress(frame[:-1], "zstd", 100)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(MalformedData, match="'br'"):
        decompress(b"", "br", 10)
    with pytest.raises(ConfigurationError, match="Use 'gzip'"):
        compress(b"", "brotli")
