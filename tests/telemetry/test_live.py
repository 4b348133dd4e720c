"""Beginnings of spans, sent to a hub and to nobody else."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from otbridge import semconv
from otbridge.telemetry.live import LiveSpans, is_hub
from otbridge.testing import OtlpReceiver
from otbridge.wire.otlp_request import Envelope, compose

ENVELOPE = Envelope.of({"service.name": "x"}, "s")


def server(status: int, body: bytes) -> Any:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, json.dumps({"status": "ok", "hub": "otbridge"}).encode(), True),
        (200, b'{"hub": "other"}', False),
        (200, b"[]", False),
        (200, b"<html>", False),
        (404, b"", False),
    ],
)
def test_a_hub_is_known_by_its_health_answer(status: Any, body: Any, answer: Any) -> None:
    with server(status, body) as made:
        try:
            assert is_hub(f"http://127.0.0.1:{made.server_port}") is answer
        finally:
            made.shutdown()


def test_where_nobody_listens_it_is_not_known() -> None:
    with OtlpReceiver() as receiver:
        url = receiver.http_url
    assert is_hub(url) is None


class Told:
    """What was put, and a way to wait for it."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.came = threading.Event()

    def __call__(self, envelope: Envelope, record: bytes, severity: int) -> bool:
        self.records.append(record)
        self.came.set()
        return True


def started(live: LiveSpans, *names: str) -> None:
    class Tell(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            live.started(span, ENVELOPE)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Tell())
    tracer = provider.get_tracer("t")
    with tracer.start_as_current_span(names[0], attributes={"n": 1}):
        for name in names[1:]:
            tracer.start_span(name)


def test_the_record_says_name_kind_parent_and_attributes() -> None:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    told = Told()
    started(LiveSpans(told, known=True), "outer", "inner")
    request = ExportLogsServiceRequest.FromString(
        compose([(ENVELOPE, each) for each in told.records])
    )
    outer, inner = request.resource_logs[0].scope_logs[0].log_records
    facts = {pair.key: pair.value for pair in outer.attributes}
    assert outer.event_name == semconv.SPAN_STARTED
    assert facts[semconv.SPAN_STARTED_NAME].string_value == "outer"
    assert facts[semconv.SPAN_STARTED_KIND].int_value == 1
    assert facts["n"].int_value == 1
    assert semconv.SPAN_STARTED_PARENT not in facts
    parent = {pair.key: pair.value.string_value for pair in inner.attributes}[
        semconv.SPAN_STARTED_PARENT
    ]
    assert parent == outer.span_id.hex()
    assert outer.trace_id == inner.trace_id


def test_what_began_before_the_answer_is_told_when_it_is_a_hub() -> None:
    told, asked, answer = Told(), threading.Event(), threading.Event()

    def ask() -> bool:
        asked.set()
        return answer.wait(5)

    live = LiveSpans(told, ask=ask)
    started(live, "one", "two")
    assert asked.wait(5)
    assert not told.records
    answer.set()
    assert told.came.wait(5)
    for thread in threading.enumerate():
        if thread.name == "otbridge-live":
            thread.join(5)
    assert len(told.records) == 2


def test_others_than_a_hub_are_asked_once_and_told_nothing() -> None:
    told, asked = Told(), []

    def ask() -> bool:
        asked.append(1)
        return False

    live = LiveSpans(told, ask=ask)
    for _ in range(3):
        started(live, "one")
        for thread in threading.enumerate():
            if thread.name == "otbridge-live":
                thread.join(5)
    assert not told.records
    assert len(asked) == 1


def test_a_question_that_fails_does_no_harm() -> None:
    def ask() -> bool:
        raise RuntimeError

    live = LiveSpans(Told(), ask=ask)
    started(live, "one")
    for thread in threading.enumerate():
        if thread.name == "otbridge-live":
            thread.join(5)
    live.forget_parent()
    started(live, "two")


def test_who_wants_to_know_is_told_when_nobody_wants_to_hear() -> None:
    unwanted = threading.Event()
    live = LiveSpans(Told(), ask=lambda: False)
    live.when_unwanted(unwanted.set)
    assert not unwanted.is_set()
    started(live, "one")
    assert unwanted.wait(5)
    told_late: list[int] = []
    live.when_unwanted(lambda: told_late.append(1))
    assert told_late == [1]
