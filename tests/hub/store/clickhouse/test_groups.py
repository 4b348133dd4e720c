"""Rows as messages: every record once, with what belongs to it, in its order."""

from __future__ import annotations

from struct import unpack
from typing import TYPE_CHECKING

from otbridge.hub.store.clickhouse.groups import (
    Placed,
    log_message,
    separate,
    sources_of,
    span_message,
)
from otbridge.wire.protobuf import FIXED64, VARINT, walk
from tests.hub.store.builders import T0, log, span, span_id, trace_id

if TYPE_CHECKING:
    from otbridge.wire.rows import LogRow, SpanRow

RECEIVED = T0 + 7


def _placed_spans(rows: list[SpanRow]) -> Placed[SpanRow]:
    return Placed(rows, range(100, 100 + len(rows)))


def _fields(data: bytes) -> dict[int, list[bytes | int]]:
    """Return the fields of a message, by number."""
    found: dict[int, list[bytes | int]] = {}
    for one in walk(data):
        value: bytes | int = data[one.start : one.end]
        if one.wire_type in {FIXED64, VARINT}:
            value = int.from_bytes(data[one.start : one.end], "little")
        found.setdefault(one.number, []).append(value)
    return found


def _message(data: bytes) -> dict[int, list[bytes | int]]:
    """Return the fields of a message that has its length before it."""
    length = end = 0
    while True:
        length |= (data[end] & 0x7F) << 7 * end
        end += 1
        if data[end - 1] < 0x80:
            break
    assert len(data) == end + length
    return _fields(data[end:])


def _numbers(field: bytes | int) -> list[int]:
    assert isinstance(field, bytes)
    return list(unpack(f"<{len(field) // 8}Q", field))


def _records(field: bytes | int) -> list[bytes | int]:
    assert isinstance(field, bytes)
    return _fields(field)[1]


def test_rows_of_one_source_are_one_group_and_keep_their_numbers() -> None:
    shop, web = [span(number, service="shop") for number in (1, 2)], span(3, service="web")
    groups = list(sources_of(_placed_spans([*shop, web, *shop]), spans=True))
    assert [[row.service for row in group.rows] for group in groups] == [
        ["shop", "shop"],
        ["web"],
        ["shop", "shop"],
    ]
    assert [list(group.numbers) for group in groups] == [[100, 101], [102], [103, 104]]
    assert list(sources_of(_placed_spans([]), spans=True)) == []


def test_spans_that_are_lost_and_spans_that_are_open_are_told_apart() -> None:
    rows = [span(1, is_open=True), span(2, is_open=True)]
    rows[1].lost = True
    states = []
    for group in sources_of(_placed_spans(rows), spans=True):
        ready, _ = separate(group, spans=True)
        assert ready is not None
        states += _message(span_message(ready, RECEIVED))[19]
    assert states == [1, 2]


def test_a_message_has_all_of_its_spans() -> None:
    rows = [span(1), span(2, parent=1, attributes={"long": "x" * 9_000}), span(3, trace=2)]
    ready, beyond = separate(_placed_spans(rows), spans=True)
    assert ready is not None
    assert not beyond.rows
    told = _message(span_message(ready, RECEIVED))
    raw = [row.data for row in rows]
    assert _records(told[1][0]) == _records(told[2][0]) == raw
    assert told[3] == [trace_id(1), trace_id(1), trace_id(2)]
    assert told[4] == [span_id(1), span_id(2), span_id(3)]
    assert _numbers(told[5][0]) == [100, 101, 102]
    assert _numbers(told[6][0]) == [row.start_ns for row in rows]
    assert _numbers(told[18][0]) == [row.end_ns for row in rows]
    assert told[17] == [bytes(8), span_id(1), bytes(8)]
    assert told[9] == [rows[0].resource]
    assert told[16] == [RECEIVED]


def test_what_is_left_to_the_hub_keeps_its_numbers_and_places() -> None:
    bodies: list[object] = ["0", ["list"], "2", {"k": 1}, "4"]
    rows: list[LogRow] = [log(body) for body in bodies]
    placed = Placed(rows, range(5), [10, 11, 12, 13, 14], [20, 21, 22, 23, 24])
    ready, beyond = separate(placed, spans=False)
    assert beyond == Placed([rows[1], rows[3]], [1, 3], [11, 13], [21, 23])
    assert ready is not None
    told = _message(log_message(ready, RECEIVED))
    assert _records(told[1][0]) == [rows[0].data, rows[2].data, rows[4].data]
    assert [_numbers(told[number][0]) for number in (5, 20, 21)] == [
        [0, 2, 4],
        [10, 12, 14],
        [20, 22, 24],
    ]


def test_a_group_of_which_all_is_left_to_the_hub_makes_no_message() -> None:
    ready, beyond = separate(_placed_spans([span(attributes={"a": [1]})]), spans=True)
    assert ready is None
    assert len(beyond.rows) == 1
