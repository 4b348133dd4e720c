"""The hub's pages: the built ones from a fixed table, and a plain one where nothing is built."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import pytest

from otbridge.hub.ui import Ui

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = b"console.log('otbridge');\n" * 100


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A small build, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>hub</title>")
    (folder / "otbridge.js").write_bytes(SCRIPT)
    (folder / "assets" / "app-4f2a.js").write_bytes(SCRIPT)
    (folder / "assets" / "dot.png").write_bytes(bytes(2000))
    (folder / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


class Answer:
    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start, body = messages
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.body: bytes = body["body"]


def get(ui: Ui, path: str, method: str = "GET", **headers: str) -> Answer:
    messages: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        messages.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    sent = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": sent}
    asyncio.run(ui(scope, receive, send))
    return Answer(messages)


@pytest.mark.parametrize("path", ["/", "/index.html", "/traces/abc?x", "/logs", "/a/b/c"])
def test_a_place_in_the_ui_is_the_page_that_finds_it(dist: Path, path: str) -> None:
    answer = get(Ui(dist), path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>hub</title>" in answer.body
    assert answer.headers["cache-control"] == "no-cache"


def test_pages_may_run_only_the_hubs_own_code(dist: Path) -> None:
    policy = get(Ui(dist), "/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    for rule in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy


def test_an_asset_may_be_kept_for_ever(dist: Path) -> None:
    answer = get(Ui(dist), "/assets/app-4f2a.js")
    assert answer.body == SCRIPT
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]


def test_the_browser_sdk_may_be_loaded_by_any_page(dist: Path) -> None:
    answer = get(Ui(dist), "/otbridge.js", origin="https://anywhere.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "no-cache"


def test_text_is_compressed_for_those_who_take_it(dist: Path) -> None:
    ui = Ui(dist)
    answer = get(ui, "/otbridge.js", accept_encoding="br, gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == SCRIPT
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in get(ui, "/otbridge.js").headers
    assert "content-encoding" not in get(ui, "/assets/dot.png", accept_encoding="gzip").headers


def test_what_the_browser_has_already_is_not_sent_again(dist: Path) -> None:
    ui = Ui(dist)
    tag = get(ui, "/otbridge.js").headers["etag"]
    answer = get(ui, "/otbridge.js", if_none_match=tag)
    assert (answer.status, answer.body) == (304, b"")
    assert get(ui, "/otbridge.js", if_none_match='"other"').status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/link.txt",
        "//secret.txt",
        "/assets/",
        "/assets",
        "/./secret.txt",
        "\\..\\secret.txt",
        "/\x00",
        "/etc/passwd",
        "/assets/%2e%2e/%2e%2e/secret.txt",
    ],
)
def test_no_path_leads_out_of_the_table(dist: Path, path: str) -> None:
    answer = get(Ui(dist), path)
    assert b"secret" not in answer.body
    assert b"dot.png" not in answer.body


def test_a_missing_part_of_a_page_is_404_and_not_the_page(dist: Path) -> None:
    assert get(Ui(dist), "/assets/gone.js").status == 404
    assert get(Ui(dist), "/favicon.ico").status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_pages_are_only_read(dist: Path, method: str) -> None:
    answer = get(Ui(dist), "/", method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_without_a_build_a_page_says_how_to_make_one(tmp_path: Path) -> None:
    ui = Ui(tmp_path / "none")
    page = get(ui, "/")
    assert page.status == 200
    assert b"npm" in page.body
    assert "content-security-policy" in page.headers
    script = get(ui, "/otbridge.js")
    assert script.status == 404
    assert b"npm" in script.body
