"""J1 to J7: OTLP's JSON, which is not quite protobuf's."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.answer import taken_whole
from otbridge.testing.conform.server.check import Check, all_of
from otbridge.testing.conform.server.requests import json_log, json_span, new_trace_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.rules import Level
    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.check import Bench
    from otbridge.typing import Signal

__all__ = ["CHECKS"]

_LARGE: Final = 2**63 - 1
_DEPTH: Final = 5000


def _takes(signal: Signal, *documents: Callable[[], bytes]) -> Callable[[Bench], Finding]:
    """Return a check's function that wants each of *documents* taken whole."""

    def run(bench: Bench) -> Finding:
        return all_of(
            (f"document {number}", taken_whole(bench.http.export_json(signal, make())))
            for number, make in enumerate(documents, 1)
        )

    return run


def _refuses(signal: Signal, **documents: Callable[[], bytes]) -> Callable[[Bench], Finding]:
    """Return a check's function that wants none of *documents* taken whole."""

    def judge(answer: Answer) -> Finding:
        taken = answer.accepted and not answer.rejected
        return (failed if taken else passed)(answer.words)

    def run(bench: Bench) -> Finding:
        return all_of(
            (word.replace("_", " "), judge(bench.http.export_json(signal, make())))
            for word, make in documents.items()
        )

    return run


def _stores(
    make: Callable[[], bytes], judge: Callable[[dict[str, Any]], object]
) -> Callable[[Bench], Finding]:
    """Return a check's function that wants the one span of a document to be stored so."""

    def run(bench: Bench) -> Finding:
        document = make()
        trace_id = msgspec.json.decode(document)["resourceSpans"][0]["scopeSpans"][0]["spans"][0][
            "traceId"
        ]
        answer = bench.http.export_json("traces", document)
        if not answer.accepted or answer.rejected:
            return not_applicable(answer.words)
        stored = bench.inside.spans(bytes.fromhex(trace_id))
        good = len(stored) == 1 and judge(stored[0])
        return (passed if good else failed)(f"{len(stored)} stored: {str(stored)[:120]}")

    return run


# ---------------------------------------------------------------------- J1


def _upper_case_span() -> bytes:
    ids = {"traceId": new_trace_id().hex().upper(), "spanId": os.urandom(8).hex().upper()}
    return json_span(**ids, parentSpanId=os.urandom(8).hex().upper(), links=[ids])


def _upper_case_log() -> bytes:
    return json_log(traceId=new_trace_id().hex().upper(), spanId=os.urandom(8).hex().upper())


def _base64_trace_id() -> bytes:
    return json_span(traceId=base64.b64encode(new_trace_id()).decode())


# ---------------------------------------------------------------------- J3, J4


def _ignores_snake_case(bench: Bench) -> Finding:
    """Send what would be wrong if it were read; who refuses all unknown keys breaks J4 only."""
    if not bench.http.export_json("traces", b'{"conformUnknown":5}').accepted:
        return not_applicable("it refuses every unknown key: see J4")
    answer = bench.http.export_json("traces", b'{"resource_spans":5}')
    return (passed if answer.accepted else failed)(f"resource_spans: 5 is answered {answer.words}")


def _stores_no_snake_case(bench: Bench) -> Finding:
    trace_id = new_trace_id()
    document = json_span(traceId=trace_id.hex())
    for camel, snake in ((b"scopeSpans", b"scope_spans"), (b"resourceSpans", b"resource_spans")):
        document = document.replace(camel, snake)
    answer = bench.http.export_json("traces", document)
    stored = bench.inside.spans(trace_id)
    return (failed if stored else passed)(f"{answer.words}, {len(stored)} spans of it are stored")


def _unknown_everywhere() -> bytes:
    unknown: dict[str, Any] = {"conformUnknown": {"a": [1, {"b": None}]}}
    attribute = {"key": "a", "value": {"stringValue": "b", **unknown}, **unknown}
    document = msgspec.json.decode(json_span(attributes=[attribute], **unknown))
    resource = document["resourceSpans"][0]
    for level in (document, resource, resource["resource"], resource["scopeSpans"][0]):
        level.update(unknown)
    return msgspec.json.encode(document)


# ---------------------------------------------------------------------- J5, J6


def _integers_as(kind: type) -> Callable[[], bytes]:
    def make() -> bytes:
        attribute = {"key": "n", "value": {"intValue": kind(_LARGE)}}
        times = {"startTimeUnixNano": kind(1_763_635_830_123_456_789)}
        return json_span(
            attributes=[attribute], endTimeUnixNano=kind(1_763_635_831 * 10**9), **times
        )

    return make


