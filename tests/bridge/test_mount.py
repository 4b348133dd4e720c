"""`asgi_app()` in somebody's application."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI

import otbridge.bridge
from otbridge.bridge.mount import asgi_app
from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def get(app: Any, path: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    app = FastAPI()
    app.mount("/telemetry", asgi_app())
    return app


def test_the_browser_sdk_is_served_beside_the_bridge(app: FastAPI, tmp_path: Path) -> None:
    """One script tag is enough for a page: the script may be loaded from anywhere."""
    folder = tmp_path / "hub" / "ui" / "dist"
    folder.mkdir(parents=True)
    (folder / "otbridge.js").write_text("export {};")
    answer = get(app, "/telemetry/otbridge.js")
    assert answer.text == "export {};"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    again = get(app, "/telemetry/otbridge.js", **{"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    (folder / "otbridge.js").write_text("export const newer = 1;")
    assert get(app, "/telemetry/otbridge.js").text == "export const newer = 1;"


def test_without_a_build_the_script_says_how_to_get_one(app: FastAPI) -> None:
    """A source tree without a build answers 404 with the command to run."""
    answer = get(app, "/telemetry/otbridge.js")
    assert answer.status_code == 404
    assert "poe ui" in answer.json()["error"]["do"]


@pytest.mark.parametrize("path", ["/telemetry/v1/traces", "/telemetry/../otbridge.js/x"])
def test_other_paths_are_not_found(app: FastAPI, path: str) -> None:
    """A mount answers for its own two doors only."""
    assert get(app, path).status_code == 404


def test_mistakes_are_configuration_errors_at_once() -> None:
    """A wrong origin or a short secret is refused while the application is put together."""
    with pytest.raises(ConfigurationError):
        asgi_app(origins=["shop.example"])
    with pytest.raises(ConfigurationError):
        asgi_app(secret="short")


def test_every_public_name_is_there() -> None:
    """What the package promises can be imported from it, and nothing else can."""
    for name in otbridge.bridge.__all__:
        assert getattr(otbridge.bridge, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = otbridge.bridge.nonsense


def test_issuing_a_ticket_loads_nothing_heavy() -> None:
    """A backend that only signs tickets pays for neither protobuf nor asyncio."""
    code = (
        "import sys; from otbridge.bridge import issue_ticket; issue_ticket('x' * 16);"
        "print([name for name in ('google.protobuf', 'asyncio', 'msgspec') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
