"""Millions of records in minutes: some thousand real ones, with what tells them apart made new.

Making a record with the protobuf library takes longer than storing it. Here each trace of
`hub_traffic` is a mould: its id, its times, its one word and the number in its log lines are
written over in the bytes, and everything else (services, names, parents, most attributes) comes
again after some thousand traces.
"""

from __future__ import annotations

import random
import re
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.benchmarks.hub_traffic import BATCH, SERVICES, TRACE_SPANS, records_of_trace, request_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.typing import Signal

__all__ = ["Bulk", "Request"]

_MOULDS: Final = 2_000
"""Traces that are made with the protobuf library; 2.5 ms each."""

_TRACE: Final = bytes(range(0x80, 0x90))
_WORD: Final = "5ca1ab1e0ddba11f"
_NUMBER: Final = "860413"
_START: Final = 1 << 60

_TIMES: Final[dict[Signal, tuple[str, str]]] = {
    "traces": ("start_time_unix_nano", "end_time_unix_nano"),
    "logs": ("time_unix_nano", "observed_time_unix_nano"),
}


class Request(NamedTuple):
    """A request, and when its last record began."""

    signal: Signal
    data: bytes
    time_ns: int
    records: int


class _Mould(NamedTuple):
    service: str
    data: bytes
    times: tuple[tuple[int, int], ...]
    """Where each time is, and what is added to the trace's start there."""

    def cast(self, trace: bytes, word: bytes, number: bytes, start_ns: int) -> bytes:
        data = self.data.replace(_TRACE, trace).replace(_WORD.encode(), word)
        cast = bytearray(data.replace(_NUMBER.encode(), number))
        for place, offset in self.times:
            struct.pack_into("<Q", cast, place, start_ns + offset)
        return bytes(cast)


class Bulk:
    """Traces and their logs, a log record for each span, in requests as SDKs send them.

    Args:
        traces: How many different ones are made at first; no more than will be asked for.
        seed: Another one makes others.
    """

    def __init__(self, traces: int, seed: int) -> None:
        self._chance = random.Random(seed)
        self._moulds = [
            {signal: list(self._moulds_of(signal)) for signal in _TIMES}
            for _ in range(min(traces, _MOULDS))
        ]
        self._heads = {
            (signal, service): _head(signal, service) for signal in _TIMES for service in SERVICES
        }

    def _moulds_of(self, signal: Signal) -> Iterator[_Mould]:
        records = records_of_trace(signal, self._chance, _TRACE, _WORD, _START)
        for service, record in records:
            if signal == "logs":
                record.body.string_value = re.sub(
                    r"\d+", _NUMBER, record.body.string_value, count=1
                )
            data = record.SerializeToString()
            values = [getattr(record, name) for name in _TIMES[signal]]
            places = tuple((data.index(struct.pack("<Q", at)), at - _START) for at in values)
            yield _Mould(service, data, places)

    def requests(
        self, traces: int, from_ns: int, to_ns: int, *, batch: int = BATCH
    ) -> Iterator[Request]:
        """Yield *traces* traces that begin evenly between these times, and their logs."""
        waiting: dict[tuple[Signal, str], list[bytes]] = {key: [] for key in self._heads}
        start_ns = from_ns
        for index in range(traces):
            trace, word = self.ids(from_ns, index)
            start_ns = from_ns + (to_ns - from_ns) * index // traces
            for signal, moulds in self._moulds[index % len(self._moulds)].items():
                for place, mould in enumerate(moulds):
                    number = b"%06d" % ((index * TRACE_SPANS + place) * 7_919 % 1_000_000)
                    key = signal, mould.service
                    waiting[key].append(mould.cast(trace, word.encode(), number, start_ns))
                    if len(waiting[key]) == batch:
                        yield self._request(key, waiting[key], start_ns)
                        waiting[key] = []
        for key, rest in waiting.items():
            if rest:
                yield self._request(key, rest, start_ns)

    @staticmethod
    def ids(from_ns: int, index: int) -> tuple[bytes, str]:
        """Return the id and the word of trace *index* of those that `requests` makes."""
        chance = random.Random(from_ns ^ index << 80)
        return chance.randbytes(16), f"{chance.getrandbits(64):016x}"

    def _request(self, key: tuple[Signal, str], records: list[bytes], time_ns: int) -> Request:
        resource, scope = self._heads[key]
        of_scope = scope + b"".join(_field(2, record) for record in records)
        data = _field(1, resource + _field(2, of_scope))
        return Request(key[0], data, time_ns, len(records))


def _head(signal: Signal, service: str) -> tuple[bytes, bytes]:
    """Return resource and scope of a service's requests, as the fields that they are."""
    data = request_of(signal, service, [])
    message: Any
    if signal == "traces":
        (message,) = ExportTraceServiceRequest.FromString(data).resource_spans
        (scoped,) = message.scope_spans
    else:
        (message,) = ExportLogsServiceRequest.FromString(data).resource_logs
        (scoped,) = message.scope_logs
    return (
        _field(1, message.resource.SerializeToString()),
        _field(1, scoped.scope.SerializeToString()),
    )


def _field(number: int, data: bytes) -> bytes:
    size = len(data)
    head = bytearray([number << 3 | 2])
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + data
