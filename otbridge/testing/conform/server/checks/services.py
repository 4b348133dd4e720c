"""S11, H1, H8: where the server serves, and what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Finding, failed, passed
from otbridge.testing.conform.server.answer import PROTOBUF, taken_whole
from otbridge.testing.conform.server.check import Check, all_of
from otbridge.testing.conform.server.requests import plain, plain_json

if TYPE_CHECKING:
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS"]


def _serves(bench: Bench) -> Finding:
    return all_of((signal, _taken(bench, signal)) for signal in bench.server.signals)


def _taken(bench: Bench, signal: Signal) -> Finding:
    answer = bench.export(signal, plain(signal))
    return (passed if answer.accepted else failed)(answer.words)


def _json_too(bench: Bench) -> Finding:
    answer = bench.http.export_json(bench.signal, plain_json(bench.signal))
    return (passed if answer.accepted else failed)(answer.words)


def _chunked(bench: Bench) -> Finding:
    body = plain(bench.signal)
    half = len(body) // 2
    return taken_whole(
        bench.http.request(
            "POST",
            f"/v1/{bench.signal}",
            iter((body[:half], body[half:])),
            {"content-type": PROTOBUF},
        )
    )


CHECKS: Final = (
    Check(
        "S11",
        "serves Export of each signal",
        _serves,
        protocols=("grpc",),
        basis=False,
    ),
    Check(
        "H1",
        "takes a POST on the path of each signal",
        _serves,
        protocols=("http",),
        basis=False,
    ),
    Check("H8", "takes JSON beside protobuf", _json_too, level="SHOULD", protocols=("http",)),
    Check(
        "H8",
        "takes a body in chunks, as HTTP/1.1 has them",
        _chunked,
        level="SHOULD",
        protocols=("http",),
    ),
)
"""In the order in which they are reported."""
