"""The browser's telemetry through your own application."""

from fastapi import FastAPI

import otbridge
from otbridge.bridge import asgi_app

otbridge.configure("shop")
app = FastAPI()
app.mount("/telemetry", asgi_app())
