"""The short way of plain events makes what the processors make, one by one."""

from __future__ import annotations

import contextvars
import datetime as dt
import decimal
import enum
import logging
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context, trace
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
from opentelemetry.sdk.trace import TracerProvider

from otbridge._configure import parts
from otbridge.config import Config
from otbridge.processors.redact import Redactor
from otbridge.telemetry import logs
from otbridge.telemetry.clean import MOST_CACHED
from otbridge.telemetry.console import Console
from otbridge.telemetry.logger import CHAIN, get_logger
from otbridge.telemetry.logs import LogPath
from otbridge.telemetry.record import Recorder
from otbridge.telemetry.stdlib import Handler
from otbridge.wire.otlp_request import Envelope

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kept(Console):
    """A console that keeps what it is to show."""

    def __init__(self) -> None:
        super().__init__(lambda: None)
        self.shown: list[dict[str, Any]] = []

    def log(self, event: Any, scope: str, at_ns: int) -> None:
        self.shown.append({**event, "scope": scope})


class Twin:
    """A log path, and what comes out of it."""

    def __init__(self, config: Config, *, short: bool) -> None:
        self.records: list[tuple[Envelope, bytes, int]] = []
        self.console = Kept()
        self.failures: list[str] = []
        recorder = Recorder(self._put, {"service.name": "test"})
        redactor = Redactor(config.redact_keys) if config.redact else None
        self.path = LogPath(
            parts.enriching_chain(config),
            parts.visiting_chain(config),
            recorder=recorder,
            short=parts.short_way(config, recorder, redactor) if short else None,
            console=self.console,
            threshold=0,
            report=self.failures.append,
        )

    def _put(self, envelope: Envelope, record: bytes, severity: int) -> bool:
        self.records.append((envelope, record, severity))
        return True

    @property
    def outcome(self) -> Any:
        """Scope, severity and bytes of each record without its times, and what was shown."""
        return (
            [(each.scope, severity, untimed(record)) for each, record, severity in self.records],
            self.console.shown,
            self.failures,
        )


def untimed(record: bytes) -> bytes:
    (message,) = ScopeLogs.FromString(record).log_records
    message.time_unix_nano = message.observed_time_unix_nano = 0
    whole: bytes = message.SerializeToString(deterministic=True)
    return whole


class Colour(enum.StrEnum):
    RED = "red"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


ODD_KEYS = [
    *("password", "api_key", "session_token", "tenant", "level", "severity_number", "event"),
    *("event_name", "event.name", "otel.event.name", "trace_id", "span_id", "trace_flags"),
    *("correlation.id", "timestamp", "logger", "exc_info", "exception", "stack_info", "_record"),
    *("code.file.path", "code.line.number", "code.function.name", "code.stacktrace"),
    *("exception.type", "exception.message", "exception.stacktrace", "_from_structlog"),
    "otbridge.dropped_attributes",
]
KEYS = st.sampled_from(
    [
        *ODD_KEYS,
        *("order_id", "user", "amount", "ok", "path", "items", "naïve ключ", ""),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *("Bearer abcdefghijkl", "ghp_" + "a" * 30, "postgres://u:secret@db/x", "\ud800"),
            *("x" * 200, "y" * 5000, "https://shop.example/cart", "password=hunter22", ""),
        ]
    ),
)
VALUES = st.one_of(
    TEXTS,
    st.integers(-(2**70), 2**70),
    st.integers(0, 1 << 22),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(TEXTS, max_size=3),
    st.dictionaries(KEYS, TEXTS, max_size=3),
    st.sampled_from(
        [
            *(Broken(), Colour.RED, uuid.UUID(int=7), decimal.Decimal("1.5"), b"\xff", {1}),
            dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
            ValueError("password=hunter22"),
        ]
    ),
)
PLAIN_KEYS = st.sampled_from(["order_id", "user", "amount", "ok", "path", "max_tokens"])
PLAIN_VALUES = st.one_of(
    st.text(max_size=12), st.integers(0, 1 << 40), st.floats(), st.booleans(), st.none()
)
FIELDS = st.builds(  # mostly plain, because one odd field sends the event the long way
    dict.__or__,
    st.dictionaries(PLAIN_KEYS, PLAIN_VALUES, max_size=4),
    st.one_of(
        st.dictionaries(KEYS, st.one_of(VALUES, TEXTS), max_size=1),
        st.dictionaries(KEYS, VALUES, max_size=4),
    ),
)
CONFIGS = st.builds(
    Config,
    callsite=st.booleans(),
    redact=st.booleans(),
    redact_keys=st.sampled_from([(), (), ("tenant",), ("event",), ("correlation.id",)]),
    baggage_keys=st.sampled_from([(), ("tenant", "order_id")]),
    attribute_limit=st.sampled_from([128, 128, 20, 3]),
    value_limit=st.sampled_from([32_768, 100, 16]),
)
LEVELS = ["trace", "info", "audit", "warning", "error", "exception", "critical", "sep"]


