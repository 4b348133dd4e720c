"""The bridge, served by uvicorn inside a FastAPI application, spoken to by real clients."""

from __future__ import annotations

import contextlib
import json
import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from otbridge.bridge import asgi
from otbridge.bridge.ingest import BridgeBusy
from otbridge.bridge.rate import RateLimit
from otbridge.bridge.tickets import Tickets, issue_ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., Any]

STREAM = "4bf92f3577b34da6a3ce929d0e0e4736"
PAGE = "http://localhost:5173"
SUBPROTOCOL: Any = "otbridge.v1.json"
SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "click buy",
    "kind": 1,
    "startTimeUnixNano": "1700000000000000000",
    "endTimeUnixNano": "1700000000250000000",
}


def hello(**fields: Any) -> dict[str, Any]:
    service = {"key": "service.name", "value": {"stringValue": "shop-web"}}
    return {
        "k": "hello",
        "v": 1,
        "stream": STREAM,
        "epoch": 1,
        "resource": [service],
        "sdk": {"name": "otbridge-js", "version": "0.1.0"},
        "caps": [],
        "clock": time.time() * 1000,
        **fields,
    }


def batch(batch_id: int, *bodies: str, **fields: Any) -> dict[str, Any]:
    records = [{"body": {"stringValue": body}} for body in bodies or (f"record {batch_id}",)]
    logs = [{"scope": {"name": "app"}, "logRecords": records}]
    return {"k": "batch", "id": batch_id, "n": len(records), "logs": logs, **fields}


def envelope(*batches: dict[str, Any], **fields: Any) -> str:
    body = hello(**fields)
    del body["k"], body["epoch"], body["caps"]
    return json.dumps(body | {"batches": batches})


def opened(url: str, *, origin: str | None = PAGE, **options: Any) -> ClientConnection:
    options.setdefault("subprotocols", [SUBPROTOCOL])
    headers = {"Origin": origin} if origin is not None else {}
    socket: ClientConnection = connect(
        url, additional_headers=headers, open_timeout=10, close_timeout=5, **options
    )
    return socket


def say(socket: ClientConnection, frame: dict[str, Any]) -> None:
    socket.send(json.dumps(frame))


