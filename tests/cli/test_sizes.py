"""Sizes are read as people write them."""

from __future__ import annotations

import click
import pytest

from otbridge.cli.sizes import SizeType


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("5GB", 5_000_000_000),
        ("5 gb", 5_000_000_000),
        ("1.5G", 1_500_000_000),
        ("2GiB", 2 << 30),
        ("64MiB", 64 << 20),
        ("1T", 10**12),
        (4096, 4096),
    ],
)
def test_a_size_is_a_number_with_a_unit(text: object, size: int) -> None:
    assert SizeType(minimum=1).convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "GB", "5XB", "-5GB", "5 GB GB", "5i", "1e9", "५GB"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="500MB"):
        SizeType(minimum=1).convert(text, None, None)


def test_too_little_is_refused_with_the_least() -> None:
    with pytest.raises(click.BadParameter, match="at least 64MB"):
        SizeType(minimum=64_000_000).convert("63MB", None, None)
