"""Names: what they say, and that nothing that was logged gets into them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from otbridge.delivery.spool.names import (
    SegmentName,
    default_root,
    destination_key,
    is_process_folder,
    process_folder,
    read_segment_name,
    service_folder,
)

if TYPE_CHECKING:
    import pytest


@given(st.text())
def test_a_service_becomes_a_harmless_folder_name(service: str) -> None:
    """Short, lower case, no dots, no slashes; surrogates and all."""
    assert re.fullmatch(r"[a-z0-9_-]{1,49}", service_folder(service))


def test_services_that_look_alike_get_folders_of_their_own() -> None:
    """The hash tells them apart."""
    names = {service_folder(name) for name in ("a b", "a-b", "A b", "a/b", "../a-b", "")}
    assert len(names) == 6


@given(
    st.sampled_from(("logs", "traces", "metrics")),
    st.sampled_from(("plain", "error")),
    st.integers(0, 2**63),
    st.integers(0, 2**32 - 1),
)
def test_a_segments_name_says_what_it_was_made_of(
    signal: str, kind: str, first: int, salt: int
) -> None:
    """There and back."""
    name = SegmentName(signal, kind, first, salt)  # type: ignore[arg-type] # one of the three
    assert read_segment_name(str(name)) == name


def test_names_sort_as_their_records_do() -> None:
    """`ls` shows a stream in its order."""
    names = [str(SegmentName("logs", "plain", first, 1)) for first in (2, 10, 1_000_000)]
    assert sorted(names) == names


def test_foreign_names_are_not_taken_for_segments() -> None:
    """Other versions are recognised as such, other files not at all."""
    newer = read_segment_name("logs.plain.0000000000000001.0000abcd.v2.seg")
    assert newer is not None
    assert newer.version == 2
    for name in ("book", "x.seg", "logs.plain.1.0000abcd.v1.seg", "../logs.plain.0.0.v1.seg"):
        assert read_segment_name(name) is None
    assert is_process_folder(process_folder(1, 2))
    assert not is_process_folder("quarantine")


def test_a_destination_is_kept_as_a_hash() -> None:
    """Two differ, one is the same in every process, and its address is not in it."""
    assert destination_key("http://a:1") != destination_key("http://a:2")
    assert destination_key("http://a:1") == "34e94dd08be1c901"


def test_the_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTBRIDGE_SPOOL_DIR, else XDG_DATA_HOME, else the home's data folder."""
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_root({}) == "/home/ann/.local/share/otbridge/spool"
    assert default_root({"XDG_DATA_HOME": "relative"}) == "/home/ann/.local/share/otbridge/spool"
    assert default_root({"XDG_DATA_HOME": "/data"}) == "/data/otbridge/spool"
    assert default_root({"XDG_DATA_HOME": "/d", "OTBRIDGE_SPOOL_DIR": "~/s"}) == "/home/ann/s"
