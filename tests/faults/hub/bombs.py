"""Requests that are small and want to become large, and what they cost a real hub.

`python -m tests.faults.hub.bombs` prints the table.
"""

# ruff: noqa: T201 - this is a program

from __future__ import annotations

import gzip
import sys
import tempfile
import zlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.faults.hub.fuzz.grpc_wire import method_of
from tests.faults.hub.fuzz.protobuf import varint
from tests.hub.hub_process import HubProcess
from tests.hub.process_tree import forget_peaks, peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACES = method_of("traces")
MILLION = 1_000_000
GIBIBYTE = 1 << 30

MOST_RISE_MEBIBYTES = 150
MOST_SECONDS = 1.0


class Bomb(NamedTuple):
    """A request."""

    make: Callable[[], bytes]
    content_type: str = PROTOBUF
    encoding: str = "identity"
    grpc: bool = False


class Cost(NamedTuple):
    """What it did to the hub."""

    size: int
    refusal: str
    """HTTP's status, or gRPC's; after `200` and `OK` the reason for which the span was refused."""
    rise_mebibytes: float
    """From before to the peak."""
    seconds: float
    """Of the hub's processor time."""


def field(number: int, value: bytes) -> bytes:
    """Return a field of a message with a length."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def spans(spans: bytes) -> bytes:
    """Return an ExportTraceServiceRequest with the ScopeSpans *spans*."""
    return field(1, field(2, spans))


def one_span(more: bytes) -> bytes:
    """Return one with a span that has *more* fields."""
    head = field(1, b"t" * 16) + field(2, b"s" * 8) + field(5, b"bomb")
    return spans(field(2, head + more))


@cache
def empty_spans() -> bytes:
    return spans(b"\x12\x00" * MILLION)


def empty_attributes() -> bytes:
    return one_span(b"\x4a\x00" * MILLION)


def empty_events() -> bytes:
    return one_span(b"\x5a\x00" * MILLION)


def empty_list_values() -> bytes:
    return one_span(field(9, field(1, b"k") + field(2, field(5, b"\x0a\x00" * MILLION))))


def nested(levels: int) -> bytes:
    """Return a span with an attribute of arrays within arrays.

    The pieces are put together from the outside, so that it takes no time.
    """
    sizes = [0]
    for _ in range(levels):
        inner = sizes[-1]
        values = inner + 1 + len(varint(inner))
        sizes.append(values + 1 + len(varint(values)))
    parts = []
    for inner in reversed(sizes[:-1]):
        values = inner + 1 + len(varint(inner))
        parts.append(b"\x2a" + varint(values) + b"\x0a" + varint(inner))
    return one_span(field(9, field(1, b"k") + field(2, b"".join(parts))))


@cache
def gibibyte(encoding: str) -> bytes:
    """Return 1 GiB of zeros, compressed."""
    piece, times = bytes(1 << 24), GIBIBYTE >> 24
    if encoding == "zstd":
        zstd = zstandard.ZstdCompressor(level=3).compressobj()
        return b"".join([*(zstd.compress(piece) for _ in range(times)), zstd.flush()])
    # What stands behind a full flush does not look back, so one piece is compressed for all.
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = packed * times + packer.flush()
    adler, crc = 1, 0
    for _ in range(times):
        adler, crc = zlib.adler32(piece, adler), zlib.crc32(piece, crc)
    if encoding == "deflate":
        return b"\x78\xda" + stream + adler.to_bytes(4, "big")  # RFC 1950
    head = b"\x1f\x8b\x08" + bytes(5) + b"\x02\xff"  # RFC 1952
    return head + stream + crc.to_bytes(4, "little") + GIBIBYTE.to_bytes(4, "little")


BOMBS = {
    "a million empty spans": Bomb(empty_spans),
    "the same in 4 kB of gzip": Bomb(lambda: gzip.compress(empty_spans()), encoding="gzip"),
    "a million empty attributes": Bomb(empty_attributes),
    "the same in gzip": Bomb(lambda: gzip.compress(empty_attributes()), encoding="gzip"),
    "a million empty events": Bomb(empty_events),
    "a million empty values in a list": Bomb(empty_list_values),
    "arrays 1,000 deep": Bomb(lambda: nested(1000)),
    "arrays 100,000 deep": Bomb(lambda: nested(100_000)),
    "1 GiB in gzip": Bomb(lambda: gibibyte("gzip"), encoding="gzip"),
    "1 GiB in deflate": Bomb(lambda: gibibyte("deflate"), encoding="deflate"),
    "1 GiB in zstd": Bomb(lambda: gibibyte("zstd"), encoding="zstd"),
    "gzip in gzip": Bomb(lambda: gzip.compress(gibibyte("gzip")), encoding="gzip, gzip"),
    "500,000 gzip members": Bomb(lambda: gzip.compress(b"") * 500_000, encoding="gzip"),
    "JSON: a million empty spans": Bomb(
        lambda: b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * MILLION + b"{}]}]}]}",
        JSON,
    ),
    "JSON: the same in gzip": Bomb(
        lambda: gzip.compress(b'{"resourceSpans":[' + b"{}," * MILLION + b"{}]}"), JSON, "gzip"
    ),
    "JSON: 10 million deep": Bomb(lambda: b'{"a":' + b"[" * 10_000_000, JSON),
    "JSON: a million attributes": Bomb(
        lambda: b'{"resourceSpans":[{"resource":{"attributes":[' + b"{}," * MILLION + b"{}]}}]}",
        JSON,
    ),
    "gRPC: a million empty spans": Bomb(empty_spans, grpc=True),
    "gRPC: the same in gzip": Bomb(empty_spans, encoding="gzip", grpc=True),
    "gRPC: a million empty attributes": Bomb(empty_attributes, encoding="gzip", grpc=True),
    "gRPC: arrays 100,000 deep": Bomb(lambda: nested(100_000), grpc=True),
    "gRPC: 64 MiB in gzip": Bomb(lambda: bytes(GIBIBYTE >> 4), encoding="gzip", grpc=True),
}


def set_off(hub: HubProcess, bomb: Bomb) -> Cost:
    """Send it to a hub; return what it cost."""
    data = bomb.make()
    before = hub.resident_bytes()
    forget_peaks(hub.process.pid)
    began = hub.cpu_s()
    refusal = _call(hub, data, bomb) if bomb.grpc else _post(hub, data, bomb)
    seconds = hub.cpu_s() - began
    return Cost(len(data), refusal, (peak_bytes(hub.process.pid) - before) / 2**20, seconds)


def _post(hub: HubProcess, data: bytes, bomb: Bomb) -> str:
    headers = {"content-type": bomb.content_type, "content-encoding": bomb.encoding}
    answer = hub.http.post("/v1/traces", content=data, headers=headers)
    return f"{answer.status_code}{_partly(answer.content) if answer.is_success else ''}"


def _call(hub: HubProcess, data: bytes, bomb: Bomb) -> str:
    compression = grpc.Compression.Gzip if bomb.encoding == "gzip" else None
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(hub.grpc, options=options) as channel:
        try:
            call: Any = channel.unary_unary(TRACES)
            answer = call(data, timeout=20, compression=compression)
        except grpc.RpcError as error:
            return str(error.code().name)
    return f"OK{_partly(answer)}"


def _partly(answer: bytes) -> str:
    message = ExportTraceServiceResponse.FromString(answer).partial_success.error_message
    return f", {message}" if message else ""


def main() -> int:
    """Set all off; return 1 where one broke its promise."""
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder)) as hub:
        hub.http.get("/healthz")
        broken = 0
        print("| bomb | bytes | answer | RSS, MiB more | seconds |\n|---|---:|---|---:|---:|")
        for name, bomb in BOMBS.items():
            cost = set_off(hub, bomb)
            broken += cost.rise_mebibytes > MOST_RISE_MEBIBYTES or cost.seconds > MOST_SECONDS
            print(
                f"| {name} | {cost.size:,} | {cost.refusal} | {cost.rise_mebibytes:.1f} |"
                f" {cost.seconds:.2f} |"
            )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
