"""Beginnings of spans, sent to a hub and to nobody else."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen, run
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from otbridge import semconv
from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import RetrySettings
from otbridge.processors.redact import Redactor
from otbridge.sinks.memory import MemorySink
from otbridge.telemetry import live as live_module
from otbridge.telemetry.live import LiveSpans, is_hub
from otbridge.testing import OtlpReceiver
from otbridge.typing import Retryable
from otbridge.wire.otlp_request import Envelope, compose

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.trace import Span

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

    @property
    def logs(self) -> list[LogRecord]:
        request = compose([(ENVELOPE, each) for each in self.records])
        found = ExportLogsServiceRequest.FromString(request).resource_logs
        return [*found[0].scope_logs[0].log_records] if found else []


def tracer_of(live: LiveSpans) -> Any:
    """A tracer whose spans *live* is told of."""

    class Tell(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            live.started(span, ENVELOPE)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Tell())
    return provider.get_tracer("t")


def started(live: LiveSpans, *names: str) -> list[Span]:
    """Begin a span that ends at once, and spans in it that do not."""
    tracer = tracer_of(live)
    with tracer.start_as_current_span(names[0], attributes={"n": 1}):
        return [tracer.start_span(name) for name in names[1:]]


def told_again(records: list[LogRecord]) -> list[str]:
    """The names of the spans among *records* that were told of again."""
    found = []
    for record in records:
        facts = {pair.key: pair.value for pair in record.attributes}
        if semconv.SPAN_STARTED_AGAIN in facts:
            assert facts[semconv.SPAN_STARTED_AGAIN].bool_value
            found.append(facts[semconv.SPAN_STARTED_NAME].string_value)
    return found


@pytest.fixture
def live_spans() -> Any:
    """Makes what is stopped when the test is over."""
    made: list[LiveSpans] = []

    def make(*args: Any, **settings: Any) -> LiveSpans:
        made.append(LiveSpans(*args, **settings))
        return made[-1]

    yield make
    for live in made:
        live.stop()


def wait_until(reached: Any) -> None:
    """Wait for what another thread does, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.001)


AN_HOUR_AGO = time.time_ns() - 3600 * 10**9


def test_the_record_says_name_kind_parent_and_attributes(live_spans: Any) -> None:
    told = Told()
    started(live_spans(told, known=True), "outer", "inner")
    outer, inner = told.logs
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


def test_what_is_open_when_the_answer_comes_is_told_where_it_is_a_hub(live_spans: Any) -> None:
    told, asked, answer = Told(), threading.Event(), threading.Event()

    def ask() -> bool:
        asked.set()
        return answer.wait(5)

    live = live_spans(told, ask=ask)
    spans = started(live, "over", "open", "open too")
    assert asked.wait(5)
    assert not told.records
    answer.set()
    assert told.came.wait(5)
    wait_until(lambda: len(told.records) == 2)
    assert told_again(told.logs) == []
    assert all(span.is_recording() for span in spans)


def test_others_than_a_hub_are_asked_once_and_told_nothing(live_spans: Any) -> None:
    told, asked = Told(), []

    def ask() -> bool:
        asked.append(1)
        return False

    live = live_spans(told, ask=ask)
    for _ in range(3):
        started(live, "one")
        for thread in threading.enumerate():
            if thread.name == "otbridge-live":
                thread.join(5)
    assert not told.records
    assert len(asked) == 1


def test_a_question_that_fails_does_no_harm(live_spans: Any) -> None:
    def ask() -> bool:
        raise RuntimeError

    live = live_spans(Told(), ask=ask)
    started(live, "one")
    for thread in threading.enumerate():
        if thread.name == "otbridge-live":
            thread.join(5)
    live.forget_parent()
    started(live, "two")


def test_who_wants_to_know_is_told_when_nobody_wants_to_hear(live_spans: Any) -> None:
    unwanted = threading.Event()
    live = live_spans(Told(), ask=lambda: False)
    live.when_unwanted(unwanted.set)
    assert not unwanted.is_set()
    started(live, "one")
    assert unwanted.wait(5)
    told_late: list[int] = []
    live.when_unwanted(lambda: told_late.append(1))
    assert told_late == [1]


def test_spans_that_stay_open_are_told_again_until_they_end(live_spans: Any) -> None:
    told = Told()
    live = live_spans(told, known=True)
    tracer = tracer_of(live)
    first = tracer.start_span("first", start_time=AN_HOUR_AGO)
    second = tracer.start_span("second", start_time=AN_HOUR_AGO)
    short = tracer.start_span("short")
    live.tell_again()
    assert told_again(told.logs) == ["first", "second"]
    first.end()
    live.tell_again()
    assert told_again(told.logs) == ["first", "second", "second"]
    again = told.logs[-1]
    assert again.span_id == second.get_span_context().span_id.to_bytes(8, "big")
    assert again.time_unix_nano == AN_HOUR_AGO
    assert short.is_recording()


def test_a_span_that_nobody_holds_any_more_is_not_told_again(live_spans: Any) -> None:
    told = Told()
    live = live_spans(told, known=True)
    tracer_of(live).start_span("lost", start_time=AN_HOUR_AGO)
    live.tell_again()
    assert told_again(told.logs) == []


