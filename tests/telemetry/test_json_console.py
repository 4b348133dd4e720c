"""A plain event is the same line of JSON, whether it is rendered from parts or as a whole."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider

from otbridge._configure import parts
from otbridge.config import Config
from otbridge.processors.redact import Redactor
from otbridge.processors.service import service
from otbridge.telemetry import logs
from otbridge.telemetry.console import Console
from otbridge.telemetry.json_console import JsonConsole
from otbridge.telemetry.logger import get_logger
from otbridge.telemetry.logs import LogPath
from otbridge.telemetry.record import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


class WholeConsole(JsonConsole):
    """Renders every event as a whole."""

    __slots__ = ()

    log_plain = Console.log_plain


class Lines:
    """A log path, and the lines that it writes."""

    def __init__(self, kind: type[JsonConsole], config: Config) -> None:
        self._stream = io.StringIO()
        recorder = Recorder(lambda *_: True, {"service.name": "shop"})
        self.path = LogPath(
            parts.enriching_chain(config),
            parts.visiting_chain(config),
            recorder=recorder,
            short=parts.short_way(config, recorder, Redactor()),
            console=kind(lambda: self._stream, service("shop", "1.2", "test")),
            threshold=0,
            report=pytest.fail,
        )

    def __iter__(self) -> Iterator[str]:
        for line in self._stream.getvalue().split("\n")[:-1]:
            before, _, behind = line.partition('", ')
            assert before.startswith('{"timestamp": "20')
            yield behind


@pytest.fixture(autouse=True)
def path_before() -> Iterator[None]:
    """Whatever path was in force is so again afterwards."""
    before = logs._active
    yield
    logs.activate(before)


TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["a\nb", "\x7f", '"\\', "\ud800", "\u2028", "Größe", "\x1b[31m"]),
)
KEYS = st.one_of(
    st.sampled_from(["order_id", "service.name", "service.version", "user", ""]), TEXTS
)
LOOP: list[Any] = []
LOOP.append(LOOP)
VALUES = st.one_of(
    TEXTS,
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(TEXTS, max_size=2),
    st.sampled_from([LOOP, {1: 2}, {"a": {"b": b"c"}}, object, 10**5000]),
)


@given(fields=st.dictionaries(KEYS, VALUES, max_size=4), message=TEXTS, level=st.booleans())
def test_a_line_made_of_parts_is_the_line_made_as_a_whole(
    fields: dict[str, Any], message: str, level: bool
) -> None:
    made = [Lines(kind, Config(baggage_keys=("tenant",))) for kind in (JsonConsole, WholeConsole)]
    entries = baggage.set_baggage("tenant", "blue", baggage.set_baggage("correlation.id", "r-1"))
    token = context.attach(entries)
    try:
        with trace.use_span(TracerProvider().get_tracer("t").start_span("work")):
            for lines in made:
                logs.activate(lines.path)
                log = get_logger("shop.orders")
                for _ in range(2):  # what is remembered is as good as what is new
                    (log.error if level else log.info)(message, **fields)
    finally:
        context.detach(token)
    first, second = map(list, made)
    assert first == second
    assert len(first) == 2


def test_lines_of_parts_are_one_object_each_in_the_order_that_people_read() -> None:
    lines = Lines(JsonConsole, Config())
    logs.activate(lines.path)
    get_logger("shop.orders").info("placed", order_id=7, ratio=0.5, ok=True, note=None)
    (line,) = lines
    found = json.loads("{" + line)
    assert list(found)[:5] == ["level", "event", "logger", "service.name", "order_id"]
    assert (found["ratio"], found["ok"], found["note"]) == (0.5, True, None)
    assert found["code.function.name"] == sys._getframe().f_code.co_qualname


@pytest.mark.parametrize("line_buffering", [True, False])
def test_a_line_arrives_at_once_whether_or_not_the_stream_flushes_at_its_end(
    *, line_buffering: bool
) -> None:
    below = io.BytesIO()
    stream = io.TextIOWrapper(io.BufferedWriter(below), line_buffering=line_buffering)
    JsonConsole(lambda: stream, service("x")).log({"event": "e"}, "s", 0)
    assert json.loads(below.getvalue())["event"] == "e"