@pytest.fixture(autouse=True)
def path_before() -> Iterator[None]:
    """Whatever path was in force is so again afterwards."""
    before = logs._active
    yield
    logs.activate(before)


def surrounded(stack: ExitStack, *, span: bool, entries: dict[str, str], bound: Any) -> None:
    if span:
        stack.enter_context(TracerProvider().get_tracer("t").start_as_current_span("work"))
    for key, value in entries.items():
        stack.callback(context.detach, context.attach(baggage.set_baggage(key, value)))
    stack.enter_context(structlog.contextvars.bound_contextvars(**bound))


AROUND = {
    "span": st.booleans(),
    "entries": st.dictionaries(
        st.sampled_from(["correlation.id", "tenant", "order_id", "secret"]),
        st.sampled_from(["blue", "Bearer abcdefghijkl", "z" * 300]),
    ),
    "bound": st.dictionaries(st.sampled_from(["request", "user", "level", "password"]), TEXTS),
}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    config=CONFIGS,
    level=st.sampled_from(LEVELS),
    message=st.one_of(st.text(max_size=12), TEXTS, VALUES),
    fields=FIELDS,
    around=st.fixed_dictionaries(AROUND),
)
def test_an_event_of_our_own_loggers_comes_out_the_same_either_way(
    config: Config, level: str, message: Any, fields: Any, around: Any
) -> None:
    twins = [Twin(config, short=short) for short in (True, False)]
    log = get_logger("shop", shop="north")
    with ExitStack() as stack:
        surrounded(stack, **around)
        for twin in twins:
            logs.activate(twin.path)
            for _ in range(2):  # what is remembered is as good as what is new
                getattr(log, level)(message, **fields)
    short, long = (sorted_attributes(twin.outcome) for twin in twins)
    assert short == long


@pytest.mark.parametrize("key", ODD_KEYS)
@pytest.mark.parametrize("value", ["0" * 31 + "7", "x" * 200, 7, True, None, ["a"]], ids=str)
def test_a_field_that_means_something_comes_out_the_same_either_way(key: str, value: Any) -> None:
    config = Config(value_limit=100, baggage_keys=("tenant",), redact_keys=("otel.event.name",))
    twins = [Twin(config, short=short) for short in (True, False)]
    around = {"correlation.id": "req-1", "tenant": "blue"}
    with ExitStack() as stack:
        surrounded(stack, span=True, entries=around, bound={})
        for twin in twins:
            logs.activate(twin.path)
            get_logger("shop").info("placed", order_id=7, **{key: value})
    assert sorted_attributes(twins[0].outcome) == sorted_attributes(twins[1].outcome)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    config=CONFIGS,
    level=st.sampled_from([(10, "DEBUG"), (20, "INFO"), (35, "ALARM"), (40, "ERROR")]),
    message=TEXTS,
    fields=FIELDS,
    around=st.fixed_dictionaries(AROUND),
)
def test_a_record_of_the_standard_library_comes_out_the_same_either_way(
    config: Config, level: Any, message: str, fields: Any, around: Any
) -> None:
    twins = [Twin(config, short=short) for short in (True, False)]
    record = logging.LogRecord("lib.db", level[0], "/app/x.py", 7, message, (), None, "work")
    record.levelname = level[1]
    vars(record).update(fields)
    with ExitStack() as stack:
        surrounded(stack, **around)
        for twin in twins:
            handler = Handler(twin.path, show=True, callsite=config.callsite)
            for _ in range(2):
                handler.handle(record)
    short, long = (sorted_attributes(twin.outcome) for twin in twins)
    assert short == long


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    config=CONFIGS,
    level=st.sampled_from(LEVELS),
    message=st.one_of(st.text(max_size=12), TEXTS, VALUES),
    fields=FIELDS,
    around=st.fixed_dictionaries(AROUND),
    logger=st.sampled_from([None, "shop"]),
)
def test_an_event_of_somebody_elses_chain_comes_out_the_same_either_way(  # noqa: PLR0917 - drawn by name
    config: Config, level: str, message: Any, fields: Any, around: Any, logger: Any
) -> None:
    twins = [Twin(config, short=short) for short in (True, False)]
    theirs = []
    with ExitStack() as stack:
        surrounded(stack, **around)
        for twin in twins:
            event = {**fields, "event": message, "timestamp": "noon"}
            if logger:
                event |= {"logger": logger, "level": "warning"}
            shown = twin.path.enrich(None, level, event)
            twin.path.accept(None, level, shown)
            theirs.append(shown)
    short, long = (sorted_attributes(twin.outcome) for twin in twins)
    assert short == long
    assert theirs[0] == theirs[1]