def _writes_strings(bench: Bench) -> Finding:
    answer = bench.http.export_json("traces", json_span(spanId="00"))
    try:
        partial = msgspec.json.decode(answer.body)["partialSuccess"]
        count = partial["rejectedSpans"]
    except (msgspec.MsgspecError, KeyError, TypeError):
        return not_applicable(f"it rejects no single record: {answer.words}")
    good = isinstance(count, str)
    return (passed if good else failed)(f"rejectedSpans: {msgspec.json.encode(count).decode()}")


_ODD_VALUES: Final = [
    {"key": "bytes", "value": {"bytesValue": "AP8="}},
    {"key": "nan", "value": {"doubleValue": "NaN"}},
    {"key": "high", "value": {"doubleValue": "Infinity"}},
    {"key": "low", "value": {"doubleValue": "-Infinity"}},
]


def _odd_values() -> bytes:
    return json_span(attributes=_ODD_VALUES)


# ---------------------------------------------------------------------- J7


def _attribute(value: str) -> bytes:
    return json_span(raw=f'"attributes":[{{"key":"a","value":{value}}}]')


def _survives(make: Callable[[], bytes]) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        answer = bench.http.export_json("traces", make())
        return (passed if answer.accepted or answer.refused else failed)(answer.words)

    return run


def _deep() -> bytes:
    return _attribute('{"arrayValue":{"values":[' * _DEPTH + "{}" + "]}}" * _DEPTH)


# ---------------------------------------------------------------------- all of them


def _check(
    rule: str,
    what: str,
    run: Callable[[Bench], Finding],
    *,
    signal: Signal = "traces",
    level: Level = "MUST",
    inside: bool = False,
) -> Check:
    return Check(
        rule, what, run, level, protocols=("http",), signal=signal, json=True, inside=inside
    )


CHECKS: Final = (
    _check("J1", "takes hex ids of either case", _takes("traces", json_span, _upper_case_span)),
    _check(
        "J1",
        "takes a log record's hex ids of either case",
        _takes("logs", _upper_case_log),
        signal="logs",
    ),
    _check(
        "J1",
        "refuses ids that are not hex",
        _refuses(
            "traces",
            base64=_base64_trace_id,
            no_digits=lambda: json_span(traceId="z" * 32),
        ),
    ),
    _check(
        "J1",
        "finds the span by the id that was sent",
        _stores(_upper_case_span, lambda _: True),
        inside=True,
    ),
    _check(
        "J2",
        "refuses the names of enums",
        _refuses("traces", kind=lambda: json_span(kind="SPAN_KIND_SERVER")),
    ),
    _check(
        "J2",
        "refuses the names of severities",
        _refuses("logs", severity=lambda: json_log(severityNumber="SEVERITY_NUMBER_WARN")),
        signal="logs",
    ),
    _check("J2", "takes enum values that it does not know", _takes("traces", lambda: json_span(kind=77))),
    _check(
        "J2",
        "stores enum values that it does not know",
        _stores(lambda: json_span(kind=77), lambda span: span.get("kind") == 77),
        inside=True,
    ),
    _check("J3", "does not read snake_case keys", _ignores_snake_case),
    _check("J3", "stores nothing of snake_case keys", _stores_no_snake_case, inside=True),
    _check("J4", "ignores unknown fields at every level", _takes("traces", _unknown_everywhere)),
    _check(
        "J5",
        "takes 64-bit integers as strings and as numbers",
        _takes("traces", _integers_as(str), _integers_as(int)),
    ),
    _check("J5", "writes 64-bit integers as strings", _writes_strings),
    _check(
        "J5",
        "stores 64-bit integers exactly",
        _stores(
            _integers_as(int),
            lambda span: (
                span["attributes"][0]["value"] == {"intValue": str(_LARGE)}
                and span["startTimeUnixNano"] == "1763635830123456789"
            ),
        ),
        inside=True,
    ),
    _check("J6", "takes bytes in base64, and NaN and infinities by name", _takes("traces", _odd_values)),
    _check(
        "J6",
        "stores them as they are",
        _stores(_odd_values, lambda span: span.get("attributes") == _ODD_VALUES),
        inside=True,
    ),
    *(
        _check("J7", f"survives {what}", _survives(make), level="SHOULD")
        for what, make in {
            f"values nested {_DEPTH:,} deep": _deep,
            "a number of 5,000 digits": lambda: _attribute(f'{{"intValue":{"9" * 5000}}}'),
            "a lone surrogate": lambda: _attribute('{"stringValue":"\\ud800"}'),
            "a bare NaN": lambda: _attribute('{"doubleValue":NaN}'),
            "an object where a list belongs": lambda: b'{"resourceSpans":{"a":1}}',
        }.items()
    ),
)  # fmt: skip
"""In the order in which they are reported."""