def hear(socket: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return frame


def greeted(socket: ClientConnection, **fields: Any) -> dict[str, Any]:
    say(socket, hello(**fields))
    return hear(socket)


def closed(socket: ClientConnection) -> tuple[int, str]:
    with contextlib.suppress(ConnectionClosed):
        for _ in socket:
            pass
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


def refused(url: str, **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as info, opened(url, **options):
        pass
    response = info.value.response
    return response.status_code, json.loads(response.body or b"")["error"]["code"]


def post(running: Any, body: str | bytes, **headers: str) -> httpx.Response:
    headers = {"content-type": "text/plain;charset=UTF-8", "origin": PAGE} | headers
    return httpx.post(running.http, content=body, headers=headers, timeout=10)


# ---------------------------------------------------------------------- WebSocket


def test_a_batch_over_a_socket_reaches_the_consumer_and_is_acknowledged(serve: Serve) -> None:
    """A page's spans and logs arrive as OTLP requests with the page's resource and its origin."""
    running = serve()
    with opened(running.ws) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        assert greeted(socket)["last"] == 0
        spans = [{"scope": {"name": "app"}, "spans": [SPAN]}]
        say(socket, batch(1, "cart", spans=spans, n=2))
        assert hear(socket) == {"k": "ack", "id": 1}
    signals = {signal: request for signal, request, _, _ in running.collector.requests}
    span = signals["traces"].resource_spans[0].scope_spans[0].spans[0]
    assert (span.name, span.span_id.hex()) == ("click buy", SPAN["spanId"])
    resource = {
        pair.key: pair.value.string_value
        for pair in signals["logs"].resource_logs[0].resource.attributes
    }
    assert resource == {
        "service.name": "shop-web",
        "otbridge.origin": "browser",
        "service.instance.id": STREAM,
        "telemetry.distro.name": "otbridge",
    }
    assert running.collector.bodies == ["cart"]
    assert running.collector.keys == [(STREAM, 1), (STREAM, 1)]


def test_a_page_cannot_pass_for_a_server_process(serve: Serve) -> None:
    """What a client says of its origin and instance is replaced by what the server knows."""
    running = serve()
    claims = [
        {"key": "otbridge.origin", "value": {"stringValue": "node"}},
        {"key": "service.instance.id", "value": {"stringValue": "checkout-1"}},
    ]
    with opened(running.ws) as socket:
        greeted(socket, resource=claims)
        say(socket, batch(1))
        hear(socket)
    attributes = running.collector.requests[0][1].resource_logs[0].resource.attributes
    assert [(pair.key, pair.value.string_value) for pair in attributes] == [
        ("otbridge.origin", "browser"),
        ("service.instance.id", STREAM),
        ("telemetry.distro.name", "otbridge"),
    ]


def test_a_peer_without_an_origin_is_node(serve: Serve) -> None:
    """Node sends no Origin header; what it sends is marked as from node."""
    running = serve()
    with opened(running.ws, origin=None) as socket:
        greeted(socket)
        say(socket, batch(1))
        hear(socket)
    assert running.collector.requests[0][3] == "node"


def test_the_mount_itself_is_the_bridge_too(serve: Serve) -> None:
    """`{mount}` and `{mount}/v1/bridge` are the same door; other paths say what is where."""
    running = serve()
    base = f"127.0.0.1:{running.port}/telemetry/"
    with opened(f"ws://{base}") as socket:
        assert greeted(socket)["k"] == "ready"
    with pytest.raises(InvalidStatus, match="403"), opened(f"ws://{base}nothing"):
        pass
    answer = httpx.get(f"http://{base}nothing")
    assert answer.status_code == 404
    assert "v1/bridge" in answer.json()["error"]["do"]


def test_a_batch_by_both_ways_is_taken_once(serve: Serve) -> None:
    """What the socket took and a POST repeats is acknowledged by both and consumed once."""
    running = serve()
    with opened(running.ws) as socket:
        greeted(socket)
        say(socket, batch(1))
        assert hear(socket)["id"] == 1
        assert post(running, envelope(batch(1), batch(2))).json() == {"k": "ack", "id": 2}
        say(socket, batch(3))
        assert hear(socket)["id"] == 3
    assert running.collector.bodies == ["record 1", "record 2", "record 3"]


def test_a_post_waits_for_the_socket_that_is_taking_the_same_batch(serve: Serve) -> None:
    """A batch under way by the socket is not taken a second time by a POST of the same moment."""
    running = serve()
    running.collector.hold = threading.Event()
    with opened(running.ws) as socket:
        greeted(socket)
        say(socket, batch(1))
        say(socket, {"k": "ping", "t": 1})
        assert hear(socket)["k"] == "pong"
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(post(running, envelope(batch(1)))))
        thread.start()
        running.collector.hold.set()
        thread.join(10)
        assert answers[0].json() == {"k": "ack", "id": 1}
        assert hear(socket) == {"k": "ack", "id": 1}
    assert running.collector.bodies == ["record 1"]


def test_a_slow_store_does_not_stop_the_conversation(serve: Serve) -> None:
    """While batches are being taken, the bridge answers pings and takes further batches."""
    running = serve()
    running.collector.hold = threading.Event()
    with opened(running.ws) as socket:
        greeted(socket)
        for batch_id in range(1, 9):
            say(socket, batch(batch_id))
        say(socket, {"k": "ping", "t": 7})
        assert hear(socket) == {"k": "pong", "t": 7}
        running.collector.hold.set()
        last = 0
        while last < 8:
            last = hear(socket)["id"]
    assert sorted(running.collector.bodies) == [f"record {n}" for n in range(1, 9)]


def test_a_large_batch_is_read_beside_the_loop(serve: Serve) -> None:
    """A batch near the size limit arrives whole, in its order, like any other."""
    running = serve()
    bodies = [f"{number} " + "x" * 200 for number in range(900)]
    with opened(running.ws) as socket:
        greeted(socket)
        say(socket, batch(1, *bodies))
        assert hear(socket) == {"k": "ack", "id": 1}
    assert running.collector.bodies == bodies


def test_a_busy_consumer_makes_the_client_wait(serve: Serve) -> None:
    """Back-pressure is a nack with the time to wait; the same batch is taken later."""
    running = serve()
    running.collector.raises = BridgeBusy(1.5)
    with opened(running.ws) as socket:
        greeted(socket)
        say(socket, batch(1))
        assert hear(socket)["retry_ms"] == 1500
        answer = post(running, envelope(batch(1)))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        running.collector.raises = None
        say(socket, batch(1))
        assert hear(socket) == {"k": "ack", "id": 1}
    assert running.collector.bodies == ["record 1"]


def test_of_a_batch_that_was_taken_by_half_only_the_other_half_is_taken_later(serve: Serve) -> None:
    """Spans that found room are not handed over again when the logs come the second time."""
    running = serve()
    running.collector.raises = BridgeBusy(0.1)
    running.collector.raises_for = "logs"
    with opened(running.ws) as socket:
        greeted(socket)
        both = batch(1, spans=[{"spans": [SPAN]}], dropped={"queue_full": 3})
        say(socket, both)
        assert hear(socket)["k"] == "nack"
        running.collector.raises = None
        say(socket, both)
        assert hear(socket)["k"] == "ack"
    assert [signal for signal, *_ in running.collector.requests] == ["traces", "logs", "metrics"]


def test_dropped_counts_become_a_metric(serve: Serve) -> None:
    """What the client let go arrives as a delta sum by reason, with the client's resource."""
    running = serve()
    post(running, envelope(batch(1, dropped={"queue_full": 7, "sampled": 0})))
    (request,) = [
        request for signal, request, _, _ in running.collector.requests if signal == "metrics"
    ]
    metric = request.resource_metrics[0].scope_metrics[0].metrics[0]
    (point,) = metric.sum.data_points
    assert metric.name == "otbridge.client.records.dropped"
    assert (metric.sum.aggregation_temporality, metric.sum.is_monotonic) == (1, True)
    assert (point.as_int, point.attributes[0].value.string_value) == (7, "queue_full")
    assert running.bridge.stats()["dropped"] == {"queue_full": 7, "sampled": 0}


def test_a_failing_consumer_is_logged_once_and_never_seen_by_the_host(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception of the consumer becomes a nack, one log line, and nothing else."""
    running = serve(live=True)
    running.collector.raises = ZeroDivisionError("the consumer's own fault")
    with caplog.at_level(logging.ERROR), opened(running.ws) as socket:
        greeted(socket)
        say(socket, {"k": "open", "spans": [SPAN]})
        for batch_id in (1, 2):
            say(socket, batch(batch_id))
            assert hear(socket)["retry_ms"] == 5000
        assert post(running, envelope(batch(1))).status_code == 503
    assert [record.name for record in caplog.records] == ["otbridge.bridge"]
    assert httpx.get(f"http://127.0.0.1:{running.port}/").json() == "the host lives"


def test_open_spans_are_shown_where_the_server_asked_for_them(serve: Serve) -> None:
    """`open` reaches the consumer with scope and resource when the bridge is live."""
    running = serve(live=True)
    with opened(running.ws) as socket:
        assert greeted(socket)["live"] is True
        say(socket, {"k": "open", "spans": [SPAN | {"scope": "app"}, SPAN]})
        say(socket, {"k": "open", "spans": "none"})
        say(socket, batch(1))
        hear(socket)
    (request,) = running.collector.opened
    scopes = request.resource_spans[0].scope_spans
    assert [(scope.scope.name, len(scope.spans)) for scope in scopes] == [("app", 1), ("", 1)]
    assert running.bridge.stats()["open_spans_ignored"] == 1


def test_a_peer_that_vanishes_with_open_spans_is_reported(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that ends without bye and does not come back is gone; one with bye is not."""
    monkeypatch.setattr(asgi, "LOST_AFTER_S", 0.0)
    running = serve(live=True)
    for stream, farewell in (("a" * 32, True), ("b" * 32, False)):
        running.collector.changed.clear()
        with opened(running.ws) as socket:
            greeted(socket, stream=stream)
            say(socket, {"k": "open", "spans": [SPAN]})
            assert running.collector.changed.wait(10)
            if farewell:
                say(socket, {"k": "bye"})
            running.collector.changed.clear()
    assert running.collector.changed.wait(10)
    assert running.collector.lost == ["b" * 32]


def test_a_newer_connection_takes_the_stream_over(serve: Serve) -> None:
    """The older connection of a stream is closed with 4409 and the newer one goes on."""
    running = serve()
    with opened(running.ws) as older, opened(running.ws) as newer:
        greeted(older)
        assert greeted(newer, epoch=2)["k"] == "ready"
        assert closed(older)[0] == 4409
        say(newer, batch(1))
        assert hear(newer)["k"] == "ack"


def test_closing_the_bridge_acknowledges_and_says_when_to_come_again(serve: Serve) -> None:
    """`close` lets batches under way finish, then sends ack, goaway and close 1001."""
    running = serve()
    running.collector.hold = threading.Event()
    with opened(running.ws) as socket:
        greeted(socket)
        say(socket, batch(1))
        say(socket, {"k": "ping", "t": 1})
        assert hear(socket)["k"] == "pong"
        threading.Timer(0.05, running.collector.hold.set).start()
        running.run(running.bridge.close(retry_s=2.0))
        assert hear(socket) == {"k": "ack", "id": 1}
        assert hear(socket) == {"k": "goaway", "retry_ms": 2000, "why": "The server stops."}
        assert closed(socket)[0] == 1001
    assert refused(running.ws) == (503, "busy")


def test_garbage_closes_the_connection_with_a_code_and_a_sentence(serve: Serve) -> None:
    """Whatever is sent after ready, the code is one of the protocol's and the host lives."""
    running = serve()
    choose = random.Random(7)
    sound = json.dumps(batch(1))
    for _ in range(60):
        start = choose.randrange(len(sound))
        garbage = (
            sound[:start] + chr(choose.randrange(1, 0x2FF)) + sound[start + choose.randrange(3) :]
        )
        with opened(running.ws) as socket:
            greeted(socket, stream=f"{choose.getrandbits(128):032x}")
            socket.send(garbage)
            with contextlib.suppress(ConnectionClosed):  # the first may have been enough
                socket.send("no frame at all")
            code, why = closed(socket)
            assert code == 4400
            assert "otbridge.v1.json" in why
    assert httpx.get(f"http://127.0.0.1:{running.port}/").json() == "the host lives"


def test_a_frame_beyond_reading_closes_with_4413(serve: Serve) -> None:
    """More than 1 MiB in one message ends the connection."""
    running = serve()
    with opened(running.ws) as socket:
        greeted(socket)
        socket.send("x" * 1_048_577)
        assert closed(socket)[0] == 4413


# ---------------------------------------------------------------------- who may speak


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://localhost:5173", True),
        ("https://shop.example", True),
        ("https://shop.example.evil.test", False),
        ("http://localhost.evil.test", False),
        ("null", False),
    ],
)
def test_the_origin_decides_before_the_first_frame(
    serve: Serve, origin: str | None, allowed: bool
) -> None:
    """A page that is not on the list gets 403, to the upgrade and to a POST alike."""
    running = serve(origins=["https://shop.example"])
    headers = {"content-type": "application/json"} | ({"origin": origin} if origin else {})
    answer = httpx.post(running.http, content=envelope(batch(1)), headers=headers)
    if allowed:
        with opened(running.ws, origin=origin) as socket:
            assert socket.subprotocol == SUBPROTOCOL
        assert answer.status_code == 200
        assert answer.headers.get("access-control-allow-origin") == origin
        return
    assert refused(running.ws, origin=origin) == (403, "origin")
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert running.collector.requests == []


