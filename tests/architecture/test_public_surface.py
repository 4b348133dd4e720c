"""What users may rely on: the names in `otbridge`, and where their types are."""

from __future__ import annotations

import importlib.metadata
import inspect
import pathlib
import re
from typing import Any

import pytest

import otbridge

ROOT = pathlib.Path(otbridge.__file__).parent


def test_the_public_names_are_these() -> None:
    assert otbridge.__all__ == [
        "Logger", "__version__", "agents", "bridge", "configure", "correlation", "errors",
        "extract", "flush", "get_logger", "inject", "processors", "shutdown", "span", "stats",
    ]  # fmt: skip
    assert dir(otbridge) == sorted(otbridge.__all__)


@pytest.mark.parametrize("name", otbridge.__all__)
def test_every_public_name_can_be_loaded_and_is_explained(name: Any) -> None:
    assert inspect.getdoc(getattr(otbridge, name))


def test_an_unknown_name_is_an_attribute_error_as_usual() -> None:
    with pytest.raises(AttributeError, match="module 'otbridge' has no attribute 'nope'"):
        _ = otbridge.nope


def test_the_version_is_the_distributions() -> None:
    assert importlib.metadata.version("otbridge") == otbridge.__version__


def test_the_package_is_typed() -> None:
    assert (ROOT / "py.typed").is_file()


SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_holds_one_idea_and_no_unfinished_work(source: Any) -> None:
    """At most 500 lines (300 is the aim), and no comment that puts work off."""
    text = (ROOT / source).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 500
    assert not re.search(r"#.*\b(TODO|FIXME|XXX|HACK)\b", text)
