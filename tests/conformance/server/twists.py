"""Ways to break each rule, and no other."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from otbridge.hub.receivers.status import retry_details
from otbridge.wire.protobuf import varint
from tests.conformance.server.twisted_hub import (
    BODY_LIMIT,
    BURST,
    PROTOBUF,
    Asked,
    Honest,
    Said,
    Twist,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

TOO_LARGE = ("413", "RESOURCE_EXHAUSTED")
OVERLOAD = ("503", "UNAVAILABLE")


def says(change: Callable[[Asked, Said], Said]) -> Twist:
    """A twist that changes what is answered."""

    async def twist(asked: Asked, honest: Honest) -> Said:
        return change(asked, await honest(asked))

    return twist


def reads(change: Callable[[Asked], Asked]) -> Twist:
    """A twist that takes for something else what is sent."""

    async def twist(asked: Asked, honest: Honest) -> Said:
        return await honest(change(asked))

    return twist


def refuses(
    which: Callable[[Asked], object], http: int = 400, code: str = "INVALID_ARGUMENT"
) -> Twist:
    """A twist that refuses what has to be taken."""

    async def twist(asked: Asked, honest: Honest) -> Said:
        return refusal(asked, http, code) if which(asked) else await honest(asked)

    return twist


def accepts(which: Callable[[Asked], object]) -> Twist:
    """A twist that takes what has to be refused."""

    async def twist(asked: Asked, honest: Honest) -> Said:
        if not which(asked):
            return await honest(asked)
        if asked.is_json:
            return Said("200", b"{}", "application/json")
        return Said("OK" if asked.protocol == "grpc" else "200", b"", PROTOBUF)

    return twist


# ---------------------------------------------------------------------- what is in a request


def spans(asked: Asked) -> list[Span]:
    if asked.signal != "traces" or asked.is_json or asked.encoding:
        return []
    try:
        request = ExportTraceServiceRequest.FromString(asked.body)
    except Exception:  # noqa: BLE001 - garbage, and so without spans
        return []
    return [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def is_one_bad_span(asked: Asked) -> bool:
    found = spans(asked)
    return len(found) == 1 and not (
        len(found[0].trace_id) == 16
        and len(found[0].span_id) == 8
        and any(found[0].trace_id)
        and any(found[0].span_id)
    )


def is_log_with_short_id(asked: Asked) -> bool:
    if asked.signal != "logs" or asked.is_json or asked.encoding:
        return False
    try:
        request = ExportLogsServiceRequest.FromString(asked.body)
    except Exception:  # noqa: BLE001 - garbage
        return False
    return any(
        len(record.trace_id) == 8
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    )


def has_flags(asked: Asked) -> bool:
    return any(span.flags > 0x3FF for span in spans(asked))


def is_empty_envelope(asked: Asked) -> bool:
    return asked.body == b"\x0a\x00\x0a\x02\x12\x00"


def inflates_to_too_much(asked: Asked) -> bool:
    if asked.encoding != "gzip":
        return False
    try:
        return len(gzip.decompress(asked.body)) > BODY_LIMIT
    except (OSError, EOFError, zlib.error):
        return False


def has(*texts: bytes) -> Callable[[Asked], bool]:
    return lambda asked: any(text in asked.body for text in texts)


def in_json(*texts: bytes) -> Callable[[Asked], bool]:
    return lambda asked: asked.is_json and any(text in asked.body for text in texts)


# ---------------------------------------------------------------------- changed answers


def with_status(
    old: str | tuple[str, ...], new: str, protocol: str, details: bytes | None = None
) -> Twist:
    """A twist that gives another status, and everything else as it was."""

    def change(asked: Asked, said: Said) -> Said:
        if asked.protocol != protocol or said.status not in old:
            return said
        return replace(said, status=new, details=said.details if details is None else details)

    return says(change)


def with_partial(change: Callable[[int, str], tuple[int, str]]) -> Twist:
    """A twist that says something else of a partial success, in protobuf."""

    def changed(asked: Asked, said: Said) -> Said:
        if not said.is_success or asked.is_json or not said.body:
            return said
        partial = ExportTraceServiceResponse.FromString(said.body).partial_success
        rejected, message = change(partial.rejected_spans, partial.error_message)
        told = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
        body = ExportTraceServiceResponse(partial_success=told).SerializeToString()
        return replace(said, body=body)

    return says(changed)


def chatty(rejected: int, message: str) -> tuple[int, str]:
    return rejected, message * 10_000 if rejected > 20 else message


def always_partial(asked: Asked, said: Said) -> Said:
    return replace(said, body=b"\x0a\x00") if said.is_success and not said.body else said


def no_response_message(asked: Asked, said: Said) -> Said:
    plain = said.is_success and not asked.is_json and not said.body
    return replace(said, body=b"OK") if plain else said


def in_plain_text(asked: Asked, said: Said) -> Said:
    return said if asked.is_json else replace(said, content_type="text/plain")


def errors_in_json(asked: Asked, said: Said) -> Said:
    if asked.protocol == "grpc" or said.status != "400" or said.content_type != PROTOBUF:
        return said
    return replace(said, body=b'{"message":"no"}', content_type="application/json")


def json_in_plain_text(asked: Asked, said: Said) -> Said:
    return replace(said, content_type="text/plain") if asked.is_json else said


def a_page(asked: Asked, said: Said) -> Said:
    return replace(said, body=b"<html>no</html>") if said.status == "400" else said


def nothing(asked: Asked, said: Said) -> Said:
    return replace(said, body=b"") if said.status == "400" else said


def unasked_gzip(asked: Asked, said: Said) -> Said:
    if asked.protocol == "grpc" or not said.is_success:
        return said
    return replace(said, body=gzip.compress(said.body), headers={"content-encoding": "gzip"})


def numbers(asked: Asked, said: Said) -> Said:
    return replace(
        said, body=re.sub(rb'"rejectedSpans":"(\d+)"', rb'"rejectedSpans":\1', said.body)
    )


def gruff(asked: Asked, said: Said) -> Said:
    if said.status != "405":
        return said
    return replace(said, body=b"Method Not Allowed", content_type="text/plain")


def fails_at_depth(asked: Asked, said: Said) -> Said:
    return replace(said, status="500") if b"]}}" * 1000 in asked.body else said


def overloaded(asked: Asked, said: Said) -> bool:
    return len(asked.body) in BURST and said.status in OVERLOAD


def soon(asked: Asked, said: Said) -> Said:
    if asked.protocol != "http" or not overloaded(asked, said):
        return said
    return replace(said, headers={"retry-after": "soon"})


def for_an_hour(asked: Asked, said: Said) -> Said:
    if asked.protocol != "grpc" or not overloaded(asked, said):
        return said
    return replace(said, details=retry_details("later", 3600))


# ---------------------------------------------------------------------- changed requests


def base64_ids(asked: Asked) -> Asked:
    if not asked.is_json:
        return asked
    body = re.sub(rb'"traceId":"[\w+/]{22}=="', b'"traceId":"%s"' % (b"1f" * 16), asked.body)
    return replace(asked, body=body)


def lower_case_ids_only(asked: Asked) -> bool:
    return asked.is_json and bool(re.search(rb'"spanId":"[0-9A-F]*[A-F]', asked.body))


def enum_names(asked: Asked) -> Asked:
    body = asked.body.replace(b'"SPAN_KIND_SERVER"', b"2")
    return replace(asked, body=body.replace(b'"SEVERITY_NUMBER_WARN"', b"13"))


def known_kinds_only(asked: Asked) -> Asked:
    return replace(asked, body=asked.body.replace(b'"kind":77', b'"kind":0'))


def snake_case(asked: Asked) -> Asked:
    if not asked.is_json:
        return asked
    body = asked.body.replace(b"resource_spans", b"resourceSpans")
    return replace(asked, body=body.replace(b"scope_spans", b"scopeSpans"))


def rounded_integers(asked: Asked) -> Asked:
    """Read numbers as JavaScript does."""
    text = str(2**63 - 1).encode()
    rounded = str(2**63 - 1024).encode()
    return replace(asked, body=asked.body.replace(text, rounded)) if asked.is_json else asked


def without_flags(asked: Asked) -> Asked:
    if not has_flags(asked):
        return asked
    request = ExportTraceServiceRequest.FromString(asked.body)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                span.flags &= 0xFF
    return replace(asked, body=request.SerializeToString())


def infinite_to_zero(asked: Asked) -> Asked:
    if not asked.is_json:
        return asked
    return replace(asked, body=asked.body.replace(b'"-Infinity"', b"0"))


def with_text_for_references(asked: Asked) -> Asked:
    found = spans(asked)
    if not any(
        a.value.WhichOneof("value") == "string_value_strindex" for s in found for a in s.attributes
    ):
        return asked
    request = ExportTraceServiceRequest.FromString(asked.body)
    for attribute in request.resource_spans[0].scope_spans[0].spans[0].attributes:
        if attribute.value.WhichOneof("value") == "string_value_strindex":
            attribute.value.string_value = str(attribute.value.string_value_strindex)
    return replace(asked, body=request.SerializeToString())


def logs_into_a_trace(asked: Asked) -> Asked:
    if not is_log_with_short_id(asked):
        return asked
    return replace(
        asked, body=asked.body.replace(b"\x4a\x08" + b"\x01" * 8, b"\x4a\x10" + b"\x01" * 16)
    )


UNKNOWN_FIELD = varint(1000 << 3) + varint(2**63)
A_REFERENCE = b"conform.value\x12\x02\x40\x03"

TWISTS: list[tuple[str, str, Twist]] = [
    ("S1", "no gzip", refuses(lambda asked: asked.encoding == "gzip" and not asked.is_json)),
    ("S2", "no limit once inflated", accepts(inflates_to_too_much)),
    ("S2", "no limit", accepts(lambda asked: len(asked.body) > BODY_LIMIT)),
    ("S3", "INTERNAL", with_status(TOO_LARGE, "INTERNAL", "grpc")),
    ("S3", "to be tried again", with_status(
        TOO_LARGE, "RESOURCE_EXHAUSTED", "grpc", retry_details("later", 1))),
    ("S4", "long messages", with_partial(chatty)),
    ("S5", "wants records", refuses(lambda asked: asked.method == "POST" and not asked.body)),
    ("S6", "partial_success always set", says(always_partial)),
    ("S6", "no response message", says(no_response_message)),
    ("S7", "counts too many", with_partial(lambda n, text: (n + 1 if n else n, text))),
    ("S7", "counts nothing", with_partial(lambda _, text: (0, text))),
    ("S7", "says nothing", with_partial(lambda n, text: (n, "" if n else text))),
    ("S8", "warns without words", with_partial(lambda n, text: (n, text if n else ""))),
    ("S9", "INTERNAL", with_status("INVALID_ARGUMENT", "INTERNAL", "grpc")),
    ("S9", "no details", with_status("INVALID_ARGUMENT", "INVALID_ARGUMENT", "grpc", b"")),
    ("S10", "RESOURCE_EXHAUSTED", with_status("UNAVAILABLE", "RESOURCE_EXHAUSTED", "grpc", b"")),
    ("S10", "for an hour", says(for_an_hour)),
    ("S11", "no metrics", refuses(
        lambda asked: asked.protocol == "grpc" and asked.signal == "metrics", 404, "UNIMPLEMENTED")),
    ("S12", "takes spans without ids", accepts(is_one_bad_span)),
    ("S12", "refuses logs without ids", refuses(is_log_with_short_id)),
    ("S12", "makes up ids for logs", reads(logs_into_a_trace)),
    ("S13", "no mixed arrays", refuses(has(b"mixed array"))),
    ("S14", "refuses references", refuses(has(A_REFERENCE))),
    ("S14", "makes text of references", reads(with_text_for_references)),
    ("S15", "refuses flags", refuses(has_flags)),
    ("S15", "forgets flags", reads(without_flags)),
    ("S16", "refuses empty envelopes", refuses(is_empty_envelope)),
    ("S17", "refuses unknown fields", refuses(has(UNKNOWN_FIELD))),
    ("H1", "no metrics", refuses(
        lambda asked: asked.protocol == "http" and asked.signal == "metrics", 404)),
    ("H2", "plain text", says(in_plain_text)),
    ("H2", "errors in JSON", says(errors_in_json)),
    ("H3", "202", with_status("200", "202", "http")),
    ("H4", "400", with_status(TOO_LARGE, "400", "http")),
    ("H5", "422", with_status("400", "422", "http")),
    ("H6", "a page", says(a_page)),
    ("H6", "nothing", says(nothing)),
    ("H7", "500", with_status("503", "500", "http")),
    ("H7", "soon", says(soon)),
    ("H8", "no JSON", refuses(lambda asked: asked.is_json, 415)),
    ("H9", "gzip unasked", says(unasked_gzip)),
    ("H10", "takes GET", accepts(lambda asked: asked.method == "GET")),
    ("H10", "takes any type", accepts(
        lambda asked: asked.protocol == "http" and asked.content_type == "text/plain")),
    ("H11", "gruff", says(gruff)),
    ("J1", "base64", reads(base64_ids)),
    ("J1", "lower case only", refuses(lower_case_ids_only)),
    ("J2", "names", reads(enum_names)),
    ("J2", "forgets unknown kinds", reads(known_kinds_only)),
    ("J3", "snake case", reads(snake_case)),
    ("J4", "refuses unknown fields", refuses(in_json(b"conformUnknown"))),
    ("J5", "numbers out", says(numbers)),
    ("J5", "no numbers in", refuses(in_json(b'"intValue":%d' % (2**63 - 1)))),
    ("J5", "rounds", reads(rounded_integers)),
    ("J6", "no NaN", refuses(in_json(b'"NaN"'))),
    ("J6", "no infinities", reads(infinite_to_zero)),
    ("J7", "503 for depth", refuses(in_json(b"]}}" * 1000), 503)),
    ("J7", "500 for depth", says(fails_at_depth)),
    ("J8", "plain text", says(json_in_plain_text)),
    ("J8", "no gzip", refuses(lambda asked: asked.is_json and asked.encoding)),
]  # fmt: skip
"""Rule, what is done to it, and how."""
