"""Keys on disk, and the command that changes them."""

from __future__ import annotations

import copy
import json
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otbridge.errors import ConfigurationError
from otbridge.hub.access.key import Kind, Quota, TraceContext
from otbridge.hub.access.key_file import KeyRequest, add_key, read_keys, revoke_key
from otbridge.hub.access.secret import Secret
from tests.hub.access.conftest import SHOP, command, new_key

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_is_kept_as_its_hash_in_a_file_of_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys.json"
    key, secret = add_key(path, KeyRequest(Kind.WRITE, name="api"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert secret.reveal() not in path.read_text()
    assert key.digest.hex() in path.read_text()
    assert read_keys(path) == [key]


def test_everything_about_a_key_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    asked = KeyRequest(
        Kind.INGEST, "shop", "acme", "shop-web", (SHOP,), Quota(1, 2, 3), TraceContext.DROP
    )
    key, secret = add_key(path, asked)
    assert read_keys(path) == [key]
    assert (key.tenant, key.service, *key.origins) == ("acme", "shop-web", SHOP)
    assert (key.quota, key.trace_context) == (Quota(1, 2, 3), TraceContext.DROP)
    assert secret.reveal().startswith("otb_pub_")


def test_secrets_have_256_bits_and_are_all_different() -> None:
    secrets = {Secret.new("x_").reveal() for _ in range(1000)}
    assert len(secrets) == 1000
    assert {len(secret) for secret in secrets} == {2 + 43}  # base64 of 32 bytes


def test_a_secret_shows_itself_only_where_it_is_asked_to() -> None:
    secret = Secret.new("otb_read_")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>60}", f"{[secret]}", f"{secret!r}"]
    assert all("otb_read_***" in each for each in shown)
    assert not any(secret.reveal()[9:] in each for each in shown)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(secret)


def test_keys_that_are_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: add_key(path, KeyRequest(Kind.READ))[0], range(24)))
    assert {key.id for key in read_keys(path) or ()} == {key.id for key in made}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 2, "keys": []}',
        '{"version": 1, "keys": [{"id": "k", "kind": "read", "sha256": "00"}]}',
        '{"version": 1, "keys": [{"id": "k", "kind": "root", "sha256": ""}]}',
        '{"version": 1, "keys": [{"id": "k", "kind": "read", "sha256": "", "rights": "all"}]}',
    ],
)
def test_a_damaged_file_is_said_and_never_taken_for_no_keys(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read_keys(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"kind": Kind.INGEST, "service": "a"}, "--origin"),
        ({"kind": Kind.INGEST, "origins": (SHOP,)}, "--service"),
        ({"kind": Kind.READ, "service": "a"}, "ingest"),
        ({"kind": Kind.WRITE, "trace_context": TraceContext.LINK}, "ingest"),
    ],
)
def test_what_a_public_key_needs_no_other_has(request_: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        KeyRequest(**request_)  # type: ignore[arg-type] # that is the test


@pytest.mark.parametrize("origin", ["*", "null", "shop.example", "https://a/b", "https://u@a", ""])
def test_an_origin_that_is_none_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ConfigurationError, match="origin"):
        add_key(tmp_path / "keys.json", KeyRequest(Kind.INGEST, "", "", "a", (origin,)))


def test_origins_are_kept_as_browsers_send_them(tmp_path: Path) -> None:
    said = ("HTTPS://Shop.Example/", "https://a.example:443", "http://localhost:3000")
    key, _ = add_key(tmp_path / "keys.json", KeyRequest(Kind.INGEST, "", "", "a", said))
    assert key.origins == {"https://shop.example", "https://a.example", "http://localhost:3000"}


def test_a_revoked_key_is_gone_and_an_unknown_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, _ = add_key(path, KeyRequest(Kind.READ))
    assert revoke_key(path, key.id) == key
    assert read_keys(path) == []
    with pytest.raises(ConfigurationError, match="keys list"):
        revoke_key(path, key.id)


def test_the_command_shows_a_key_once_and_lists_it_without(tmp_path: Path) -> None:
    added = command(tmp_path, "add", "ingest", "--service", "shop-web", "--origin", SHOP)
    assert added.returncode == 0
    secret = added.stdout.strip()
    assert secret.startswith("otb_pub_")
    assert secret not in added.stderr
    listed = command(tmp_path, "list")
    assert "shop-web" in listed.stdout
    assert SHOP in listed.stdout
    assert "60,000 records/min" in listed.stdout
    as_json = command(tmp_path, "list", "--format", "json")
    (told,) = json.loads(as_json.stdout)["keys"]
    assert told["records_per_minute"] == 60_000
    assert secret[8:] not in listed.stdout + as_json.stdout


def test_the_data_folder_may_stand_before_the_verb_too(tmp_path: Path) -> None:
    new_key(tmp_path, "read")
    done = command(tmp_path / "elsewhere", "list")
    assert "no keys" in done.stderr


def test_the_last_key_that_goes_leaves_a_hub_that_nobody_gets_into(tmp_path: Path) -> None:
    made = new_key(tmp_path, "read")
    done = command(tmp_path, "revoke", made["id"])
    assert done.returncode == 0
    assert "nobody gets in" in done.stderr
    assert command(tmp_path, "revoke", made["id"]).returncode == 1


def test_a_mistake_is_one_sentence(tmp_path: Path) -> None:
    done = command(tmp_path, "add", "ingest", "--service", "a")
    assert done.returncode == 1
    assert "--origin" in done.stderr
    assert "Traceback" not in done.stderr
