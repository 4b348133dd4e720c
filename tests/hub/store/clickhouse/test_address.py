"""A ClickHouse address says where and as whom; nobody who reads a message learns the password."""

from __future__ import annotations

import pytest

from otbridge.errors import StoreError
from otbridge.hub.store import open_store
from otbridge.hub.store.clickhouse.address import Address, read_address

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clickhouse://db/otel", Address((("db", 8123),), "otel")),
        ("clickhouse://db:9/otel/", Address((("db", 9),), "otel")),
        ("clickhouse://a,b:81/otel", Address((("a", 8123), ("b", 81)), "otel")),
        ("clickhouse://ada@db/otel", Address((("db", 8123),), "otel", "ada")),
        ("clickhouse://a:p%40%2F@db/otel", Address((("db", 8123),), "otel", "a", "p@/")),
        ("clickhouse://[::1]:81/otel", Address((("::1", 81),), "otel")),
        (
            "clickhouse://db/otel?secure=1&cluster=main",
            Address((("db", 8443),), "otel", secure=True, cluster="main"),
        ),
    ],
)
def test_every_part_is_read(text: str, expected: Address) -> None:
    assert read_address(text, {}) == expected


def test_the_password_may_be_left_to_the_environment() -> None:
    environ = {"OTBRIDGE_CLICKHOUSE_PASSWORD": SECRET}
    assert read_address("clickhouse://ada@db/otel", environ).password == SECRET
    assert read_address("clickhouse://ada:own@db/otel", environ).password == "own"


def test_the_password_is_never_shown() -> None:
    address = read_address(f"clickhouse://ada:{SECRET}@db,other/otel", {})
    assert str(address) == "clickhouse://db:8123,other:8123/otel"
    assert SECRET not in f"{address} {address!r}"


@pytest.mark.parametrize(
    "text",
    [
        f"clickhouse://ada:{SECRET}@db",
        f"clickhouse://ada:{SECRET}@db/",
        f"clickhouse://ada:{SECRET}@db/a-b",
        f"clickhouse://ada:{SECRET}@db/otel/more",
        f"clickhouse://ada:{SECRET}@/otel",
        f"clickhouse://ada:{SECRET}@db,,other/otel",
        f"clickhouse://ada:{SECRET}@db:99999/otel",
        f"clickhouse://ada:{SECRET}@db:port/otel",
        f"clickhouse://ada:{SECRET}@db/otel?secur=1",
        f"clickhouse://ada:{SECRET}@db/otel?cluster=a'b",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(text)
    assert SECRET not in str(caught.value)
    assert "OTBRIDGE_CLICKHOUSE_PASSWORD" in caught.value.do


@pytest.mark.parametrize("text", ["chdb://", "chdb:///", "chdb://relative/folder"])
def test_an_embedded_store_has_an_absolute_folder(text: str) -> None:
    with pytest.raises(StoreError, match="names no folder"):
        open_store(text)
