"""HTTP that is right in its framing, with everything else changed: many requests one after another."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import zstandard

from tests.faults.hub.fuzz import json_text, plain_bytes, protobuf
from tests.faults.hub.fuzz.case import Case
from tests.faults.hub.fuzz.plain_bytes import BAD_TEXTS
from tests.faults.hub.fuzz.recorded import fresh, recorded

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["bridge_posts", "json_requests", "protobuf_requests", "questions", "request"]

_PIPELINED = 24
"""Requests that are written before the first answer is read."""

_TYPES = {"protobuf": b"application/x-protobuf", "json": b"application/json"}
_OTHER_TYPES = (
    *(b"", b"text/plain", b"application/json; charset=utf-16", b"APPLICATION/X-PROTOBUF", b"*/*"),
    *(
        b"application/grpc",
        b"multipart/form-data; boundary=x",
        b"\xff\xfe",
        b"application/x-protobuf,",
    ),
)
_ENCODINGS = (
    b"gzip",
    b"deflate",
    b"zstd",
    b"identity",
    b"br",
    b"gzip, gzip",
    b"GZIP",
    b"\xff",
    b"",
)
_METHODS = (b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS")
_SIGNALS = ("traces", "logs", "metrics")

_HEADERS = (
    *(b"Origin: null", b"Origin: http://localhost:3000", b"Origin: \xff", b"Origin: http://[::1"),
    *(
        b"Host: localhost",
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: Basic",
        b"Cookie: a=\xff",
    ),
    *(
        b"X-Otbridge-Key: " + b"k" * 3000,
        b"Content-Encoding: gzip",
        b"Accept: \x80",
        b"Expect: nothing",
    ),
    *(b"traceparent: 00-\xff-\xff-01", b"baggage: " + b"a=b," * 1000, b"X-Forwarded-For: 1.2.3.4"),
    *(b"Access-Control-Request-Method: \xff", b"Sec-Fetch-Site: cross-site", b"If-None-Match: *"),
)


def request(method: bytes, target: bytes, headers: list[bytes], body: bytes = b"") -> bytes:
    """Return a request whose framing is right."""
    lines = [b"%b %b HTTP/1.1" % (method, target), *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(method: bytes, target: bytes, headers: list[bytes], chunks: list[bytes]) -> bytes:
    """Return the same with its body in chunks."""
    lines = [b"%b %b HTTP/1.1" % (method, target), *headers, b"Transfer-Encoding: chunked"]
    told = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    return b"\r\n".join(lines) + b"\r\n\r\n" + b"".join(told) + b"0\r\n\r\n"


def _compressed(body: bytes, encoding: bytes) -> bytes:
    if encoding == b"gzip":
        return gzip.compress(body, 1, mtime=0)
    if encoding == b"deflate":
        return zlib.compress(body, 1)
    if encoding == b"zstd":
        return zstandard.ZstdCompressor(level=1).compress(body)
    return body


def _post(chance: random.Random, target: bytes, content_type: bytes, body: bytes) -> bytes:
    """Return *body* as a POST; one in a few is compressed, in chunks, or has strange headers."""
    headers = [b"Host: localhost"]
    method = b"POST"
    if chance.random() < 0.25:
        encoding = chance.choice(_ENCODINGS[:3])
        body = _compressed(body, encoding)
        if chance.random() < 0.5:
            body = plain_bytes.mutated(
                body, chance, [b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"x\x9c"]
            )
        if chance.random() < 0.1:
            encoding = chance.choice(_ENCODINGS)
        headers.append(b"Content-Encoding: " + encoding)
    if chance.random() < 0.05:
        content_type = chance.choice((*_OTHER_TYPES, *_TYPES.values()))
    if chance.random() < 0.03:
        method = chance.choice(_METHODS)
    headers.append(b"Content-Type: " + content_type)
    for _ in range(chance.choice((0, 0, 0, 0, 0, 0, 1, 3))):
        added = chance.choice(_HEADERS)
        if added[:5] != b"Host:" or chance.random() < 0.1:
            headers.append(added)
    if chance.random() < 0.1:
        places = sorted(chance.randrange(len(body) + 1) for _ in range(3))
        cuts = [0, *places, len(body)]
        parts = [body[a:b] for a, b in pairwise(cuts)]
        return chunked(method, target, headers, parts)
    return request(method, target, headers, body)


def _pipeline(chance: random.Random, make: Callable[[random.Random], bytes]) -> Case:
    return Case(b"".join([make(chance) for _ in range(_PIPELINED)]), _PIPELINED, _PIPELINED)


def protobuf_requests(chance: random.Random) -> Case:
    """Requests of OTLP as protobuf, by grammar three times out of four."""
    return _pipeline(chance, _protobuf_request)


def _protobuf_request(chance: random.Random) -> bytes:
    known = recorded()
    signal = chance.choice(_SIGNALS)
    body, others = chance.choice(known.requests[signal]), known.all_requests
    mutate = protobuf.mutated if chance.random() < 0.75 else plain_bytes.mutated
    for _ in range(chance.choice((1, 1, 2, 4))):
        body = mutate(body, chance, others)
    if chance.random() < 0.5:
        body = fresh(body, chance)
    return _post(chance, f"/v1/{_sent_to(chance, signal)}".encode(), _TYPES["protobuf"], body)


def json_requests(chance: random.Random) -> Case:
    """Requests of OTLP as JSON, by grammar four times out of five."""
    return _pipeline(chance, _json_request)


def _json_request(chance: random.Random) -> bytes:
    known = recorded()
    signal = chance.choice(_SIGNALS)
    tree = chance.choice(known.trees[signal])
    body = json_text.mutated(tree, chance, known.all_trees)
    if chance.random() < 0.5:
        body = fresh(body, chance)
    if chance.random() < 0.2:
        body = plain_bytes.mutated(body, chance, [b'{"resourceSpans":[{}]}', b"[[[["])
    return _post(chance, f"/v1/{_sent_to(chance, signal)}".encode(), _TYPES["json"], body)


def _sent_to(chance: random.Random, signal: str) -> str:
    return chance.choice(_SIGNALS) if chance.random() < 0.05 else signal


def bridge_posts(chance: random.Random) -> Case:
    """What the bridge's clients POST."""
    return _pipeline(chance, _bridge_post)