def test_a_round_tells_of_the_oldest_only(live_spans: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "_MOST_AT_ONCE", 2)
    told = Told()
    live = live_spans(told, known=True)
    tracer = tracer_of(live)
    spans = [tracer.start_span(name, start_time=AN_HOUR_AGO) for name in "abc"]
    live.tell_again()
    assert told_again(told.logs) == ["a", "b"]
    assert len(spans) == 3


def test_what_is_told_again_has_no_secrets_either(live_spans: Any) -> None:
    told = Told()
    live = live_spans(told, known=True, redactor=Redactor(()))
    attributes = {"password": "hunter2"}
    span = tracer_of(live).start_span("a", attributes=attributes, start_time=AN_HOUR_AGO)
    span.set_attribute("api_key", "hunter2")
    live.tell_again()
    assert told_again(told.logs) == ["a"]
    assert not any(b"hunter2" in record for record in told.records)


def test_a_span_that_cannot_be_told_costs_the_others_nothing(live_spans: Any) -> None:
    told = Told()
    live = live_spans(told, known=True)
    tracer = tracer_of(live)
    broken = tracer.start_span("broken", start_time=AN_HOUR_AGO)
    sound = tracer.start_span("sound", start_time=AN_HOUR_AGO)
    broken._kind = "none"
    live.tell_again()
    assert told_again(told.logs) == ["sound"]
    assert sound.is_recording()


def test_nothing_is_told_again_while_nothing_arrives(live_spans: Any) -> None:
    class Away(MemorySink):
        away = True

        def send(self, signal: Any, request: bytes, timeout: float) -> Any:
            return Retryable("503") if self.away else super().send(signal, request, timeout)

    sink = Away()
    pipeline = Pipeline("logs", sink, report=lambda _: None, retry=RetrySettings(attempt_s=0.1))
    live = live_spans(pipeline.put, known=True, books=pipeline.ledger.snapshot)
    span = tracer_of(live).start_span("a", start_time=AN_HOUR_AGO)
    for _ in range(20):
        live.tell_again()
    assert pipeline.ledger.snapshot().accepted == 2  # the beginning, and one round
    sink.away = False
    wait_until(lambda: pipeline.ledger.snapshot().delivered == 2)
    live.tell_again()
    assert pipeline.ledger.snapshot().accepted == 3
    assert span.is_recording()
    pipeline.shutdown(5)


def live_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "otbridge-live"]


def test_one_thread_tells_again_until_it_is_stopped(
    live_spans: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "AGAIN_S", 0.01)
    before = set(live_threads())
    told = Told()
    live = live_spans(told, known=True)
    tracer = tracer_of(live)
    spans = [tracer.start_span(name, start_time=AN_HOUR_AGO) for name in "ab"]
    wait_until(lambda: told_again(told.logs).count("b") > 1)
    assert set(told_again(told.logs)) == {"a", "b"}
    (thread,) = set(live_threads()) - before
    assert thread.daemon
    live.stop()
    thread.join(5)
    assert not thread.is_alive()
    tracer.start_span("c")
    assert not set(live_threads()) - before
    assert len(spans) == 2


FORKS = """
import os, sys
import otbridge
from otbridge.telemetry import live
live.AGAIN_S, live._LASTING_S = 0.1, 0.05
otbridge.configure("shop", endpoint=sys.argv[1], live="on")
with otbridge.span("before"):
    child = os.fork()
    with otbridge.span("parent" if child else "child"):
        sys.stdin.read()
if child:
    sys.exit(os.waitpid(child, 0)[1])
"""


def test_both_sides_of_a_fork_tell_again_of_the_spans_that_they_began() -> None:
    def again() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for source in receiver.resource_logs:
            facts = {pair.key: pair.value.string_value for pair in source.resource.attributes}
            for scope in source.scope_logs:
                names = told_again([*scope.log_records])
                found.setdefault(facts[semconv.SERVICE_INSTANCE_ID], set()).update(names)
        return {process: names for process, names in found.items() if names}

    with OtlpReceiver() as receiver:
        command = [sys.executable, "-c", FORKS, receiver.http_url]
        with Popen(command, stdin=PIPE, stderr=PIPE) as program:
            wait_until(
                lambda: sorted(map(sorted, again().values())) == [["before", "parent"], ["child"]]
            )
            _, said = program.communicate(timeout=20)
        assert (program.returncode, said) == (0, b"")


ENDS = """
import sys
import otbridge
from otbridge.telemetry import live
live.AGAIN_S, live._LASTING_S = 0.001, 0.0
otbridge.configure("shop", endpoint=sys.argv[1], live="on", console="off")
spans = [otbridge.span("never ends").__enter__() for _ in range(100)]
"""


def test_a_process_ends_while_spans_are_told_again_and_nothing_is_lost() -> None:
    with OtlpReceiver() as receiver:
        command = [sys.executable, "-c", ENDS, receiver.http_url]
        begun = time.monotonic()
        ended = run(command, capture_output=True, check=False, timeout=20)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert time.monotonic() - begun < 10
        assert len(receiver.logs) >= 100
