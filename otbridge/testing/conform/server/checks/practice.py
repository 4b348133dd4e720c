"""H10, H11: what clients and the Collector's tests rely on beyond OTLP's text."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.answer import JSON, PROTOBUF, taken_whole
from otbridge.testing.conform.server.check import NO_GZIP, Check, all_of
from otbridge.testing.conform.server.checks.bad_data import is_status
from otbridge.testing.conform.server.checks.sizes import oversize
from otbridge.testing.conform.server.requests import plain, plain_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench

__all__ = ["CHECKS"]

_METHODS: Final = ("GET", "PUT", "DELETE")


def _other_method(bench: Bench, method: str) -> Answer:
    return bench.http.request(method, f"/v1/{bench.signal}")


def _other_type(bench: Bench, content_type: str = "text/plain") -> Answer:
    return bench.http.export(bench.signal, plain(bench.signal), content_type)


def _refuses_methods(bench: Bench) -> Finding:
    return all_of((method, _has_status(_other_method(bench, method), "405")) for method in _METHODS)


def _refuses_types(bench: Bench) -> Finding:
    return all_of(
        (content_type or "none", _has_status(_other_type(bench, content_type), "415"))
        for content_type in ("text/plain", "application/xml", "")
    )


def _refuses_encodings(bench: Bench) -> Finding:
    answer = bench.export(bench.signal, plain(bench.signal), encoding="conform")
    return _has_status(answer, "400", "415")


def _refuses_half_gzip(bench: Bench) -> Finding:
    if not bench.takes_gzip:
        return not_applicable(NO_GZIP)
    half = gzip.compress(plain(bench.signal))[:-9]
    return _has_status(bench.export(bench.signal, half, encoding="gzip"), "400")


def _takes_parameters(bench: Bench) -> Finding:
    signal = bench.signal
    sent = [(PROTOBUF, bench.http.export(signal, plain(signal), f"{PROTOBUF}; charset=utf-8"))]
    if signal in bench.served_json:
        answer = bench.http.export(signal, plain_json(signal), f"{JSON};charset=UTF-8")
        sent.append((JSON, answer))
    return all_of((word, taken_whole(answer)) for word, answer in sent)


def _has_status(answer: Answer, *wanted: str) -> Finding:
    return (passed if answer.status in wanted else failed)(answer.words)


def _status_of(status: str, send: Callable[[Bench], Answer]) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        answer = send(bench)
        if answer.status != status:
            return not_applicable(f"it answers {answer.words}")
        return is_status(answer)

    return run


CHECKS: Final = tuple(
    Check(rule, what, run, level="SHOULD", protocols=("http",))
    for rule, what, run in (
        ("H10", "refuses other methods with 405", _refuses_methods),
        ("H10", "refuses other content types with 415", _refuses_types),
        ("H10", "refuses unknown content encodings with 400 or 415", _refuses_encodings),
        ("H10", "refuses gzip cut short with 400", _refuses_half_gzip),
        ("H10", "takes a content type with parameters", _takes_parameters),
        (
            "H11",
            "describes a 405 in a Status",
            _status_of("405", lambda bench: _other_method(bench, "GET")),
        ),
        ("H11", "describes a 415 in a Status", _status_of("415", _other_type)),
        ("H11", "describes a 413 in a Status", _status_of("413", oversize)),
    )
)
"""In the order in which they are reported."""
