"""Log records are found in their order through stretches, whatever order they came in."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from otbridge.hub.store import budget
from otbridge.hub.store.conditions import AttributeCondition
from otbridge.hub.store.sqlite.files.tables import PACKED
from otbridge.hub.store.sqlite.writing import log_stretches
from otbridge.hub.store.sqlite.writing.log_stretches import Stretched, StretchWriter
from otbridge.hub.store.vocabulary import LogFilter, ShortPage, Term
from tests.hub.store.builders import SECOND, T0, log, span_id, store_now, trace_id
from tests.hub.store.sqlite.inside import writer_of

if TYPE_CHECKING:
    from otbridge.hub.store.sqlite import SqliteStore
    from otbridge.hub.store.vocabulary import LogPosition
    from otbridge.wire.rows import LogRow

WORDS = ("order", "payment", "refused", "cart")


def paged(store: SqliteStore, wanted: LogFilter, limit: int) -> list[str]:
    """Return the texts of all pages."""
    found: list[str] = []
    after: LogPosition | None = None
    while page := store.logs(wanted, limit, after):
        found += [one.row.body_text for one in page]
        after = page[-1].position
    return found


def fits(row: LogRow, wanted: LogFilter) -> bool:
    """Whether a record fits, told the simple way."""
    return (
        (wanted.trace_id is None or row.trace_id == wanted.trace_id)
        and (wanted.span_id is None or row.span_id == wanted.span_id)
        and (wanted.service is None or row.service == wanted.service)
        and (wanted.min_severity is None or row.severity_number >= wanted.min_severity)
        and (wanted.from_ns is None or row.time_ns >= wanted.from_ns)
        and (wanted.to_ns is None or row.time_ns < wanted.to_ns)
        and all(term.text in row.body_text.split() for term in wanted.terms)
    )


@pytest.mark.parametrize("seed", range(6))
def test_every_filter_pages_through_all_that_fit(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(log_stretches, "LONGEST", 5)
    monkeypatch.setattr(log_stretches, "_FIRST_WINDOW", 1)
    chance = random.Random(seed)
    times = list(range(200))
    if seed % 2:
        chance.shuffle(times)  # each differs, so that their order is known
    rows = [
        log(
            f"{at} {chance.choice(WORDS)}",
            trace=chance.randrange(4),
            span=chance.randrange(1, 9),
            service=f"service-{chance.randrange(3)}",
            severity=chance.choice((5, 9, 9, 9, 17)),
            at=at,
        )
        for at in times
    ]
    left = rows[:]
    while left:
        size = chance.choice((1, 2, 30))
        store_now(store, *left[:size])
        del left[:size]
    newest_first = sorted(rows, key=lambda row: -row.time_ns)
    wanted = [
        LogFilter(
            trace_id=chance.choice((None, None, trace_id(2))),
            span_id=chance.choice((None, None, None, span_id(3))),
            service=chance.choice((None, "service-1")),
            min_severity=chance.choice((None, 9, 17)),
            from_ns=chance.choice((None, T0 + chance.randrange(200) * SECOND)),
            to_ns=chance.choice((None, T0 + chance.randrange(200) * SECOND)),
            terms=chance.choice(((), (), (Term("refused"),))),
        )
        for _ in range(25)
    ]
    for one in wanted:
        expected = [row.body_text for row in newest_first if fits(row, one)]
        assert paged(store, one, chance.choice((1, 7, 50))) == expected


def test_records_of_one_time_come_in_pages_each_once(store: SqliteStore) -> None:
    for begin in range(0, 600, 200):
        store_now(store, *(log(str(number)) for number in range(begin, begin + 200)))
    assert paged(store, LogFilter(), 7) == [str(number) for number in range(599, -1, -1)]


def test_a_stretch_goes_on_in_the_next_commit_until_it_is_long() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(PACKED)
        writer = StretchWriter(db)
        for number in range(1, 601):
            writer.save([Stretched(number, 1 + number % 2, 1_000 - number, number % 20)])
        every = db.execute("SELECT * FROM otel_log_stretches ORDER BY ServiceId, Id").fetchall()
    assert [row for row in every if row[0] == 0] == [
        (0, 999, 1, 256, 744, 19),
        (0, 743, 257, 256, 488, 19),
        (0, 487, 513, 88, 400, 19),
    ]
    assert [row for row in every if row[0] == 2] == [
        (2, 999, 1, 255, 745, 19),
        (2, 743, 257, 255, 489, 19),
        (2, 487, 513, 87, 401, 19),
    ]


def test_a_commit_that_fails_begins_a_new_stretch(store: SqliteStore) -> None:
    store_now(store, log("before", at=1))
    writer = writer_of(store).files.writer("2026-01-01")
    writer.begin()
    writer.add_logs([log("undone", at=2)])
    writer._logs.save()
    writer.rollback()
    store_now(store, log("after", at=3))
    assert paged(store, LogFilter(), 9) == ["after", "before"]
    assert paged(store, LogFilter(service="shop"), 9) == ["after", "before"]


@pytest.mark.parametrize("terms", [(), (Term("refused"),)], ids=["value", "word too"])
def test_pages_that_end_early_have_everything_together(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, terms: tuple[Term, ...]
) -> None:
    monkeypatch.setattr(log_stretches, "LONGEST", 5)
    for number in range(60):
        text = f"{number} refused" if number % 2 else f"{number} paid"
        store_now(store, log(text, at=number, attributes={"rows": number}))
    wanted = LogFilter(attributes=(AttributeCondition("rows", ">", 49),), terms=terms)
    expected = [number for number in range(59, 49, -1) if not terms or number % 2]
    monkeypatch.setattr(budget, "PAGE_S", 0.0)
    found: list[int] = []
    after: LogPosition | None = None
    for _ in range(200):
        page = store.logs(wanted, 7, after)
        found += [int(one.row.body_text.split()[0]) for one in page]
        if not isinstance(page, ShortPage):
            break
        assert after is None or page.next_position < after
        after = page.next_position
    assert found == expected
    assert after is not None
