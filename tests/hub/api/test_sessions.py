"""Sessions over a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.hub.store.builders import SECOND, T0, log, span, store_now, trace_id

if TYPE_CHECKING:
    import httpx

    from otbridge.hub.store import Store


@pytest.fixture(autouse=True)
def visits(store: Store) -> None:
    """Ada's visit, with a failed order; Bob's, of which only a log line tells; a talk."""
    ada = {"session.id": "ada"}
    store_now(
        store,
        span(1, trace=1, name="click", service="web", start=1, duration=3, attributes=ada),
        span(2, trace=1, parent=1, name="POST /order", service="shop", start=2, error=True),
        log("order", trace=1, service="shop", at=2),
        span(1, trace=2, name="leave", service="web", start=30, attributes=ada),
        log("hello", service="web", at=50, attributes={"session.id": "bob"}),
        span(1, trace=3, service="agent", start=9, attributes={"gen_ai.conversation.id": "talk"}),
    )


def get(api: httpx.Client, address: str, **query: Any) -> Any:
    response = api.get(address, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_list_of_sessions(api: httpx.Client) -> None:
    answer = get(api, "/sessions")
    bob, talk, ada = answer["sessions"]
    assert ada == {
        "session_id": "ada",
        "by": "session.id",
        "start_time_unix_nano": str(T0 + SECOND),
        "end_time_unix_nano": str(T0 + 31 * SECOND),
        "duration_nano": 30 * SECOND,
        "trace_count": 2,
        "span_count": 3,
        "log_count": 1,
        "error_count": 1,
        "services": [{"name": "web", "span_count": 2}, {"name": "shop", "span_count": 1}],
    }
    assert (bob["trace_count"], bob["log_count"], talk["by"]) == (0, 1, "gen_ai.conversation.id")
    assert answer["next_cursor"] is None


def test_pages_of_sessions(api: httpx.Client) -> None:
    seen: list[Any] = []
    cursor: str | None = None
    while True:
        page = get(api, "/sessions", limit=1, **({"cursor": cursor} if cursor else {}))
        seen += page["sessions"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == get(api, "/sessions")["sessions"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"by": "gen_ai.conversation.id"}, ["talk"]),
        ({"error": "true"}, ["ada"]),
        ({"service": "shop"}, ["ada"]),
        ({"name": "click"}, ["ada"]),
        ({"q": "order"}, ["ada"]),
        ({"attr": "session.id=ada"}, ["ada"]),
        ({"min_duration": "2500ms"}, ["ada"]),
        ({"from": str(T0 + 9 * SECOND)}, ["bob", "talk"]),
        ({"to": str(T0 + 9 * SECOND)}, ["ada"]),
    ],
)
def test_the_filters_of_sessions(
    api: httpx.Client, query: dict[str, str], expected: list[str]
) -> None:
    found = get(api, "/sessions", **query)["sessions"]
    assert [one["session_id"] for one in found] == expected


def test_a_session_leads_to_its_traces_and_logs(api: httpx.Client) -> None:
    ada = get(api, "/sessions/ada")
    assert [one["trace_id"] for one in ada["traces"]] == [trace_id(2).hex(), trace_id(1).hex()]
    first = get(api, "/sessions/ada", limit=1)
    second = get(api, "/sessions/ada", limit=1, cursor=first["next_cursor"])
    assert first["traces"] + second["traces"] == ada["traces"]
    assert get(api, "/traces", session="ada")["traces"] == ada["traces"]
    assert [one["body"] for one in get(api, "/logs", session="bob")["logs"]] == ["hello"]
    assert get(api, "/facets", field="service", session="ada")["values"] == [
        {"value": "shop", "count": 1}
    ]


def test_a_session_that_is_not_there_is_a_404(api: httpx.Client) -> None:
    for address in ("/sessions/nobody", "/sessions/ada?by=gen_ai.conversation.id"):
        response = api.get(address)
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "unknown_session"
