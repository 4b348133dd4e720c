"""The file of saved links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otbridge.hub.query import permalinks
from otbridge.hub.query.permalinks import Permalinks, TooManyLinks

if TYPE_CHECKING:
    from pathlib import Path


def test_links_are_there_when_the_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "links.jsonl"
    links = Permalinks(path)
    one, is_new = links.save("/traces", {"q": "a"}, 1)
    two, _ = links.save("/logs", {}, 2)
    assert is_new
    assert links.save("/traces", {"q": "a"}, 3) == (one, False)
    assert links.delete(two.id)
    again = Permalinks(path)
    assert again.all() == [one]
    assert again.find(one.id) == one
    assert not again.delete(two.id)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "links.jsonl"
    one, _ = Permalinks(path).save("/traces", {"q": "a"}, 1)
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        two, _ = Permalinks(path).save("/logs", {}, 2)
        assert Permalinks(path).all() == [one, two]


def test_a_full_file_takes_no_more_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permalinks, "MAX_LINKS", 2)
    links = Permalinks(tmp_path / "links.jsonl")
    kept = [links.save("/traces", {"q": str(number)}, number)[0] for number in range(2)]
    with pytest.raises(TooManyLinks, match="links"):
        links.save("/traces", {"q": "more"}, 9)
    assert links.all() == kept
    assert links.save("/traces", {"q": "0"}, 9) == (kept[0], False)


def test_readers_leave_room_for_administrators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permalinks, "MAX_LINKS", 2)
    links = Permalinks(tmp_path / "links.jsonl")
    first, _ = links.save("/traces", {"q": "first"}, 1, room=1)
    with pytest.raises(TooManyLinks):
        links.save("/traces", {"q": "second"}, 2, room=1)
    assert links.save("/traces", {"q": "first"}, 3, room=1) == (first, False)
    second, _ = links.save("/traces", {"q": "second"}, 4)
    assert links.all() == [first, second]
