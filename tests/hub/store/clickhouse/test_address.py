"""A ClickHouse address says where and as whom; nobody who reads a message learns the password."""

from __future__ import annotations

import sys
from dataclasses import replace

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
        ("clickhouse://db/otel?secure=no", Address((("db", 8123),), "otel")),
        (
            "clickhouse://db/otel?ca=/etc/own%20ca.pem",
            Address((("db", 8443),), "otel", secure=True, ca="/etc/own ca.pem"),
        ),
    ],
)
def test_every_part_is_read(text: str, expected: Address) -> None:
    assert replace(read_address(text, {}), compression="none") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clickhouse://localhost,127.0.0.1,[::1]/otel", "none"),
        ("clickhouse://localhost,db/otel", "zstd"),
        ("clickhouse://10.0.0.1/otel", "zstd"),
        ("clickhouse://localhost/otel?compression=zstd", "zstd"),
        ("clickhouse://db/otel?compression=gzip", "gzip"),
        ("clickhouse://db/otel?compression=none", "none"),
    ],
)
def test_what_leaves_the_machine_is_compressed_unless_told_otherwise(
    text: str, expected: str
) -> None:
    assert read_address(text, {}).compression == expected


def test_without_zstandard_gzip_is_taken_and_zstd_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert read_address("clickhouse://db/otel", {}).compression == "gzip"
    with pytest.raises(StoreError, match=r"pip install 'otbridge\[zstd\]'"):
        read_address("clickhouse://db/otel?compression=zstd", {})


def test_the_password_may_be_left_to_the_environment() -> None:
    environ = {"OTBRIDGE_CLICKHOUSE_PASSWORD": SECRET}
    assert read_address("clickhouse://ada@db/otel", environ).password == SECRET
    assert read_address("clickhouse://ada:own@db/otel", environ).password == "own"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clickhouse://ada:x@db/otel", True),
        ("clickhouse://ada:x@localhost,db/otel", True),
        ("clickhouse://ada:x@db/otel?secure=1", False),
        ("clickhouse://ada:x@localhost/otel", False),
        ("clickhouse://ada@db/otel", False),
    ],
)
def test_a_password_that_others_can_read_on_the_way_is_known(text: str, expected: bool) -> None:
    assert read_address(text, {}).is_in_the_clear is expected


def test_a_password_that_others_can_read_on_the_way_is_spoken_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store(f"clickhouse://ada:{SECRET}@hub.invalid:1/otel")
    assert "hub.invalid:1/otel unencrypted: add secure=1" in caplog.messages[0]
    assert SECRET not in caplog.text


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
        f"clickhouse://ada:{SECRET}@db/otel?secure=ja",
        f"clickhouse://ada:{SECRET}@db/otel?secure=0&ca=/ca.pem",
        f"clickhouse://ada:{SECRET}@db/otel?compression=lzma",
        f"clickhouse://ada:{SECRET}%0D%0AX-Other:1@db/otel",
        f"clickhouse://a%00da:{SECRET}@db/otel",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(text)
    assert SECRET not in str(caught.value)
    assert "OTBRIDGE_CLICKHOUSE_PASSWORD" in caught.value.do


def test_a_tenants_database_may_be_longer_by_its_name() -> None:
    """So that no tenant is refused because of the hub's own."""
    longest = "o" * 64
    assert read_address(f"clickhouse://db/{longest}__{'t' * 32}", {}).database.startswith(longest)
    with pytest.raises(StoreError, match="up to 64 letters"):
        read_address(f"clickhouse://db/{longest}o", {})


@pytest.mark.parametrize("options", ["database=a'b", "database=", "other=1", "x"])
def test_an_embedded_store_has_no_other_option_than_a_database(options: str) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        open_store(f"chdb:///absolute/folder?{options}")


@pytest.mark.parametrize("text", ["chdb://", "chdb:///", "chdb://relative/folder"])
def test_an_embedded_store_has_an_absolute_folder(text: str) -> None:
    with pytest.raises(StoreError, match="names no folder"):
        open_store(text)
