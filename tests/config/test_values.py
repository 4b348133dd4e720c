from __future__ import annotations

from typing import Any

import pytest

from otbridge.config import values


@pytest.mark.parametrize("word", ["1", "true", "YES", " on ", True])
def test_truth_is_read_as_people_write_it(word: Any) -> None:
    assert values.boolean(word) is True


@pytest.mark.parametrize("word", ["0", "False", "no", "off", False])
def test_falsehood_is_read_as_people_write_it(word: Any) -> None:
    assert values.boolean(word) is False


def test_a_word_that_is_no_truth_value_is_refused() -> None:
    with pytest.raises(ValueError, match="true or false"):
        values.boolean("perhaps")


@pytest.mark.parametrize(("written", "number"), [("debug", 10), ("WARN", 30), ("25", 25), (5, 5)])
def test_a_level_is_read_by_name_or_by_number(written: Any, number: Any) -> None:
    assert values.level(written) == number


@pytest.mark.parametrize("written", ["loud", "101", -1, None, True])
def test_what_is_no_level_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        values.level(written)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("http://h:4318/", "http://h:4318/"),
        (" https://h/base ", "https://h/base"),
        ("h:4317", "h:4317"),
        ("http://[::1]:4318", "http://[::1]:4318"),
    ],
)
def test_an_endpoint_loses_only_surrounding_blanks(written: Any, address: Any) -> None:
    assert values.endpoint(written) == address


@pytest.mark.parametrize(
    "written", ["", "http://", "ftp://h", "http://h:99999", "http://h:x", "http://[h"]
)
def test_what_is_no_address_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="address such as"):
        values.endpoint(written)


def test_pairs_are_url_decoded_and_may_contain_equals_signs() -> None:
    assert values.key_values("a=b%20c, d=e=f ,") == {"a": "b c", "d": "e=f"}


def test_a_broken_pair_is_named_by_position_because_it_may_be_a_secret() -> None:
    with pytest.raises(ValueError, match="pair 2") as caught:
        values.key_values("a=b,hunter2")
    assert "hunter2" not in str(caught.value)


def test_numbers_outside_their_range_and_nan_are_refused() -> None:
    read = values.number(0, 1)
    assert read("0.25") == 0.25
    for wrong in ("2", "nan", "x", None, True):
        with pytest.raises(ValueError, match="from 0 to 1"):
            read(wrong)


def test_words_come_from_commas_or_from_a_list() -> None:
    assert values.words(" a, b ,,c") == ("a", "b", "c") == values.words(["a", "b", "c"])
    with pytest.raises(ValueError, match="list of words"):
        values.words(7)


def test_auto_is_a_third_truth_value_where_it_is_allowed() -> None:
    assert values.optional_boolean("AUTO") == "auto"
    assert values.optional_boolean("on") is True
    with pytest.raises(ValueError, match="auto"):
        values.optional_boolean("maybe")
