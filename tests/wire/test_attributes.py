"""Attributes as KeyValues, and the memory behind them."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from otbridge.wire.attributes import Names, append_attributes
from otbridge.wire.values import any_value


def read(attributes: Any, names: Any = None) -> Any:
    parts: list[bytes] = []
    append_attributes(parts, attributes, names or Names(b"\x32"))
    return LogRecord.FromString(b"".join(parts)).attributes


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.floats() | st.booleans()))
def test_an_attribute_is_its_name_and_its_any_value(attributes: Any) -> None:
    found = read(attributes)
    assert [item.key for item in found] == list(attributes)
    for item, value in zip(found, attributes.values(), strict=True):
        assert item.value.SerializeToString() == any_value(value)


def test_a_name_means_the_same_at_its_second_use() -> None:
    names = Names(b"\x32")
    for value in ("a", "bb", 1, 300, -1, 1.5, True, False, None, "ü" * 200, [1]):
        for _ in range(2):
            (item,) = read({"key": value}, names)
            assert item.value.SerializeToString() == any_value(value)


def test_names_that_are_made_up_on_the_fly_do_not_fill_the_memory() -> None:
    names = Names(b"\x32")
    for number in range(5000):
        (item,) = read({f"key-{number}": number}, names)
        assert (item.key, item.value.int_value) == (f"key-{number}", number)
    assert len(names.known) <= 1024


def test_a_name_of_another_type_is_written_as_text_and_is_not_mistaken_for_its_equal() -> None:
    names = Names(b"\x32")
    assert [item.key for item in read({1: "a"}, names)] == ["1"]
    assert [item.key for item in read({True: "a"}, names)] == ["True"]
    assert [item.key for item in read({"\udc80": "a"}, names)] == ["\\udc80"]


class Stubborn(Mapping[str, Any]):
    def __getitem__(self, key: Any) -> None:
        raise LookupError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("changed size")

    def __len__(self) -> int:
        return 3


def test_attributes_that_cannot_be_read_leave_a_word_about_why() -> None:
    (item,) = read(Stubborn())
    assert item.key == "otbridge.attributes.error"
    assert item.value.string_value == "RuntimeError: changed size"


class GrowsOnce(dict[str, int]):
    """A mapping that another thread changes while it is read, as far as we can see."""

    def items(self) -> Any:
        yield "a", 1
        raise RuntimeError("dictionary changed size during iteration")


def test_attributes_that_change_while_they_are_read_are_written_once() -> None:
    assert [item.key for item in read(GrowsOnce(a=1, b=2))] == ["a", "b"]