def sorted_attributes(outcome: Any) -> Any:
    """The order of attributes is free, and not the same either way."""
    records = []
    for scope, severity, record in outcome[0]:
        message = ScopeLogs.FromString(b"\x12" + _size(record) + record).log_records[0]
        pairs = sorted(message.attributes, key=lambda pair: pair.key)
        del message.attributes[:]
        message.attributes.extend(pairs)
        records.append((scope, severity, message))
    return records, *outcome[1:]


def _size(record: bytes) -> bytes:
    from otbridge.wire.protobuf import varint

    return varint(len(record))


def test_a_plain_event_takes_the_short_way_and_a_secret_does_not() -> None:
    twin = Twin(Config(), short=True)
    long_way: list[str] = []

    def see(_logger: Any, _method: str, event: Any) -> Any:
        long_way.append(event["event"])
        return event

    twin.path._chain = (see, *twin.path._chain)
    logs.activate(twin.path)
    log = get_logger("shop")
    log.info("plain", order_id=7, user="ann@example.com", ratio=0.5, ok=True, items=[1, "two"])
    log.info("secret", password="hunter2")
    log.info("text", url="https://u:hunter2@example.com")
    log.error("failed", exc_info=ValueError("x"))
    assert long_way == ["secret", "text", "failed"]
    assert len(twin.records) == 4


def test_a_value_that_logs_is_asked_once() -> None:
    twin = Twin(Config(), short=True)
    logs.activate(twin.path)
    log = get_logger("shop")
    said = 0

    class Talker:
        def __str__(self) -> str:
            nonlocal said
            said += 1
            log.info("from inside")
            return "talker"

    log.info("outside", who=Talker(), password="hunter2")
    first = said
    log.info("outside", who=Talker())
    assert said - first == 1
    assert len(twin.records) == 2 + said


def test_a_context_that_is_gone_is_forgotten() -> None:
    twin = Twin(Config(), short=True)
    logs.activate(twin.path)
    short = twin.path.short
    assert short is not None
    log = get_logger("shop")
    for number in range(3):
        with trace.use_span(TracerProvider().get_tracer("t").start_span(f"s{number}")):
            log.info("inside")
    assert len(short.surroundings.known) <= 1  # that of the last context at most


def test_one_place_may_say_the_same_at_two_levels_and_more_than_is_remembered() -> None:
    twin = Twin(Config(callsite=False), short=True)
    logs.activate(twin.path)
    log = get_logger("shop")
    said = [("info", "same"), ("error", "same"), ("info", "same")]
    said += [("info", f"message {number}") for number in range(MOST_CACHED + 10)] * 2
    for level, message in said:
        getattr(log, level)(message)
    found = [ScopeLogs.FromString(record).log_records[0] for _, record, _ in twin.records]
    assert [(each.severity_text.lower(), each.body.string_value) for each in found] == said


def test_functions_made_at_run_time_keep_their_own_places() -> None:
    twin = Twin(Config(), short=True)
    logs.activate(twin.path)
    log = get_logger("shop")
    for number in range(5000):  # more than are remembered, each gone before the next is made
        made: dict[str, Any] = {}
        exec(f"def f{number}(log): log.info('x')", {"__name__": "made"}, made)
        made[f"f{number}"](log)
    names = [
        next(pair.value.string_value for pair in record.attributes if pair.key.endswith("name"))
        for record in (ScopeLogs.FromString(each).log_records[0] for _, each, _ in twin.records)
    ]
    assert names == [f"f{number}" for number in range(5000)]


def test_the_current_context_is_found_where_opentelemetry_keeps_it() -> None:
    """Not by its own function, which is two calls; also where nothing is set, as in new threads."""
    short = Twin(Config(), short=True).path.short
    assert short is not None
    look = short.surroundings.context
    assert look is not context.get_current
    assert look() is context.get_current()
    token = context.attach(baggage.set_baggage("a", "b"))
    try:
        assert look() is context.get_current()
        assert contextvars.Context().run(look) is contextvars.Context().run(context.get_current)
    finally:
        context.detach(token)


@pytest.mark.parametrize("callsite", [True, False])
def test_a_logger_without_a_name_speaks_for_the_module_that_calls_it(*, callsite: bool) -> None:
    twin = Twin(Config(callsite=callsite), short=True)
    logs.activate(twin.path)
    nameless = structlog.wrap_logger(None, processors=CHAIN)
    for _ in range(2):
        nameless.info("of structlog")
        twin.path.accept(None, "info", {"event": "of a chain"})
    assert {scope for scope, _, _ in twin.outcome[0]} == {Envelope.of({}, __name__).scope}
