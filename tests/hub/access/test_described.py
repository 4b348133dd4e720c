"""What the OpenAPI document says of the doors beside the API is what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
import pytest

from otbridge.hub.api.doors import DOORS

if TYPE_CHECKING:
    from otbridge.hub.api.doors import Door
    from tests.hub.access.conftest import Keyed


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.path}")
def test_a_door_answers_as_it_is_described(keyed: Keyed, door: Door) -> None:
    """Status and type of each answer, asked of a hub that asks for keys."""
    bodies: dict[str, Any] = {
        "/api/v1/session": {"token": keyed.read["key"]},
        "/v1/bridge/ticket": {"key": keyed.ingest["id"]},
    }
    answer = keyed.hub.http.request(
        door.method,
        door.path,
        headers=keyed.headers("admin", content_type="application/json"),
        content=b"" if door.body is None else msgspec.json.encode(bodies[door.path]),
    )
    assert answer.status_code == door.status, answer.text
    if door.answer is None:
        assert answer.content == b""
    else:
        msgspec.json.decode(answer.content, type=door.answer)
        assert set(answer.json()) <= set(get_type_hints(door.answer))
