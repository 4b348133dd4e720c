"""Operations, the service map, and what all lists have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.store.builders import SECOND, T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    import httpx

    from otbridge.hub.store import Store

WHEN = {"from": str(T0), "to": str(T0 + 120 * SECOND)}


@pytest.fixture(autouse=True)
def shop(store: Store) -> None:
    """Orders, three of which a bank refuses; and an agent's runs."""
    for number in range(1, 7):
        failed = number > 3
        store_now(
            store,
            span(1, trace=number, service="shop", name="POST /order", kind=2, duration=number),
            span(
                2,
                trace=number,
                parent=1,
                service="bank",
                name="pay",
                kind=2,
                start=70 if failed else 1,
                error=failed,
                attributes={"http.status_code": 500 + number if failed else 200, "user.id": "7"},
            ),
            log("paid", trace=number, service="bank", event="Payment", attributes={"sum": number}),
        )
    for number in (11, 12):
        told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
        told["gen_ai.conversation.id"] = "talk"
        store_now(
            store, span(1, trace=number, service=f"agent-{number}", start=number, attributes=told)
        )


def get(api: httpx.Client, address: str, **query: Any) -> Any:
    response = api.get(address, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def everything(api: httpx.Client, address: str, **query: Any) -> list[Any]:
    """Return the items of all pages, one at a time."""
    name = address.removeprefix("/").replace("-", "_")
    seen: list[Any] = []
    cursor: str | None = None
    while True:
        page = get(api, address, limit=1, **query, **({"cursor": cursor} if cursor else {}))
        seen += page[name]
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


def test_an_operation_has_its_rate_errors_and_durations(api: httpx.Client) -> None:
    answer = get(api, "/operations", service="bank", **WHEN)
    (pay,) = answer["operations"]
    assert {key: pay[key] for key in ("service", "name", "kind", "count", "error_count")} == {
        "service": "bank",
        "name": "pay",
        "kind": "server",
        "count": 6,
        "error_count": 3,
    }
    assert pay["rate"] == pytest.approx(6 / 120)
    assert pay["error_rate"] == 0.5
    assert pay["p50_nano"] <= pay["p95_nano"] <= pay["p99_nano"]
    assert "series" not in pay
    assert answer["from_unix_nano"] == WHEN["from"]


def test_a_series_has_a_point_for_each_minute_in_which_something_ran(api: httpx.Client) -> None:
    (pay,) = get(api, "/operations", name="PAY", series="minute", **WHEN)["operations"]
    told = [
        (int(one["time_unix_nano"]) - T0, one["count"], one["error_count"]) for one in pay["series"]
    ]
    assert told == [(0, 3, 0), (60 * SECOND, 3, 3)]


def test_operations_are_sorted_filtered_and_paged(api: httpx.Client) -> None:
    by_name = everything(api, "/operations", **WHEN)
    names = [(one["service"], one["name"]) for one in by_name]
    assert names == sorted(names)
    assert len(names) == 4
    slow_first = everything(api, "/operations", sort="p95_nano", **WHEN)
    assert slow_first[0]["name"] == "POST /order"
    assert sorted(map(str, slow_first)) == sorted(map(str, by_name))
    assert {one["service"] for one in everything(api, "/operations", error="true", **WHEN)} == {
        "bank"
    }
    assert {one["kind"] for one in everything(api, "/operations", kind="server", **WHEN)} == {
        "server"
    }


def test_a_cursor_of_another_order_is_refused(api: httpx.Client) -> None:
    cursor = get(api, "/operations", limit=1, **WHEN)["next_cursor"]
    response = api.get("/operations", params={"sort": "count", "cursor": cursor, **WHEN})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad_argument"


def test_without_a_time_the_last_hour_is_asked(api: httpx.Client) -> None:
    answer = get(api, "/operations")
    assert int(answer["to_unix_nano"]) - int(answer["from_unix_nano"]) == 3_600 * SECOND
    assert answer["operations"] == []


def test_the_map_has_nodes_and_edges(api: httpx.Client) -> None:
    answer = get(api, "/service-map", **WHEN)
    assert [node["name"] for node in answer["nodes"]] == ["agent-11", "agent-12", "bank", "shop"]
    (edge,) = answer["edges"]
    assert (edge["source"], edge["target"], edge["type"]) == ("shop", "bank", "call")
    assert (edge["count"], edge["error_count"]) == (6, 3)
    around = get(api, "/service-map", service="shop", **WHEN)
    assert [node["name"] for node in around["nodes"]] == ["bank", "shop"]
    assert get(api, "/service-map", service="agent-11", **WHEN)["edges"] == []


@pytest.mark.parametrize(
    ("address", "query", "count"),
    [
        ("/traces", {"attr": "http.status_code>=500"}, 3),
        ("/traces", {"attr": 'user.id="7"', "service": "shop"}, 6),
        ("/traces", {"attr": "user.id=7"}, 0),
        ("/traces", {"attr": ["http.status_code>504", 'user.id="7"']}, 2),
        ("/logs", {"attr": "sum<=2"}, 2),
        ("/logs", {"attr": "sum<=2", "q": "paid", "service": "bank"}, 2),
        ("/logs", {"name": "pay"}, 6),
        ("/logs", {"name": "refund"}, 0),
        ("/runs", {}, 1),
        ("/runs", {"service": "agent-11"}, 1),
        ("/runs", {"service": "shop"}, 0),
        ("/runs", {"attr": "gen_ai.agent.name=planner", "from": str(T0 + 12 * SECOND)}, 1),
        ("/runs", {"error": "true"}, 0),
        ("/runs", {"to": str(T0 + 12 * SECOND)}, 1),
        ("/services", {"name": "AGENT"}, 2),
        ("/services", {"from": str(T0 + 1)}, 0),
        ("/services", {}, 4),
    ],
)
def test_filters_mean_the_same_in_every_list(
    api: httpx.Client, address: str, query: dict[str, Any], count: int
) -> None:
    assert len(everything(api, address, **query)) == count


def test_values_of_any_attribute_are_counted_with_their_types(api: httpx.Client) -> None:
    answer = get(api, "/facets", of="traces", key="http.status_code")
    assert (answer["field"], answer["key"], answer["value_count"]) == (None, "http.status_code", 4)
    assert answer["values"][0] == {"value": 200, "count": 3}
    users = get(api, "/facets", of="traces", key="user.id", attr="http.status_code>=500")
    assert users["values"] == [{"value": "7", "count": 3}]
    assert get(api, "/facets", key="sum", limit="2")["value_count"] == 6


def test_a_condition_that_cannot_be_read_says_what_to_do(api: httpx.Client) -> None:
    response = api.get("/logs", params={"attr": "sum>many"})
    assert response.status_code == 400
    told = response.json()["error"]
    assert (told["code"], told["why"]) == ("bad_argument", "Only numbers are compared by >.")
    response = api.get("/facets", params={"key": "a", "field": "service"})
    assert response.status_code == 400


def test_a_trace_is_found_once_though_its_run_has_later_ones(api: httpx.Client) -> None:
    """A run is listed where the latest of its traces that fit is."""
    (run,) = everything(api, "/runs", service="agent-11")
    assert run["trace_ids"] == [trace_id(11).hex(), trace_id(12).hex()]
