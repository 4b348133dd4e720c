"""Whatever is asked for adds up from stretches to what was counted, whenever and however it came."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otbridge.hub.store.sqlite.counts import stretches
from otbridge.hub.store.sqlite.counts.durations import Durations
from otbridge.hub.store.sqlite.counts.histogram import quantiles
from otbridge.hub.store.sqlite.counts.stretches import LENGTHS, StretchWriter, read_stretches
from otbridge.hub.store.sqlite.files.tables import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "otel_operation_counts"
DAY = 1_440 * 20_000
"""The minute at which a day begins."""

SPANS = st.lists(
    st.lists(st.tuples(st.integers(0, 1_500), st.integers(1, 3), st.booleans()), max_size=6),
    max_size=12,
)
"""Commits of spans: a minute, an operation, and whether it failed."""


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = new_db()
    yield connection
    connection.close()


def new_db() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(COUNTED)
    return connection


def read(db: sqlite3.Connection, first: int, last: int) -> tuple[dict[int, int], dict[int, int]]:
    def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return db.execute(sql, parameters).fetchall()

    sums, damaged = read_stretches(rows, TABLE, DAY + first, DAY + last)
    assert damaged == 0
    counts = {number: quantiles(histogram, ())[0] for number, histogram in sums.taken.items()}
    return counts, dict(sums.failed)


def held(db: sqlite3.Connection) -> list[tuple[int, int]]:
    """The stretches that there are: minutes, and where they begin."""
    sql = f"SELECT Minutes, Begin - {DAY} FROM {TABLE} ORDER BY Minutes, Begin"
    return db.execute(sql).fetchall()


def commit(writer: StretchWriter, *minutes: int) -> None:
    for minute in minutes:
        writer.of(DAY + minute).append((1, 5, False))
    writer.save()


@settings(max_examples=60, deadline=None)
@given(SPANS, st.integers(0, 1_500), st.integers(0, 1_500), st.booleans())
def test_any_time_is_the_sum_of_its_minutes(
    commits: list[list[tuple[int, int, bool]]], first: int, last: int, restart: bool
) -> None:
    db = new_db()
    writer = StretchWriter(db, TABLE)
    for spans in commits:
        for minute, number, failed in spans:
            writer.of(DAY + minute).append((number, minute % 40, failed))
        writer.save()
        if restart:
            writer = StretchWriter(db, TABLE)
    inside = [span for spans in commits for span in spans if first <= span[0] <= last]
    counts, failures = read(db, first, last)
    assert counts == {one: [span[1] for span in inside].count(one) for _, one, _ in inside}
    errors = [number for _, number, error in inside if error]
    assert failures == {number: errors.count(number) for number in errors}
    db.close()


def test_what_is_over_is_summed_up_and_read_at_once(db: sqlite3.Connection) -> None:
    writer = StretchWriter(db, TABLE)
    for minute in range(60 + stretches._LATE + 5):
        commit(writer, minute)
    assert held(db)[-5:] == [(15, 0), (15, 15), (15, 30), (15, 45), (60, 0)]
    db.execute(f"DELETE FROM {TABLE} WHERE Minutes < 60")
    assert read(db, 0, 59) == ({1: 60}, {})


def test_a_late_span_is_added_to_all_that_it_belongs_to(db: sqlite3.Connection) -> None:
    writer = StretchWriter(db, TABLE)
    for minute in range(70):
        commit(writer, minute)
    commit(writer, 3, 69, 69)
    for minutes in (1, 5, 15, 60):
        begin = 3 - 3 % minutes
        assert held(db).count((minutes, begin)) == 2
        assert read(db, begin, begin + minutes - 1) == ({1: minutes + 1}, {})


def test_one_span_of_the_far_future_ends_nothing(db: sqlite3.Connection) -> None:
    writer = StretchWriter(db, TABLE)
    commit(writer, 0, 0, 1_000_000)
    assert [minutes for minutes, _ in held(db)] == [1, 1]


def test_many_commits_of_a_minute_become_one_blob(db: sqlite3.Connection) -> None:
    writer = StretchWriter(db, TABLE)
    for _ in range(3 * stretches._PARTS):
        commit(writer, 0)
    assert len(held(db)) < stretches._PARTS
    assert read(db, 0, 0) == ({1: 3 * stretches._PARTS}, {})


def test_blobs_of_many_operations_are_not_made_anew_each_time_that_there_are_too_many(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretches, "_SMALL", 100)  # bytes: one of a few operations
    writer = StretchWriter(db, TABLE)
    large, most = set(), 0
    for n in range(20 * stretches._PARTS):
        writer.of(DAY).append((n % 50, n % 400, False))
        writer.save()
        most = max(most, len(held(db)))
        found = db.execute(f"SELECT Id FROM {TABLE} WHERE length(Durations) >= 100").fetchall()
        large.add(len(found))
    assert most == stretches._PARTS - 1
    assert large == set(range(stretches._LARGE + 1))
    assert sum(read(db, 0, 0)[0].values()) == 20 * stretches._PARTS


def test_what_is_rolled_back_is_not_counted(db: sqlite3.Connection) -> None:
    writer = StretchWriter(db, TABLE)
    for minute in range(9):
        commit(writer, minute)
    db.execute("BEGIN")
    for minute in range(9, 30):
        commit(writer, minute)
    writer.of(DAY).append((1, 5, True))
    db.execute("ROLLBACK")
    writer.forget()
    commit(writer, *range(30, 60))
    commit(writer, 70)
    assert read(db, 0, 99) == ({1: 40}, {})


def test_a_damaged_blob_is_left_out_and_told_and_never_summed_up(db: sqlite3.Connection) -> None:
    writer = StretchWriter(db, TABLE)
    commit(writer, 0)
    commit(writer, 1)
    db.execute(f"UPDATE {TABLE} SET Durations = x'78da00' WHERE Begin = {DAY}")
    commit(writer, 20)

    def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return db.execute(sql, parameters).fetchall()

    sums, damaged = read_stretches(rows, TABLE, DAY, DAY + 30)
    assert ({number: quantiles(one, ())[0] for number, one in sums.taken.items()}, damaged) == (
        {1: 2},
        1,
    )
    assert (5, 0) not in held(db)


def test_a_blob_gives_back_what_was_put_into_it() -> None:
    durations = Durations()
    for number in (7, 1, 4_000_000):
        for bucket in (0, 487, number % 400):
            durations.add([(number, bucket, bucket == 487)])
    again = Durations()
    assert again.add_packed(durations.pack())
    assert (again.taken, again.failed) == (durations.taken, durations.failed)
    assert again.add_packed(durations.pack())
    assert again.taken == {number: 2 * one for number, one in durations.taken.items()}


@pytest.mark.parametrize("operations", [1, 100])
def test_a_flipped_bit_is_noticed_wherever_it_is(operations: int) -> None:
    durations = Durations()
    durations.add((number, 150 + number, False) for number in range(operations))
    blob = durations.pack()
    for place in range(len(blob)):
        flipped = bytearray(blob)
        flipped[place] ^= 4
        read = Durations()
        assert not read.add_packed(bytes(flipped)), place
        assert not read.taken


def test_every_length_is_made_of_the_one_before() -> None:
    assert all(longer % shorter == 0 for shorter, longer in pairwise(LENGTHS))
