"""What a client that only POSTs hears back, from a bridge served in a FastAPI application."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

STREAM = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "import",
    "kind": 1,
    "startTimeUnixNano": "1700000000000000000",
}


def posted(running: Any, **fields: Any) -> dict[str, Any]:
    """Post one envelope and return the answer's frame."""
    body = {
        "v": 1,
        "stream": STREAM,
        "resource": [],
        "sdk": {"name": "otbridge-js", "version": "0.1.0"},
        "clock": 1_700_000_000_000,
        "batches": [],
        **fields,
    }
    headers = {"content-type": "text/plain"}
    answer = httpx.post(running.http, content=json.dumps(body), headers=headers, timeout=10)
    assert answer.status_code == 200
    frame: dict[str, Any] = answer.json()
    return frame


def test_an_answer_asks_for_open_spans_where_they_are_shown(serve: Callable[..., Any]) -> None:
    """A live bridge says so in its answer, and takes the open spans of the next POST."""
    running = serve(live=True)
    assert posted(running) == {"k": "ack", "id": 0, "live": True}
    assert posted(running, open=[SPAN | {"scope": "app"}]) == {"k": "ack", "id": 0, "live": True}
    (request,) = running.collector.opened
    (scope,) = request.resource_spans[0].scope_spans
    assert [span.name for span in scope.spans] == ["import"]


def test_an_answer_asks_for_no_open_spans_where_nobody_sees_them(
    serve: Callable[..., Any],
) -> None:
    """A bridge that shows no open spans does not mention them, and drops those that come."""
    running = serve()
    assert posted(running, open=[SPAN]) == {"k": "ack", "id": 0}
    assert running.collector.opened == []