def test_a_socket_without_our_subprotocol_is_refused(serve: Serve) -> None:
    """Without a common subprotocol the upgrade is answered with 400 and the one to offer."""
    running = serve()
    assert refused(running.ws, subprotocols=["graphql-ws"]) == (400, "subprotocol")


def test_connections_are_bounded(serve: Serve) -> None:
    """The connection after the last allowed one is asked to come later."""
    running = serve(max_connections=1)
    with opened(running.ws) as socket:
        greeted(socket)
        assert refused(running.ws) == (503, "busy")


def test_a_ticket_lets_a_page_in_by_both_ways(serve: Serve) -> None:
    """With a secret, the right ticket is let in; a wrong or missing one is 4401 or 401."""
    secret = "0123456789abcdef"
    running = serve(authenticate=Tickets(secret))
    ticket = issue_ticket(secret, "shop")
    with opened(running.ws) as socket:
        assert greeted(socket, token=ticket)["k"] == "ready"
    for token in (ticket[:-1], None):
        with opened(running.ws) as socket:
            say(socket, hello(token=token))
            assert closed(socket)[0] == 4401
        assert post(running, envelope(batch(1), token=token)).status_code == 401
    assert post(running, envelope(batch(1), token=ticket)).status_code == 200


def test_authenticate_may_be_async_and_may_fail(serve: Serve) -> None:
    """The application's check may wait; when it raises, the client is told to come again."""

    async def check(token: str | None, origin: str | None) -> str | None:
        if token == "boom":
            raise LookupError("the database is away")
        return "shop" if origin == PAGE else None

    running = serve(authenticate=check)
    with opened(running.ws) as socket:
        assert greeted(socket)["k"] == "ready"
    with opened(running.ws) as socket:
        say(socket, hello(token="boom"))
        assert closed(socket)[0] == 1011
    assert post(running, envelope(token="boom")).status_code == 503


