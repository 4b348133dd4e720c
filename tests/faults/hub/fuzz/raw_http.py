"""HTTP that is broken: heads, lengths, chunks, and what was meant for somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.hub.fuzz import plain_bytes
from tests.faults.hub.fuzz.case import Case
from tests.faults.hub.fuzz.http import chunked, request
from tests.faults.hub.fuzz.recorded import recorded

if TYPE_CHECKING:
    import random

__all__ = ["broken_http"]

_LENGTHS = (
    *(b"0", b"-1", b"+5", b"5 ", b"0x10", b"1e3", b"99999999999999999999", b"18446744073709551615"),
    *(b"1, 1", b"", b"\xff", b"1_0", b"00000000000000000000000000000000000005"),
)
_CHUNKS = (
    *(
        b"5\r\nabc\r\n",
        b"-1\r\n",
        b"ffffffffffffffff\r\nx",
        b"5;x=" + b"y" * 3000 + b"\r\nabcde\r\n",
    ),
    *(
        b"zz\r\n",
        b"5\nabcde\n",
        b"0\r\nTrailer: x\r\n\r\n",
        b"000000000000000000000003\r\nabc\r\n",
        b"\r\n",
    ),
)
_HEADS = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"GET /\r\n\r\n",
    b"HEAD /api/v1/traces HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET http://evil.test/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nA : b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nA\x00: b\r\n\r\n",
    b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /assets/../../x HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\xff\xfe?\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx",
    b"GET /v1/bridge HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\r\n" * 50 + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
)


def broken_http(chance: random.Random) -> Case:
    """Return one thing that is no request, perhaps after one that is, and then the end."""
    way = chance.random()
    body = chance.choice(recorded().all_requests)
    headers = [b"Host: localhost", b"Content-Type: application/x-protobuf"]
    if way < 0.3:
        data = plain_bytes.mutated(chance.choice(_HEADS), chance, _HEADS)
    elif way < 0.4:
        data = chance.choice(_HEADS)
    elif way < 0.55:
        length = chance.choice((*_LENGTHS, b"%d" % (len(body) + chance.choice((-3, -1, 1, 3)))))
        head = b"\r\n".join([b"POST /v1/traces HTTP/1.1", *headers, b"Content-Length: " + length])
        data = head + b"\r\n" * 2 + body
        if chance.random() < 0.2:
            data = data.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n", 1)
    elif way < 0.7:
        whole = chunked(b"POST", b"/v1/logs", headers, [body[:50], body[50:]])
        data = whole[: -chance.randrange(1, 60)] + chance.choice(_CHUNKS)
    elif way < 0.9:
        whole = request(b"POST", b"/v1/traces", headers, body)
        data = plain_bytes.mutated(whole, chance, _HEADS)
    else:
        data = request(b"POST", b"/v1/traces", [*headers, b"X: " + b"x" * 70_000], body)
    if chance.random() < 0.1:
        data = request(b"GET", b"/healthz", headers[:1]) + data
    return Case(data, 1, 0)
