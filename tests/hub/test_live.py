"""What arrives is shown at once, filtered, bounded, and to each viewer at its own speed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.live import (
    ALLOWANCE_BYTES_PER_S,
    ARRIVED_BYTES,
    FLUSH_S,
    MESSAGES_PER_S,
    SLICE_S,
    LiveFeed,
)
from otbridge.hub.live_channel import RING_ITEMS, LiveItem
from otbridge.hub.live_filter import LiveFilter
from otbridge.wire.otlp_rows import decode_logs, decode_traces
from otbridge.wire.rows import Batch
from tests.hub.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from otbridge.wire.rows import LogRow, SpanRow


def log_rows(*bodies: str, severity: int = 9, attribute: object = None) -> list[LogRow]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for body in bodies:
        record = records.add(severity_number=severity, time_unix_nano=1, trace_id=b"t" * 16)
        record.body.string_value = body
        if isinstance(attribute, int):
            record.attributes.add(key="number").value.int_value = attribute
        elif attribute is not None:
            record.attributes.add(key="text").value.string_value = str(attribute)
    return decode_logs(request.SerializeToString(), 1)[0]


def span_row(name: str) -> SpanRow:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, name=name, start_time_unix_nano=1
    )
    return decode_traces(request.SerializeToString(), 1)[0][0]


def play(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_batch_is_shown_in_its_order_beginnings_first() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        feed.publish(
            Batch(spans=[span_row("end")], open_spans=[span_row("begin")], logs=log_rows("between"))
        )
        assert [item["t"] for item in screen.items_now()] == ["start", "log", "span"]
        assert screen.messages[0]["k"] == "batch"
        assert screen.messages[0]["skipped"] == 0

    play(scene)


def test_to_publish_is_to_put_aside_whoever_looks() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screens = [Screen(feed) for _ in range(100)]
        feed.publish(Batch(logs=log_rows("a")))
        assert not any(screen.frames for screen in screens)
        await screens[-1].until(1)

    play(scene)


def test_everybody_with_one_filter_is_sent_the_very_same_frame() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screens = [Screen(feed) for _ in range(4)]
        for screen in screens[2:]:
            screen.viewer.look_for(LiveFilter(severity=9))
        feed.publish(Batch(logs=log_rows("a")))
        feed.flush()
        frames = [screen.frames[0] for screen in screens]
        assert frames[0] is frames[1]
        assert frames[2] is frames[3]
        assert len(set(frames)) == 1

    play(scene)


def test_a_new_filter_holds_for_what_comes_from_then_on() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        feed.publish(Batch(logs=log_rows("before")))
        screen.viewer.look_for(LiveFilter(severity=17))
        feed.publish(Batch(logs=log_rows("unwanted") + log_rows("wanted", severity=17)))
        assert [item["body"] for item in screen.items_now()] == ["wanted"]
        assert feed.skipped == 0

    play(scene)


def test_messages_keep_some_time_apart_and_lose_nothing() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        for number in range(40):
            feed.publish(Batch(logs=log_rows(str(number))))
            await asyncio.sleep(0.001)
        await screen.until(40)
        assert [item["body"] for item in screen.items] == [str(number) for number in range(40)]
        rounds = (screen.times[-1] - screen.times[0]) / FLUSH_S
        assert len(screen.messages) <= rounds + 2

    play(scene)


def test_others_have_their_turn_while_much_is_shown() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        feed.publish(Batch(logs=log_rows(*map(str, range(RING_ITEMS)))))
        turns = 0
        while not screen.frames:
            await asyncio.sleep(0)
            turns += 1
        assert turns > RING_ITEMS * 1e-6 / SLICE_S  # a microsecond an item is far too little
        assert len(screen.items) == RING_ITEMS

    play(scene)


def test_a_viewer_too_slow_loses_the_oldest_is_told_and_harms_nobody() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        slow, fast = Screen(feed), Screen(feed)
        feed.publish(Batch(logs=log_rows("first")))
        feed.flush()
        slow.ready = False
        bodies = [str(number) for number in range(RING_ITEMS + 50)]
        for begin in range(0, len(bodies), 100):
            feed.publish(Batch(logs=log_rows(*bodies[begin : begin + 100])))
            feed.flush()
        assert [item["body"] for item in fast.items] == ["first", *bodies]
        assert feed.as_dict() == {"viewers": 2, "skipped": 50}  # before it is told
        slow.be_ready()
        await slow.until(1 + RING_ITEMS)
        assert [item["body"] for item in slow.items] == ["first", *bodies[50:]]
        assert [message["skipped"] for message in slow.messages] == [0, 50]
        assert feed.as_dict() == {"viewers": 2, "skipped": 50}

    play(scene)


def test_what_arrives_while_nobody_has_time_for_it_is_bounded_and_told_of() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        many = ARRIVED_BYTES // (1 << 20) + 5
        for number in range(many):
            feed.publish(Batch(logs=log_rows(f"{number}:" + "x" * (1 << 20))))
        shown = screen.items_now()
        assert sum(message["skipped"] for message in screen.messages) == many - len(shown)
        assert int(shown[0]["body"].partition(":")[0]) >= 5

    play(scene)


def test_a_hundred_viewers_share_what_one_may_be_shown_and_see_the_same() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screens = [Screen(feed) for _ in range(100)]
        size = 1 << 14
        feed.publish(Batch(logs=log_rows(*(f"{number}" + "x" * size for number in range(100)))))
        feed.flush()
        shown = screens[0].items
        assert all(screen.frames == screens[0].frames for screen in screens)
        assert 0 < len(shown) * size * 100 < ALLOWANCE_BYTES_PER_S + 200 * size
        assert feed.skipped == 100 * (100 - len(shown))
        assert feed.pause_s == 100 / MESSAGES_PER_S

    play(scene)


def test_what_was_not_shown_stays_counted_when_its_viewer_has_gone() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        screen.ready = False
        feed.publish(Batch(logs=log_rows(*map(str, range(RING_ITEMS + 7)))))
        feed.flush()
        feed.leave(screen.viewer)
        feed.leave(screen.viewer)
        assert feed.as_dict() == {"viewers": 0, "skipped": 7}

    play(scene)


def test_what_came_for_the_last_viewer_is_not_shown_to_the_next_one() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        first = Screen(feed)
        feed.publish(Batch(logs=log_rows("before")))
        feed.leave(first.viewer)
        second = Screen(feed)
        feed.publish(Batch(logs=log_rows("after")))
        assert [item["body"] for item in second.items_now()] == ["after"]
        assert not first.frames

    play(scene)


def test_a_filter_that_nobody_has_any_more_is_forgotten() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        for service in ("a", "b", "c"):
            screen.viewer.look_for(LiveFilter(service=service))
        assert list(feed._channels) == [LiveFilter(service="c")]
        feed.leave(screen.viewer)
        assert not feed._channels

    play(scene)


def test_at_the_end_everybody_is_shown_the_rest_and_let_go() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screens = [Screen(feed), Screen(feed)]
        feed.publish(Batch(logs=log_rows("last words")))
        feed.close()
        for screen in screens:
            await screen.viewer.let_go.wait()
            assert [item["body"] for item in screen.items] == ["last words"]
        feed.publish(Batch(logs=log_rows("too late")))
        assert len(screens[0].items_now()) == 1

    play(scene)


def test_a_round_that_fails_is_told_of_and_the_next_one_is_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        feed = LiveFeed()
        screen = Screen(feed)
        feed.publish(Batch(logs=[*log_rows("whole"), *broken_rows()]))
        await screen.until(1)
        feed.publish(Batch(logs=log_rows("and more")))
        await screen.until(2)
        assert screen.messages[0]["skipped"] == 1

    play(scene)
    assert "A record cannot be shown live." in caplog.text


def broken_rows() -> list[LogRow]:
    """A row whose bytes are no record: no door lets such in."""
    (row,) = log_rows("broken")
    row.data = b"\xff"
    return [row]


def test_without_viewers_nothing_is_prepared() -> None:
    feed = LiveFeed()
    feed.publish(Batch(logs=[None]))  # type: ignore[list-item]
    feed.publish_lost([None])  # type: ignore[list-item]


def passes(row: LogRow | SpanRow, **asked: object) -> bool:
    return LiveFilter.of(asked).passes(LiveItem("log", row))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, True),
        ({"trace_id": None, "service": None, "severity": None, "q": None}, True),
        ({"trace_id": b"t".hex() * 16}, True),
        ({"trace_id": b"u".hex() * 16}, False),
        ({"service": "unknown_service"}, True),
        ({"service": "shop"}, False),
        ({"severity": "info"}, True),
        ({"severity": "WARN"}, False),
        ({"severity": 9}, True),
        ({"severity": 10}, False),
        ({"q": "order"}, True),
        ({"q": "ORD pla"}, True),
        ({"q": "rder"}, False),
        ({"q": "order missing"}, False),
        ({"q": "ada"}, True),
        ({"q": 'text="Ada Lovelace"'}, True),
        ({"q": "text=Ada"}, False),
        ({"q": "other=Ada"}, False),
    ],
)
def test_a_filter_lets_through_what_was_asked_for(asked: dict[str, Any], expected: bool) -> None:
    (row,) = log_rows("Order-placed", attribute="Ada Lovelace")
    assert passes(row, **asked) is expected


def test_numbers_are_found_as_they_are_written() -> None:
    (row,) = log_rows("a", attribute=42)
    assert passes(row, q="42")
    assert passes(row, q="number=42")


def test_spans_have_no_severity_and_are_found_by_their_name() -> None:
    assert passes(span_row("GET /offer"), severity="error", q="offer")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("payment", True),
        ("PAYM", True),
        ("repay", True),
        ("ment", False),
        ("amount", False),
        ("bank", True),
        ("ban", True),
        ("ank", False),
        ("true", True),
        ("12", True),
        ("2", False),
        ("payment bank", True),
        ("payment tank", False),
        ("müll", True),
    ],
)
def test_words_are_found_at_their_beginning_in_texts_and_in_attributes(
    asked: str, expected: bool
) -> None:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=1)
    record.body.string_value = "Payment_refused; repayment due, MÜLLER"
    record.attributes.add(key="amount").value.int_value = 12
    record.attributes.add(key="final").value.bool_value = True
    record.attributes.add(key="who").value.string_value = "the-bank"
    (row,), _ = decode_logs(request.SerializeToString(), 1)
    assert passes(row, q=asked) is expected
