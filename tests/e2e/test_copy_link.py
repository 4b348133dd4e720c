"""A link to a screen in a real browser: copied by one person, opened by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.chromium import Browser


def test_a_copied_link_opens_the_same_screen(tmp_path: Path, browser: Browser) -> None:
    with HubProcess(tmp_path) as hub:
        found = browser.run("copy_link.mjs", hub.url)
        (link,) = hub.http.get("/api/v1/links").json()["links"]
    assert found["said"] == "Link copied"
    assert found["copied"] == f"{hub.url}{link['url']}"
    assert link["view"] == "/traces"
    assert link["arguments"] == {"q": 'user.name="Ada & Co"'}
    assert found["address"] == f"{hub.url}/traces?q=user.name%3D%22Ada+%26+Co%22"
    assert found["problems"] == []
