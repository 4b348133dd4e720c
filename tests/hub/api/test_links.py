"""Saved links over a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.hub.hub_process import HubProcess

ORDERS = {"view": "/traces", "arguments": {"q": 'user.name="Ada & Co"', "from": "-1h"}}


def save(api: httpx.Client, link: Any = ORDERS) -> Any:
    response = api.post("/links", json=link)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_link_is_saved_once_and_listed(api: httpx.Client) -> None:
    link = save(api)
    assert link["url"] == f"/l/{link['id']}"
    assert {key: link[key] for key in ORDERS} == ORDERS
    assert save(api) == link
    other = save(api, {"view": "/logs", "arguments": {}})
    listed = api.get("/links").json()
    assert listed == {"links": [other, link], "next_cursor": None}
    first = api.get("/links", params={"limit": 1}).json()
    second = api.get("/links", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert first["links"] + second["links"] == listed["links"]


def test_a_link_is_deleted_when_somebody_asks(api: httpx.Client) -> None:
    address = f"/links/{save(api)['id']}"
    assert api.delete(address).json() == {"deleted": address.removeprefix("/links/")}
    assert api.get("/links").json()["links"] == []
    again = api.delete(address)
    assert (again.status_code, again.json()["error"]["code"]) == (404, "unknown_link")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"view": "/traces"}',
        b'{"view": "//evil.example", "arguments": {}}',
        b'{"view": "https://evil.example", "arguments": {}}',
        b'{"view": "/api/v1/links", "arguments": {}}',
        b'{"view": "/traces", "arguments": {"q": 7}}',
        b'{"view": "/traces", "arguments": {"q": "' + b"x" * 2_000 + b'"}}',
    ],
)
def test_what_is_no_link_is_refused(api: httpx.Client, body: bytes) -> None:
    response = api.post("/links", content=body)
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"code", "what", "why", "do"}


def test_a_huge_body_is_refused(api: httpx.Client) -> None:
    response = api.post("/links", content=b" " * 100_000)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_a_method_that_an_address_does_not_take_is_told_which_it_does(api: httpx.Client) -> None:
    response = api.put("/links", json={})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, HEAD")


def test_a_link_leads_to_its_screen_and_outlives_the_hub(hub: HubProcess) -> None:
    saved = hub.http.post("/api/v1/links", json=ORDERS).json()
    followed = hub.http.get(saved["url"])
    assert followed.status_code == 302
    place = followed.headers["location"]
    assert place == "/traces?q=user.name%3D%22Ada+%26+Co%22&from=-1h"
    assert hub.http.get(place).status_code in {200, 503}  # 503: no UI was built
    assert hub.http.get("/l/nothing").status_code == 404
    assert hub.http.post(saved["url"]).status_code == 405
    refused = hub.http.post("/api/v1/links", content=b"{}", headers={"content-type": "text/plain"})
    assert refused.status_code == 403
