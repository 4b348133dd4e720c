"""The hub's books add up."""

from __future__ import annotations

from otbridge.hub.ledger import HubLedger


def test_what_was_received_is_stored_rejected_refused_or_waiting() -> None:
    ledger = HubLedger()
    ledger.received("logs", 10, ["too_many_values", "too_many_values"])
    ledger.received("logs", 4, [])
    ledger.received("traces", 3, ["invalid_trace_id"])
    ledger.stored("logs", 10)
    ledger.refused("traces", 3)
    books = ledger.as_dict()
    assert books["received"] == {"logs": 16, "traces": 4, "metrics": 0}
    assert books["stored"] == {"logs": 10, "traces": 0, "metrics": 0}
    assert books["refused"] == {"logs": 0, "traces": 3, "metrics": 0}
    assert books["rejected"] == {"too_many_values": 2, "invalid_trace_id": 1}
    assert books["waiting"] == 4


def test_what_the_hub_before_this_one_left_is_recovered_and_then_stored_or_put_aside() -> None:
    ledger = HubLedger()
    ledger.recovered("logs", 10)
    assert ledger.waiting == 10
    ledger.stored("logs", 7)
    ledger.put_aside("logs", 3)
    books = ledger.as_dict()
    assert books["recovered"]["logs"] == 10
    assert books["received"]["logs"] == 0
    assert books["stored"]["logs"] == 7
    assert books["rejected"] == {"put_aside": 3}
    assert books["waiting"] == 0


def test_requests_that_never_became_records_are_counted_by_reason() -> None:
    ledger = HubLedger()
    ledger.turned_away("malformed")
    assert ledger.as_dict()["rejected"] == {"malformed": 1}


def test_senders_are_shown_latest_first_and_the_silent_ones_forgotten() -> None:
    ledger = HubLedger()
    for number in range(300):
        ledger.seen(f"service-{number}", "http", 1, number)
    ledger.seen("service-299", "http", 2, 1000)
    ledger.seen("service-298", "grpc", 1, 1001)
    senders = ledger.as_dict()["senders"]
    assert len(senders) == 256
    assert senders[0]["door"] == "grpc"
    assert senders[1] == {
        "service": "service-299",
        "door": "http",
        "records": 3,
        "last_seen_unix_nano": "1000",
    }
