"""Arguments are read as people write them, and what cannot be read is answered with an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.errors import QueryError
from otbridge.hub.query import arguments
from otbridge.hub.store.vocabulary import Term

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = 1_000_000_000
NOW = 1_763_635_830_123_456_789
LATEST = 2**63 - 1

READERS: list[Callable[[str, str], Any]] = [
    arguments.read_text,
    arguments.read_limit,
    arguments.read_flag,
    arguments.read_duration,
    lambda name, text: arguments.read_time(name, text, NOW),
    arguments.read_severity,
    arguments.read_signal,
    lambda name, text: arguments.read_word(name, text, ("logs", "traces")),
    arguments.read_trace_id,
    arguments.read_span_id,
    arguments.read_terms,
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("250ms", SECOND // 4),
        ("1.5s", 3 * SECOND // 2),
        ("2m", 120 * SECOND),
        ("250", SECOND // 4),
        ("0", 0),
        ("7us", 7_000),
        ("7µs", 7_000),
        ("3ns", 3),
        ("1h", 3_600 * SECOND),
        ("999999999999999d", LATEST),
    ],
)
def test_durations(text: str, expected: int) -> None:
    assert arguments.read_duration("min_duration", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (str(NOW), NOW),
        ("now", NOW),
        ("-15m", NOW - 900 * SECOND),
        ("-2h", NOW - 7_200 * SECOND),
        ("-1d", NOW - 86_400 * SECOND),
        ("-999999999999999d", 0),
        ("2025-11-20T10:30:00Z", 1_763_634_600 * SECOND),
        ("2025-11-20T10:30:00.25Z", 1_763_634_600 * SECOND + SECOND // 4),
        ("2025-11-20T11:30:00+01:00", 1_763_634_600 * SECOND),
        ("2025-11-20T11:30:00 01:00", 1_763_634_600 * SECOND),
        ("2025-11-20 10:30:00", 1_763_634_600 * SECOND),
        ("2025-11-20", 1_763_596_800 * SECOND),
        ("1969-12-31T23:59:59Z", 0),
        ("9999-12-31T23:59:59Z", LATEST),
        ("9" * 19, LATEST),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert arguments.read_time("from", text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("warn", 13), ("WARNING", 13), ("error", 17), ("critical", 21), ("1", 1), ("24", 24)],
)
def test_severities(text: str, expected: int) -> None:
    assert arguments.read_severity("severity", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("order", (Term("order"),)),
        ("  order   placed ", (Term("order"), Term("placed"))),
        ("order_id=7", (Term("7", "order_id"),)),
        ('user.name="Ada Lovelace" paid', (Term("Ada Lovelace", "user.name"), Term("paid"))),
        ('"order placed"', (Term("order placed"),)),
        ("url=/a?b=c", (Term("/a?b=c", "url"),)),
        ("=7", (Term("=7"),)),
        ('say "half', (Term("say"), Term('"half'))),
    ],
)
def test_search_texts(text: str, expected: tuple[Term, ...]) -> None:
    assert arguments.read_terms("q", text) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (arguments.read_limit, "0"),
        (arguments.read_limit, "1001"),
        (arguments.read_limit, "ten"),
        (arguments.read_limit, "9" * 50),
        (arguments.read_limit, "٣"),
        (arguments.read_flag, "maybe"),
        (arguments.read_duration, "fast"),
        (arguments.read_duration, "-1s"),
        (arguments.read_duration, "1 fortnight"),
        (arguments.read_severity, "0"),
        (arguments.read_severity, "25"),
        (arguments.read_severity, "loud"),
        (arguments.read_trace_id, "abc"),
        (arguments.read_trace_id, "g" * 32),
        (arguments.read_span_id, "0" * 32),
        (arguments.read_text, "x" * 1001),
        (arguments.read_terms, "x " * 17),
    ],
)
def test_what_cannot_be_read_is_named(read: Callable[[str, str], Any], text: str) -> None:
    with pytest.raises(QueryError, match=r"^the_argument ") as caught:
        read("the_argument", text)
    assert caught.value.why


@pytest.mark.parametrize("text", ["yesterday", "-15", "2025-13-01", "99999-01-01", "-1x"])
def test_a_moment_that_cannot_be_read_is_answered_with_examples(text: str) -> None:
    with pytest.raises(QueryError, match=r"^from ") as caught:
        arguments.read_time("from", text, NOW)
    assert "-15m" in caught.value.do


@pytest.mark.parametrize("read", READERS)
@given(text=st.text(max_size=60))
def test_no_text_breaks_a_reader(read: Callable[[str, str], Any], text: str) -> None:
    try:
        value = read("name", text)
    except QueryError:
        return
    if isinstance(value, int):
        assert 0 <= value <= LATEST
