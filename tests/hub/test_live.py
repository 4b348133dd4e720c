"""What arrives is shown at once, filtered, bounded, and to each viewer at its own speed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.live import (
    ALLOWANCE_BYTES_PER_S,
    FLUSH_S,
    MESSAGES_PER_S,
    RING_ITEMS,
    Allowance,
    LiveFeed,
    LiveItem,
    Selection,
)
from otbridge.hub.live_filter import LiveFilter
from otbridge.wire.otlp_rows import decode_logs, decode_traces
from otbridge.wire.rows import Batch

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


class Screen:
    """Collects what one viewer is sent."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.got = asyncio.Event()

    async def send(self, message: bytes) -> None:
        self.messages.append(json.loads(message))
        self.times.append(time.monotonic())
        self.got.set()

    @property
    def items(self) -> list[dict[str, Any]]:
        return [item for message in self.messages for item in message["items"]]

    async def until(self, count: int) -> None:
        while len(self.items) < count:
            self.got.clear()
            await asyncio.wait_for(self.got.wait(), 5)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_batch_is_shown_in_its_order_beginnings_first() -> None:
    async def scene() -> None:
        feed, screen = LiveFeed(), Screen()
        viewer = feed.join()
        feed.publish(
            Batch(spans=[span_row("end")], open_spans=[span_row("begin")], logs=log_rows("between"))
        )
        viewer.close()
        await viewer.run(screen.send)
        assert [item["t"] for item in screen.items] == ["start", "log", "span"]
        assert screen.messages[0]["k"] == "batch"
        assert screen.messages[0]["skipped"] == 0

    play(scene)


def test_an_item_is_encoded_once_however_many_look() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        viewers = [feed.join() for _ in range(3)]
        feed.publish(Batch(logs=log_rows("a")))
        items = [viewer._ring[0] for viewer in viewers]
        assert items[0] is items[1] is items[2]
        assert items[0].encoded is items[1].encoded

    play(scene)


def test_messages_keep_some_time_apart_and_lose_nothing() -> None:
    async def scene() -> None:
        feed, screen = LiveFeed(), Screen()
        viewer = feed.join()
        running = asyncio.create_task(viewer.run(screen.send))
        for number in range(40):
            feed.publish(Batch(logs=log_rows(str(number))))
            await asyncio.sleep(0.001)
        await screen.until(40)
        viewer.close()
        await running
        gaps = [
            after - before for before, after in zip(screen.times, screen.times[1:], strict=False)
        ]
        assert [item["body"] for item in screen.items] == [str(number) for number in range(40)]
        assert min(gaps[:-1], default=1.0) > FLUSH_S * 0.9  # the last is sent when it is closed

    play(scene)


def test_a_viewer_too_slow_loses_the_oldest_is_told_and_harms_nobody() -> None:
    async def scene() -> None:
        feed, fast = LiveFeed(), Screen()
        stuck, seen = asyncio.Event(), Screen()

        async def slow_send(message: bytes) -> None:
            if not stuck.is_set():
                await stuck.wait()
            await seen.send(message)

        viewers = [feed.join(), feed.join()]
        running = [
            asyncio.create_task(viewers[0].run(slow_send)),
            asyncio.create_task(viewers[1].run(fast.send)),
        ]
        feed.publish(Batch(logs=log_rows("first")))
        await fast.until(1)
        bodies = [str(number) for number in range(RING_ITEMS + 50)]
        for begin in range(0, len(bodies), 100):
            feed.publish(Batch(logs=log_rows(*bodies[begin : begin + 100])))
            await fast.until(1 + begin + len(bodies[begin : begin + 100]))
        stuck.set()
        await seen.until(1 + RING_ITEMS)
        for viewer in viewers:
            viewer.close()
        await asyncio.gather(*running)
        assert [item["body"] for item in seen.items] == ["first", *bodies[50:]]
        assert sum(message["skipped"] for message in seen.messages) == 50
        assert feed.as_dict() == {"viewers": 2, "skipped": 50}

    play(scene)


def test_large_items_are_bounded_by_their_size() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        viewer = feed.join()
        rows = log_rows(*(f"{number}" + "x" * (3 << 20) for number in range(5)))
        for item in (LiveItem("log", row) for row in rows):
            viewer.offer(Selection([item], item.size, 0))
        assert [item.row.body_text[0] for item in viewer._ring] == ["3", "4"]  # type: ignore[union-attr]
        assert feed.skipped == 3

    play(scene)


def test_a_hundred_viewers_share_what_one_may_be_shown_and_see_the_same() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        viewers = [feed.join() for _ in range(100)]
        item = 1 << 14
        bodies = [f"{number}" + "x" * item for number in range(100)]
        feed.publish(Batch(logs=log_rows(*bodies)))
        shown = [[item.row.body_text for item in viewer._ring] for viewer in viewers]  # type: ignore[union-attr]
        assert all(each == shown[0] for each in shown)
        assert 0 < len(shown[0]) * item * 100 < ALLOWANCE_BYTES_PER_S + 200 * item
        assert feed.skipped == 100 * (100 - len(shown[0]))
        assert feed.pause_s == 100 / MESSAGES_PER_S

    play(scene)


def test_an_allowance_fills_with_time_and_lets_a_large_item_pass_on_credit() -> None:
    small, large = (LiveItem("log", row) for row in log_rows("a", "b" * 5000))
    allowance = Allowance(1000, 0.0)
    assert allowance.select([large, small], 1000, 0.0)[::2] == ([large], 1)
    assert allowance.select([small], 1000, 4.0)[::2] == ([], 1)
    assert allowance.select([small], 1000, 5.0)[::2] == ([small], 0)


def test_a_filter_that_nobody_has_any_more_is_forgotten() -> None:
    async def scene() -> None:
        feed = LiveFeed()
        viewer = feed.join()
        for service in ("a", "b", "c"):
            viewer.filter = LiveFilter(service=service)
            feed.publish(Batch(logs=log_rows("x")))
        assert list(feed._allowances) == [viewer.filter]

    play(scene)


def test_without_viewers_nothing_is_prepared() -> None:
    feed = LiveFeed()
    feed.publish(Batch(logs=[None]))  # type: ignore[list-item]
    feed.publish_lost([None])  # type: ignore[list-item]


def passes(row: LogRow | SpanRow, **asked: object) -> bool:
    from otbridge.hub.live import LiveItem

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
