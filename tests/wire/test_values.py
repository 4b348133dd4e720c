"""Any Python value as an AnyValue."""

import enum
import math
from collections import deque, namedtuple
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from unittest.mock import MagicMock
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._internal import _encode_value
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from otbridge.wire.values import MAX_DEPTH, MAX_NODES, MAX_SIZE, any_value, text


def read(value: Any) -> Any:
    return AnyValue.FromString(any_value(value))


def plain(value: Any) -> Any:
    """Return the AnyValue as plain Python again."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    return getattr(value, kind)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats()
    | st.text()
    | st.binary()
)
ENCODABLE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(deque)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.dictionaries(st.text(), inner).map(MappingProxyType)
    ),
    max_leaves=20,
)
ODD = (
    st.text(st.characters(codec=None))
    | st.integers()
    | st.decimals()
    | st.fractions()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
    | st.complex_numbers()
    | st.frozensets(st.integers() | st.text())
    | st.sampled_from([Ellipsis, NotImplemented, int, len, object(), MagicMock(), iter([1])])
)
ANYTHING = st.recursive(
    SCALARS | ODD,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.uuids(), inner),
    max_leaves=20,
)


@given(ENCODABLE)
def test_what_the_official_encoder_takes_becomes_the_same_message(value: Any) -> None:
    ours, theirs = read(value), _encode_value(value)
    # By their bytes: two messages with a NaN are never equal.
    assert ours.SerializeToString() == theirs.SerializeToString()


@given(ANYTHING)
def test_whatever_it_is_a_message_comes_out(value: Any) -> None:
    read(value)


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Word(enum.StrEnum):
    YES = "yes"


@dataclass
class Point:
    x: int
    y: "Point | None" = None


class Struct(msgspec.Struct):
    name: str
    size: int = 1


class Model(pydantic.BaseModel):
    name: str
    secret: pydantic.SecretStr = pydantic.SecretStr("hunter2")
    when: datetime = datetime(2026, 1, 2, tzinfo=UTC)


class Scalar:
    """What numpy's scalars look like from outside."""

    dtype = "float32"
    shape = ()

    def item(self) -> Any:
        return 1.5


class Array:
    """What numpy's arrays look like from outside."""

    dtype = "int64"

    def __init__(self, *shape: Any) -> None:
        self.shape = shape
        self.size = math.prod(shape)

    def tolist(self) -> Any:
        return [1, 2]


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - an untyped one is what is tested


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\ud800x", "\\ud800x"),
        (1 << 63, "9223372036854775808"),
        (-(1 << 64), "-18446744073709551616"),
        (math.inf, math.inf),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Word.YES, "yes"),
        (Point(1, Point(2)), {"x": 1, "y": {"x": 2, "y": None}}),
        (Struct("a"), {"name": "a", "size": 1}),
        (
            Model(name="a"),
            {"name": "a", "secret": "**********", "when": "2026-01-02T00:00:00+00:00"},
        ),
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1.5), 90.0),
        (Decimal("1.10"), "1.10"),
        (Fraction(1, 3), "1/3"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (PurePosixPath("/a/b"), "/a/b"),
        ({3, 1, 2}, [1, 2, 3]),
        (range(3), [0, 1, 2]),
        (Pair(1, "r"), [1, "r"]),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        (ValueError("bad"), "ValueError: bad"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Point, f"{__name__}.Point"),
        (Scalar(), 1.5),
        (Array(2), [1, 2]),
        (Array(1000, 1000), "<Array of shape (1000, 1000) and type int64>"),
    ],
)
def test_a_value_keeps_its_meaning(value: Any, expected: Any) -> None:
    assert plain(read(value)) == expected


def test_a_number_with_too_many_digits_to_print_is_written_in_hex() -> None:
    assert plain(read(10**5000)) == f"{10**5000:#x}"


def test_nan_stays_nan() -> None:
    assert math.isnan(read(math.nan).double_value)


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no")


class BrokenMapping(Mapping[str, Any]):
    def __getitem__(self, key: Any) -> None:
        raise OSError

    def __iter__(self) -> Iterator[str]:
        raise OSError

    def __len__(self) -> int:
        return 1

    def __str__(self) -> str:
        return "broken"


class Recursing:
    def __str__(self) -> str:
        return str(self)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Broken(), "<unprintable Broken>"),
        (Recursing(), "<unprintable Recursing>"),
        (BrokenMapping(), "broken"),
        ([1, Broken(), 2], [1, "<unprintable Broken>", 2]),
        ({Broken(): 1}, {"<unprintable Broken>": 1}),
    ],
)
def test_a_value_whose_own_code_fails_is_named_and_harms_no_other(
    value: Any, expected: Any
) -> None:
    assert plain(read(value)) == expected


def test_a_cycle_ends_where_it_closes() -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    assert plain(read(loop)) == [1, {"again": "<cycle>"}]


def test_a_value_that_is_merely_shared_is_written_each_time() -> None:
    shared = [1]
    assert plain(read([shared, shared])) == [[1], [1]]


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"k": inner}])
def test_nesting_ends_at_the_limit_and_says_so(wrap: Any) -> None:
    value = "core"
    for _ in range(MAX_DEPTH + 5):
        value = wrap(value)
    found = plain(read(value))
    for _ in range(MAX_DEPTH):
        found = found[0] if isinstance(found, list) else found["k"]
    assert found == f"<nested deeper than {MAX_DEPTH} levels>"


def test_a_small_value_that_unfolds_to_a_huge_one_is_cut_off() -> None:
    bomb: list[Any] = ["x"]
    for _ in range(20):
        bomb = [bomb, bomb]  # 2 to the power of 20 leaves
    assert len(any_value(bomb)) < 20 * MAX_NODES


def test_what_is_left_out_of_a_long_list_is_counted() -> None:
    found = plain(read(list(range(MAX_NODES + 7))))
    assert found[-1] == "<7 more left out>"
    assert len(found) == MAX_NODES + 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            ["a", "x" * 2 * MAX_SIZE],
            ["a", "x" * (MAX_SIZE - 1) + f"… (cut: {2 * MAX_SIZE} characters)"],
        ),
        (b"x" * (MAX_SIZE + 1), f"<{MAX_SIZE + 1} bytes>"),
        (memoryview(bytes(4 * MAX_SIZE)), f"<{4 * MAX_SIZE} bytes>"),
        ({"k" * 5000: 1}, {"k" * 1024: 1}),
    ],
)
def test_what_is_too_large_is_cut_and_says_so(value: Any, expected: Any) -> None:
    assert plain(read(value)) == expected


def test_many_texts_together_have_one_limit() -> None:
    assert len(any_value(["x" * 100_000] * 1000)) < 2 * MAX_SIZE


def test_only_as_much_of_a_huge_mapping_is_looked_at_as_is_written() -> None:
    class Endless(Mapping[str, int]):
        seen = 0

        def __len__(self) -> int:
            return 10**9

        def __iter__(self) -> Iterator[str]:
            while True:
                self.seen += 1
                yield str(self.seen)

        def __getitem__(self, key: str) -> int:
            return 1

    endless = Endless()
    found = plain(read(endless))
    assert found["..."] == f"<{10**9 - MAX_NODES} more left out>"
    assert endless.seen == MAX_NODES + 1


def test_a_mock_is_text_and_not_asked_for_fields() -> None:
    assert plain(read(MagicMock(name="m"))).startswith("<MagicMock")


def test_text_never_raises() -> None:
    assert text(Broken()) == "<unprintable Broken>"
