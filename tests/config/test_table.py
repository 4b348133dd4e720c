from __future__ import annotations

from pathlib import Path

from otbridge.config.destination import DESTINATION_SETTINGS
from otbridge.config.profiles import PROFILES
from otbridge.config.table import markdown

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_the_manual_has_the_table_as_it_is() -> None:
    """When this fails, put the output of `otbridge.config.table.markdown()` into the page."""
    assert markdown() in PAGE.read_text(encoding="utf-8")


def test_the_manual_names_every_profile_and_every_setting_of_a_single_signal() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in (*PROFILES, *(row.name for row in DESTINATION_SETTINGS)):
        assert f"`{name}`" in page
