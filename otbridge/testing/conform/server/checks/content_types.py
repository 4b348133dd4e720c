"""H2, H9, J8: in which form the server answers."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.answer import JSON, PROTOBUF, taken_whole
from otbridge.testing.conform.server.check import NO_GZIP, Check, all_of, each_signal
from otbridge.testing.conform.server.requests import plain, plain_json

if TYPE_CHECKING:
    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS", "JSON_CHECKS"]

_GARBAGE: Final = b"\xff\xff\xff"


def _protobuf_for_protobuf(bench: Bench, signal: Signal) -> Finding:
    return _is(PROTOBUF, bench.export(signal, plain(signal)))


def _protobuf_for_bad_protobuf(bench: Bench, signal: Signal) -> Finding:
    return _is(PROTOBUF, bench.export(signal, _GARBAGE))


def _json_for_json(bench: Bench) -> Finding:
    return all_of(
        (signal, _is(JSON, bench.http.export_json(signal, plain_json(signal))))
        for signal in bench.served_json
    )


def _json_for_bad_json(bench: Bench) -> Finding:
    return all_of(
        (signal, _is(JSON, bench.http.export_json(signal, b"{"))) for signal in bench.served_json
    )


def _is(wanted: str, answer: Answer) -> Finding:
    if not answer.answered:
        return not_applicable(answer.words)
    given = answer.headers.get("content-type", "no Content-Type")
    return (passed if answer.content_type == wanted else failed)(f"{answer.status}, {given}")


def _gzip_json(bench: Bench) -> Finding:
    signal = bench.served_json[0]
    if not bench.takes_gzip:
        return not_applicable(NO_GZIP)
    body = gzip.compress(plain_json(signal))
    return taken_whole(bench.http.export(signal, body, JSON, encoding="gzip"))


def _not_asked_for(bench: Bench, signal: Signal) -> Finding:
    answer = bench.export(signal, plain(signal))
    encoding = answer.headers.get("content-encoding", "identity")
    return (passed if encoding == "identity" else failed)(f"Content-Encoding: {encoding}")


def _asked_for(bench: Bench, signal: Signal) -> Finding:
    headers = {"content-type": PROTOBUF, "accept-encoding": "gzip"}
    answer = bench.http.request("POST", f"/v1/{signal}", plain(signal), headers)
    encoding = answer.headers.get("content-encoding", "identity")
    good = encoding in ("gzip", "identity") and not answer.message
    return (passed if good else failed)(f"Content-Encoding: {encoding} {answer.message}".rstrip())


CHECKS: Final = (
    Check(
        "H2",
        "answers protobuf with protobuf",
        each_signal(_protobuf_for_protobuf),
        protocols=("http",),
    ),
    Check(
        "H2",
        "answers bad protobuf with protobuf",
        each_signal(_protobuf_for_bad_protobuf),
        protocols=("http",),
    ),
    Check(
        "H9",
        "does not compress its answer for one who takes none",
        each_signal(_not_asked_for),
        level="SHOULD",
        protocols=("http",),
    ),
    Check(
        "H9",
        "uses at most gzip for one who takes gzip",
        each_signal(_asked_for),
        level="SHOULD",
        protocols=("http",),
    ),
)
"""In the order in which they are reported."""

JSON_CHECKS: Final = (
    Check(
        "J8", "answers JSON with JSON", _json_for_json, protocols=("http",), json=True, basis=False
    ),
    Check(
        "J8",
        "answers bad JSON with JSON",
        _json_for_bad_json,
        protocols=("http",),
        json=True,
        basis=False,
    ),
    Check("J8", "takes JSON in gzip", _gzip_json, protocols=("http",), json=True),
)
"""Those of them that are about JSON."""
