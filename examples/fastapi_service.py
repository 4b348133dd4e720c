"""A FastAPI service that joins its callers' traces and hands its own on."""

import httpx
from fastapi import FastAPI

import otbridge
from otbridge.integrations import fastapi as fastapi_integration
from otbridge.integrations import httpx as httpx_integration

otbridge.configure("orders")
log = otbridge.get_logger(__name__)
app = FastAPI()


@app.get("/orders/{order_id}")
async def order(order_id: int) -> dict[str, int]:
    log.info("order asked for", order_id=order_id)
    return {"order_id": order_id}


fastapi_integration.instrument(app)
httpx_integration.instrument()
client = httpx.AsyncClient()
