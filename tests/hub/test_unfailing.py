"""Whatever happens inside, the hub answers, and never with 500."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.unfailing import Unfailing

if TYPE_CHECKING:
    from otbridge.hub.asgi import App


def answer_of(app: App, kind: str = "http", **scope: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    request = {"type": kind, "path": "/x", "headers": [], **scope}
    asyncio.run(Unfailing(app)(request, receive, send))
    return sent


async def failing(*_: Any) -> None:
    raise RuntimeError("a fault of ours")


async def answering_500(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 500, "headers": []})


@pytest.mark.parametrize("app", [failing, answering_500])
def test_a_fault_is_answered_with_503_and_a_sentence(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    start, body = answer_of(app)
    assert start["status"] == 503
    assert (b"retry-after", b"5") in start["headers"]
    assert json.loads(body["body"])["error"]["code"] == "fault"
    assert (app is failing) == ("a fault of ours" in caplog.text)


def test_a_fault_after_the_answer_began_ends_the_connection() -> None:
    async def halfway(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("too late")

    with pytest.raises(RuntimeError):
        answer_of(halfway)


def test_a_fault_before_a_websocket_opens_is_503() -> None:
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    start, _ = answer_of(failing, "websocket", extensions=extensions)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 503)
    (close,) = answer_of(failing, "websocket")
    assert close["type"] == "websocket.close"


def test_a_fault_within_a_websocket_closes_it_with_1011() -> None:
    async def opened(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        raise RuntimeError("too late")

    assert answer_of(opened, "websocket")[-1] == {"type": "websocket.close", "code": 1011}


def test_a_peer_that_is_gone_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def gone(scope: Any, receive: Any, send: Any) -> None:
        raise ConnectionResetError

    assert answer_of(gone, "websocket") == []
    assert caplog.text == ""
