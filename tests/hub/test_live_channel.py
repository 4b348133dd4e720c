"""What everybody with one filter is shown is chosen once, within bounds, and numbered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otbridge.hub.live_channel import RING_ITEMS, Allowance, Channel, LiveItem
from otbridge.hub.live_filter import LiveFilter
from otbridge.wire.otlp_rows import decode_logs
from tests.hub.screen import text_of

if TYPE_CHECKING:
    import pytest

    from otbridge.hub.live_channel import Told

PLENTY = 1e12


def items(*bodies: str) -> list[LiveItem]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for body in bodies:
        records.add(time_unix_nano=1).body.string_value = body
    return [LiveItem("log", row) for row in decode_logs(request.SerializeToString(), 1)[0]]


def channel_with(*bodies: str, share: float = PLENTY) -> Channel:
    channel = Channel(LiveFilter(), share, 0.0)
    for item in items(*bodies):
        channel.offer(item)
    return channel


def told(channel: Channel, since: int) -> Told:
    telling = channel.tell(since)
    while True:
        try:
            next(telling)
        except StopIteration as end:
            done: Told = end.value
            return done


def message(channel: Channel, since: int) -> tuple[list[str], int]:
    answer: dict[str, Any] = json.loads(text_of(told(channel, since).frame))
    assert answer["skipped"] == told(channel, since).skipped
    return [item["body"] for item in answer["items"]], answer["skipped"]


def test_whoever_saw_some_already_is_told_of_the_rest() -> None:
    channel = channel_with("a", "b", "c")
    assert message(channel, 0) == (["a", "b", "c"], 0)
    assert message(channel, 2) == (["c"], 0)


def test_what_nobody_is_shown_has_a_number_and_is_told_of() -> None:
    channel = channel_with("a", "b")
    channel.pass_over(5)
    channel.offer(*items("c"))
    assert message(channel, 1) == (["b", "c"], 5)


def test_what_does_not_pass_has_no_number() -> None:
    channel = Channel(LiveFilter(service="another"), PLENTY, 0.0)
    channel.offer(*items("a"))
    assert channel.end == 0


def test_the_ring_keeps_the_latest() -> None:
    channel = channel_with(*map(str, range(RING_ITEMS + 3)))
    bodies, skipped = message(channel, 0)
    assert (bodies[0], len(bodies), skipped) == ("3", RING_ITEMS, 3)


def test_large_items_are_bounded_by_their_size() -> None:
    channel = channel_with(*(f"{number}" + "x" * (3 << 20) for number in range(5)))
    bodies, skipped = message(channel, 0)
    assert ([body[0] for body in bodies], skipped) == (["3", "4"], 3)


def test_what_everybody_was_told_of_is_forgotten() -> None:
    channel = channel_with("a", "b", "c")
    channel.forget(2)
    assert message(channel, 0) == (["c"], 2)
    assert len(channel.unseen(0)) == 1


def test_an_item_is_encoded_once_however_many_channels_show_it() -> None:
    (item,) = items("a")
    channels = [Channel(LiveFilter(), PLENTY, 0.0), Channel(LiveFilter(severity=0), PLENTY, 0.0)]
    for channel in channels:
        channel.offer(item)
    assert channels[0].unseen(0)[0].encoded is channels[1].unseen(0)[0].encoded


def test_a_record_that_cannot_be_searched_is_counted_and_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (item,) = items("a")
    item.row.data = b"\xff"
    channel = Channel(LiveFilter.of({"q": "12"}), PLENTY, 0.0)
    channel.offer(item)
    assert message(channel, 0) == ([], 1)
    assert "cannot be searched live" in caplog.text


def test_an_allowance_fills_with_time_and_lets_a_large_item_pass_on_credit() -> None:
    allowance = Allowance(1000, 0.0)
    spent = []
    for now, size in ((0.0, 5000), (0.0, 1), (4.0, 1), (5.0, 1)):
        allowance.refill(1000, now)
        spent.append(allowance.spend(size))
    assert spent == [True, False, False, True]


def test_an_allowance_never_holds_more_than_a_second_brings() -> None:
    channel = channel_with(share=1000.0)
    channel.allowance.refill(1000.0, 100.0)
    for item in items(*"abcdefgh"):
        channel.offer(item)
    bodies, skipped = message(channel, 0)
    assert (len(bodies), skipped) == (5, 3)  # of some 210 bytes each