def test_a_client_that_sends_too_much_is_slowed_down_and_then_let_go(serve: Serve) -> None:
    """Over the rate a batch is nacked with the time to wait; ignoring that ends in 4429."""
    running = serve(rate=RateLimit(bytes_per_s=1024, burst_bytes=8192))
    with opened(running.ws) as socket:
        greeted(socket)
        say(socket, batch(1, "x" * 8000))
        first = hear(socket)
        assert first["k"] == "nack"
        assert first["retry_ms"] > 100
        assert hear(socket)["k"] == "slow"
        with contextlib.suppress(ConnectionClosed):
            for _ in range(2000):
                say(socket, {"k": "ping", "t": 1})
        assert closed(socket)[0] == 4429
    answers = [post(running, envelope(batch(1, "x" * 3000))) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


# ---------------------------------------------------------------------- HTTP


def test_a_preflight_is_answered_for_allowed_pages(serve: Serve) -> None:
    """A page may send JSON by POST, and its browser remembers so for ten minutes."""
    running = serve()
    asked = {"origin": PAGE, "access-control-request-method": "POST"}
    answer = httpx.options(running.http, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    stranger = httpx.options(running.http, headers=asked | {"origin": "https://evil.test"})
    assert stranger.status_code == 403


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "malformed"),
        (b'{"v":2}', {}, 400, "version"),
        (b"x" * 1_048_577, {}, 413, "too_large"),
        (b"{}", {"content-type": "application/x-protobuf"}, 415, "media_type"),
        (b"{}", {"content-encoding": "gzip"}, 415, "encoding"),
    ],
)
def test_a_bad_post_gets_a_status_and_a_sentence(
    serve: Serve, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Each fault has its status and word, and the page may read the answer."""
    answer = post(serve(), body, **headers)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["what"]
    assert answer.headers["access-control-allow-origin"] == PAGE


def test_a_body_without_a_length_is_limited_too(serve: Serve) -> None:
    """A chunked body is cut off at the limit."""
    running = serve()
    chunks = (b"x" * 65_536 for _ in range(20))
    answer = httpx.post(running.http, content=chunks, headers={"content-type": "text/plain"})
    assert answer.status_code == 413


def test_a_get_says_how_the_bridge_is_spoken_to(serve: Serve) -> None:
    """A person who opens the address in a browser is told what it is for."""
    answer = httpx.get(serve().http)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    assert "otbridge.v1.json" in answer.json()["error"]["do"]


def test_a_post_far_ahead_of_a_gap_is_asked_to_come_later(serve: Serve) -> None:
    """An id that cannot be remembered is not taken."""
    answer = post(serve(), envelope(batch(1025)))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ahead")


def test_a_resource_that_is_not_otlp_is_refused_at_once(serve: Serve) -> None:
    """A broken resource is the hello's fault and not each batch's."""
    running = serve()
    broken = [{"key": "a", "value": {"stringValue": 5}}]
    assert post(running, envelope(resource=broken)).status_code == 400
    with opened(running.ws) as socket:
        say(socket, hello(resource=broken))
        assert closed(socket)[0] == 4400
