"""S5, S6, H3: what is answered where everything is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.answer import JSON, taken_whole
from otbridge.testing.conform.server.check import Check, each_signal
from otbridge.testing.conform.server.checks.partial_success import mixed
from otbridge.testing.conform.server.requests import plain, plain_json

if TYPE_CHECKING:
    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS"]


def _empty(bench: Bench, signal: Signal) -> Finding:
    return taken_whole(bench.export(signal, b""))


def _message(bench: Bench, signal: Signal) -> Finding:
    return _is_full_success(bench.export(signal, plain(signal)))


def _json_message(bench: Bench) -> Finding:
    signal = bench.served_json[0]
    return _is_full_success(bench.http.export_json(signal, plain_json(signal)))


def _is_full_success(answer: Answer) -> Finding:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceResponse,
    )

    kind = "a response message"
    try:
        if answer.content_type == JSON or answer.body[:1] == b"{":
            document = msgspec.json.decode(answer.body, type=dict)
            has_partial = document.get("partialSuccess") is not None
        else:
            response = ExportTraceServiceResponse.FromString(answer.body)
            has_partial = response.HasField("partial_success")
    except (msgspec.MsgspecError, RecursionError, DecodeError):
        return failed(f"the body is not {kind}: {answer.body[:40]!r}")
    if has_partial:
        return failed(f"{answer.words}: partial_success is set")
    return passed(f"{kind} of {len(answer.body)} bytes")


def _exactly_200(bench: Bench, signal: Signal) -> Finding:
    return _is_200(bench.export(signal, plain(signal)))


def _exactly_200_in_part(bench: Bench) -> Finding:
    answer = mixed(bench)
    if not answer.rejected:
        return not_applicable(f"it rejects no single record: {answer.words}")
    return _is_200(answer)


def _is_200(answer: Answer) -> Finding:
    return (passed if answer.status == "200" else failed)(answer.words)


CHECKS: Final = (
    Check("S5", "takes an empty request", each_signal(_empty), level="SHOULD"),
    Check("S6", "answers with a response message, partial_success unset", each_signal(_message)),
    Check("S6", "does so in JSON, too", _json_message, protocols=("http",), json=True, basis=False),
    Check("H3", "answers 200 to a success", each_signal(_exactly_200), protocols=("http",)),
    Check(
        "H3",
        "answers 200 to a partial success",
        _exactly_200_in_part,
        protocols=("http",),
        signal="traces",
    ),
)
"""In the order in which they are reported."""