def _bridge_post(chance: random.Random) -> bytes:
    known = recorded()
    post = {**chance.choice(known.posts), "stream": f"{chance.getrandbits(128):032x}"}
    body = json_text.mutated(post, chance, [*known.posts, *known.frames])
    if chance.random() < 0.2:
        body = plain_bytes.mutated(body, chance, [b'{"v":1}', b"[[[["])
    content_type = chance.choice((b"text/plain", b"application/json", b"application/json"))
    return _post(chance, b"/v1/bridge", content_type, body)


_PATHS = (
    *(
        "traces",
        "logs",
        "runs",
        "services",
        "stats",
        "facets",
        "export",
        "openapi.json",
        "operations",
    ),
    *("traces/{id}", "traces/{id}/otlp", "runs/{id}", "live", "..", "", "traces/", "servicemap"),
)
_NAMES = (
    *("service", "name", "min_duration", "error", "q", "from", "to", "limit", "cursor", "severity"),
    *("trace_id", "span_id", "signal", "of", "field", "key", "x" * 300, "", "limit[]"),
)
_TEXTS = (
    *(
        "",
        "shop",
        "-15m",
        "1h",
        "250ms",
        "true",
        "warn",
        "17",
        "50",
        "traces",
        "logs",
        "service",
        "0",
    ),
    *(
        "-1",
        "1e308",
        "NaN",
        "9" * 400,
        "99999999999999999999",
        "2026-11-20T14:00:00Z",
        "9999-99-99",
    ),
    *(
        "0001-01-01T00:00:00+14:00",
        "-99999999999d",
        "1" * 32,
        "a" * 16,
        "key=value",
        "key=",
        "=",
        "==",
    ),
    *(
        '"',
        "'; DROP TABLE spans --",
        "*",
        "a* OR b",
        "NEAR(a b)",
        "^a",
        "-a",
        "a:b",
        "(" * 500,
        "\x00",
    ),
    *(
        "٣",
        "é" * 900,
        "a " * 600,
        "%",
        "_",
        "\\",
        "eyJ0IjoxfQ",
        "AAAA",
        "=" * 40,
        "{}",
        "null",
        "\uff11",
    ),
)


def questions(chance: random.Random) -> Case:
    """Questions to the API, with strange arguments."""
    return _pipeline(chance, _question)


def _question(chance: random.Random) -> bytes:
    some_id = chance.choice(
        ("1" * 32, f"{chance.getrandbits(128):x}", "%ff", "..%2f..", "a" * 2000)
    )
    path = chance.choice(_PATHS).replace("{id}", some_id)
    asked = []
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        name = chance.choice(_NAMES[:15] if chance.random() < 0.9 else _NAMES)
        asked.append(f"{quote(name)}={_argument(chance)}")
    target = f"/api/v1/{path}{'?' if asked else ''}{'&'.join(asked)}".encode("ascii")
    method = b"GET" if chance.random() < 0.97 else chance.choice((b"POST", *_METHODS))
    return request(method, target, [b"Host: localhost"])


def _argument(chance: random.Random) -> str:
    way = chance.random()
    if way < 0.7:
        return quote(chance.choice(_TEXTS))
    if way < 0.8:
        return quote(chance.choice(BAD_TEXTS))
    if way < 0.9:
        return quote(plain_bytes.mutated(chance.choice(_TEXTS).encode(), chance, [b"a", b"%"]))
    return chance.choice(("%", "%zz", "%u0041", "+", "%00", "&&", ";a=b", "%ed%a0%80"))


def good_request(number: int, now_ns: int) -> tuple[bytes, str]:
    """Return a request that has to be taken, and the id of the trace that then has to be shown."""
    trace_id = f"{number + 1:032x}"
    span = {
        "traceId": trace_id,
        "spanId": "00000000000000aa",
        "name": "after the storm",
        "startTimeUnixNano": str(now_ns),
        "endTimeUnixNano": str(now_ns + 1),
    }
    body = msgspec.json.encode({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    return body, trace_id
