"""Signing in: in a real browser where there is one, and request by request."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from otbridge.hub.access.key import Kind
from otbridge.hub.access.key_file import KeyRequest, add_key
from otbridge.hub.access.keyring import Keyring
from otbridge.hub.access.sessions import SESSION_S, Session, Sessions
from tests.hub.access.conftest import Keyed, command, new_key, until
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

JSON = "application/json"
SESSION = "/api/v1/session"


def sign_in(hub: HubProcess, key: str) -> httpx.Response:
    """Sign in with a client of its own; the shared one has no cookies."""
    return httpx.post(f"{hub.url}{SESSION}", json={"token": key})


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


@pytest.mark.parametrize("kind", ["read", "admin"])
def test_a_key_becomes_a_cookie_that_no_script_and_no_other_site_has(
    keyed: Keyed, kind: str
) -> None:
    secret = getattr(keyed, kind)["key"]
    answer = sign_in(keyed.hub, secret)
    assert answer.status_code == 204
    attributes = {part.strip() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert attributes == {f"Max-Age={SESSION_S:.0f}", "Path=/", "HttpOnly", "SameSite=Strict"}
    assert secret not in answer.headers["set-cookie"]
    cookie = cookie_of(answer)
    assert keyed.hub.http.get("/api/v1/traces", headers=cookie).status_code == 200
    told = keyed.hub.http.get(SESSION, headers=cookie).json()
    assert (told["signed_in"], told["kind"]) == (True, kind)


@pytest.mark.parametrize(("kind", "status"), [("ingest", 403), ("write", 403)])
def test_keys_that_only_send_do_not_sign_in(keyed: Keyed, kind: str, status: int) -> None:
    answer = sign_in(keyed.hub, getattr(keyed, kind)["key"])
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", ["", "{", "[]", '{"token": 1}', '{"token": "x"}', "x" * 10_000])
def test_what_is_no_key_does_not_sign_in(keyed: Keyed, body: str) -> None:
    headers = {"content-type": JSON}
    answer = keyed.hub.http.post(SESSION, content=body, headers=headers)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"]["do"]


def test_a_cookie_lets_nobody_send(keyed: Keyed) -> None:
    """Browsers add it to whatever a page causes."""
    cookie = cookie_of(sign_in(keyed.hub, keyed.admin["key"]))
    headers = {**cookie, "content-type": JSON}
    assert keyed.hub.http.post("/v1/logs", content=b"{}", headers=headers).status_code == 401


def test_a_cookie_opens_the_live_feed_for_the_hubs_own_page_only(keyed: Keyed) -> None:
    cookie = cookie_of(sign_in(keyed.hub, keyed.read["key"]))
    address = f"{keyed.hub.ws_url}/api/v1/live"
    own = Origin(keyed.hub.url)
    with connect(address, additional_headers=cookie, origin=own) as viewer:
        assert viewer.recv(timeout=5)
        out = httpx.delete(f"{keyed.hub.url}{SESSION}", headers={**cookie, "content-type": JSON})
        assert out.status_code == 204
        with pytest.raises(Exception, match="4401"):
            viewer.recv(timeout=5)
    cookie = cookie_of(sign_in(keyed.hub, keyed.read["key"]))
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(address, additional_headers=cookie, origin=Origin("http://localhost:3000")),
    ):
        raise AssertionError("connected")
    assert caught.value.response.status_code == 403


def test_signing_out_ends_the_session_and_no_other(keyed: Keyed) -> None:
    mine, other = (cookie_of(sign_in(keyed.hub, keyed.read["key"])) for _ in range(2))
    answer = httpx.delete(f"{keyed.hub.url}{SESSION}", headers={**mine, "content-type": JSON})
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert keyed.hub.http.get("/api/v1/logs", headers=mine).status_code == 401
    assert keyed.hub.http.get("/api/v1/logs", headers=other).status_code == 200


@pytest.mark.parametrize("path", ["/", "/traces", "/traces/" + "0" * 32, "/logs?q=x", "/any"])
def test_without_a_session_every_place_in_the_ui_is_the_login_page(keyed: Keyed, path: str) -> None:
    answer = keyed.hub.http.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|style=", answer.text)
    for part in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert keyed.hub.http.get(part).status_code == 200


def test_with_a_session_it_is_the_ui(keyed: Keyed) -> None:
    cookie = cookie_of(sign_in(keyed.hub, keyed.read["key"]))
    answer = keyed.hub.http.get("/", headers=cookie)
    assert answer.status_code == 200
    assert "sign-in" not in answer.text


def test_a_session_ends_with_its_key(tmp_path: Path) -> None:
    key = new_key(tmp_path, "read")
    with HubProcess(tmp_path) as hub:
        cookie = cookie_of(sign_in(hub, key["key"]))
        assert hub.http.get("/api/v1/logs", headers=cookie).status_code == 200
        command(tmp_path, "revoke", key["id"])
        until(lambda: hub.http.get("/api/v1/logs", headers=cookie).status_code == 401, 1.5)


class Turned:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def scope(**headers: str) -> dict[str, Any]:
    pairs = [(b"host", b"127.0.0.1:4318")]
    pairs += [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": SESSION, "headers": pairs, "scheme": "http"}


async def signed_in(sessions: Sessions, token: str, **changes: str) -> str:
    """The Set-Cookie header of a sign-in."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"token": "%s"}' % token.encode()}

    async def send(message: Any) -> None:
        sent.append(message)

    await sessions({**scope(), **changes}, receive, send)
    cookie: bytes = dict(sent[0]["headers"])[b"set-cookie"]
    return cookie.decode()


def test_a_session_ends_after_its_time_and_the_oldest_goes_when_there_are_too_many(
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys.json"
    _, secret = add_key(path, KeyRequest(Kind.READ))

    async def scene() -> None:
        clock = Turned()
        sessions = Sessions(Keyring(path), clock)

        def session(cookie: str) -> Session | None:
            return sessions.of(scope(cookie=f"other=1; {cookie.partition(';')[0]}"))

        first = await signed_in(sessions, secret.reveal())
        assert session(first) is not None
        clock.now += SESSION_S
        assert session(first) is None
        cookies = [await signed_in(sessions, secret.reveal()) for _ in range(1001)]
        assert session(cookies[0]) is None
        assert session(cookies[1]) is not None

    asyncio.run(scene())


def test_over_tls_the_cookie_is_never_sent_without(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    _, secret = add_key(path, KeyRequest(Kind.READ))

    async def scene() -> None:
        sessions = Sessions(Keyring(path), Turned())
        assert "; Secure" in await signed_in(sessions, secret.reveal(), scheme="https")
        assert "otbridge_session_4318=" in await signed_in(sessions, secret.reveal())

    asyncio.run(scene())
