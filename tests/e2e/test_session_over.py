"""A session that ends under an open page, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub.access.conftest import new_key
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.chromium import Browser


def test_a_page_whose_session_ends_leads_to_signing_in_and_back(
    tmp_path: Path, browser: Browser
) -> None:
    """However it ends, one comes back to the same address, and may share what one sees."""
    read = new_key(tmp_path, "read")
    with HubProcess(tmp_path) as hub:
        found = browser.run("session_over.mjs", hub.url, read["key"])
        headers = {"authorization": f"Bearer {read['key']}"}
        (link,) = hub.http.get("/api/v1/links", headers=headers).json()["links"]
    first, later = f"{hub.url}/logs?q=kept&severity=warn", "kept+later"
    assert [one["title"] for one in found["seen"]] == ["Sign in · otbridge hub"] * 4
    assert [one["address"] for one in found["seen"]] == [
        first,
        first,
        first.replace("kept", later),
        first.replace("kept", later),
    ]
    assert found["said"] == "Link copied"
    assert link["arguments"] == {"q": "kept later", "severity": "warn"}
