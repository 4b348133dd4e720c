"""The demo's first service: the page with the button, and the API behind it.

`GET /` is the page, `POST /api/gift` asks the advice service and answers with its gift.
"""

from __future__ import annotations

import html
from importlib import resources

import httpx
from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

import otbridge
from otbridge.integrations import fastapi as fastapi_integration
from otbridge.integrations import httpx as httpx_integration

__all__ = ["create_app"]


class Wish(BaseModel):
    """What the visitor is looking for."""

    name: str = Field(default="Ada", max_length=80)
    wish: str = Field(default="something that lasts", max_length=80)


def create_app(hub_url: str, advice_url: str) -> FastAPI:
    """Build the service; the page sends its telemetry to *hub_url*."""
    otbridge.configure("gift-shop")
    log = otbridge.get_logger("gift.shop")
    app = FastAPI(title="gift-shop", openapi_url=None)
    files = resources.files("otbridge.cli.demo") / "page"
    page = (files / "index.html").read_text("utf-8").replace("{{hub}}", html.escape(hub_url))
    client = httpx.AsyncClient(base_url=advice_url, timeout=30)

    @app.get("/")
    def index() -> HTMLResponse:
        return HTMLResponse(page, headers={"Cache-Control": "no-store"})

    @app.get("/page.js")
    def script() -> Response:
        return Response((files / "page.js").read_text("utf-8"), media_type="text/javascript")

    @app.get("/page.css")
    def style() -> Response:
        return Response((files / "page.css").read_text("utf-8"), media_type="text/css")

    @app.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    @app.post("/api/gift")
    async def gift(wish: Wish) -> dict[str, str | int]:
        log.info("gift wanted", wish=wish.wish)
        answer = await client.get("/advice", params={"name": wish.name, "wish": wish.wish})
        if answer.status_code != httpx.codes.OK:
            log.error("no gift", status=answer.status_code, reason=answer.json()["detail"])
            raise HTTPException(status_code=502, detail=answer.json()["detail"])
        found: dict[str, str | int] = answer.json()
        log.success("gift found", gift=found["gift"], price=found["price"])
        return found

    httpx_integration.instrument()
    fastapi_integration.instrument(app, excluded_urls=["/$", "/page", "/favicon"])
    return app
