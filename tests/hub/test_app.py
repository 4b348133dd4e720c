"""The hub's paths lead where they should, and those of nobody are explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hub.hub_process import HubProcess


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/traces", "/v1", "/v1/", "/v1/x"])
def test_paths_of_no_door_are_explained(shared_hub: HubProcess, path: str) -> None:
    answer = shared_hub.http.get(path)
    if path in ("/api", "/v1"):
        assert answer.headers["content-type"].startswith("text/html")  # a place in the UI
    else:
        assert answer.status_code == 404
        assert answer.json()["error"]["do"]
