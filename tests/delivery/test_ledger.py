"""The counts, and that they always add up."""

from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.ledger import Ledger, LedgerSnapshot


def adds_up(snapshot: LedgerSnapshot) -> bool:
    return snapshot.accepted == (
        snapshot.delivered
        + sum(snapshot.rejected.values())
        + sum(snapshot.dropped.values())
        + snapshot.spooled
        + snapshot.in_memory
    )


@given(st.lists(st.tuples(st.sampled_from(["deliver", "reject", "drop"]), st.integers(1, 9))))
def test_every_record_in_flight_lands_in_one_place(landings: list[tuple[str, int]]) -> None:
    total = sum(records for _, records in landings)
    ledger = Ledger()
    ledger.take_off(total)
    for verb, records in landings:
        if verb == "deliver":
            ledger.deliver(records)
        else:
            getattr(ledger, verb)("why", records)
        assert adds_up(ledger.snapshot())
        assert ledger.snapshot().accepted == total
    assert ledger.in_memory == 0


def test_records_that_wait_and_that_are_turned_away_are_accepted_too() -> None:
    ledger = Ledger(waiting=lambda: 5)
    ledger.turn_away("queue_full", 2)
    assert ledger.snapshot() == LedgerSnapshot(accepted=7, dropped={"queue_full": 2}, in_memory=5)


def test_what_was_given_up_in_flight_is_not_counted_again_when_it_lands() -> None:
    ledger = Ledger()
    ledger.take_off(4)
    assert ledger.abandon("shutdown") == 4
    ledger.deliver(3)
    ledger.reject("400", 1)
    assert ledger.snapshot() == LedgerSnapshot(accepted=4, dropped={"shutdown": 4})


def test_a_snapshot_stays_as_it_was() -> None:
    ledger = Ledger()
    ledger.turn_away("too_large", 1)
    before = ledger.snapshot()
    ledger.turn_away("too_large", 1)
    assert before.dropped == {"too_large": 1}
    assert before.lost == 1


def test_as_dict_names_every_place() -> None:
    ledger = Ledger()
    ledger.turn_away("too_large", 1)
    assert ledger.snapshot().as_dict() == {
        "accepted": 1,
        "delivered": 0,
        "rejected": {},
        "dropped": {"too_large": 1},
        "spooled": 0,
        "in_memory": 0,
        "in_flight": 0,
        "diverted": 0,
        "adopted": 0,
    }
