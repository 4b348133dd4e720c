"""Servers with several processes: each worker ends in its server's own way, and loses nothing."""

from __future__ import annotations

import re
import signal
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess

WSGI = """
import otbridge
{configure}
log = otbridge.get_logger("shop")

def app(environ, start_response):
    for number in range(100):
        log.info("line")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""

ASGI = """
import otbridge
{configure}
log = otbridge.get_logger("shop")

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                log.info("shutdown")
                return
    for number in range(100):
        log.info("line")
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"ok"}})
"""

CONFIGURED = {"by the module": "otbridge.configure('shop')", "by the first line": ""}


def address_in(process: subprocess.Popen[str], started: str = "", times: int = 0) -> str:
    """Return where the server listens; it tells on standard error, and so do its workers."""
    assert process.stderr is not None
    address = ""
    for line in process.stderr:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        address = found[0] if found else address
        times -= bool(started) and started in line
        if address and times <= 0:
            return address
    raise AssertionError(f"it ended with {process.wait()}")


def ask(address: str, times: int) -> None:
    """Send so many requests; the first ones until there is a worker to answer them."""
    deadline = time.monotonic() + 15
    for _ in range(times):
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def end(process: subprocess.Popen[str]) -> str:
    """End it as an operator does; return what it said."""
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=15)
    return err


@pytest.mark.parametrize("configured", CONFIGURED)
@pytest.mark.parametrize("preload", [False, True])
def test_gunicorns_prefork_workers_lose_nothing(
    programs: Any, bodies: Any, configured: Any, preload: Any
) -> None:
    """10,000 lines from four workers, which their master ends by SIGTERM."""
    programs.write(WSGI.format(configure=CONFIGURED[configured]), "shop.py")
    server = programs.command(
        sys.executable, "-m", "gunicorn", "shop:app", "--workers", "4", "--bind", "127.0.0.1:0",
        *(["--preload"] if preload else []), OTBRIDGE_CAPTURE_STDLIB="false",
    )  # fmt: skip
    ask(address_in(server), 100)
    assert "Traceback" not in end(server)
    assert server.returncode == 0
    programs.replay()
    assert bodies() == {"line": 10_000}


@pytest.mark.parametrize("configured", CONFIGURED)
@pytest.mark.parametrize("workers", [1, 2])
def test_uvicorns_workers_lose_nothing(
    programs: Any, bodies: Any, configured: Any, workers: Any
) -> None:
    """It takes SIGTERM itself, ends its work, and then sends it to itself, without a handler."""
    programs.write(ASGI.format(configure=CONFIGURED[configured]), "shop.py")
    server = programs.command(
        sys.executable, "-m", "uvicorn", "shop:app", "--workers", str(workers), "--port", "0",
    )  # fmt: skip
    ask(address_in(server, "startup complete", workers), 20)
    assert "Traceback" not in end(server)
    programs.replay()
    found = bodies()  # what was on its way in the moment of the end may come twice
    ends = sum(count for text, count in found.items() if text.startswith("Finished server"))
    assert found["line"] >= 2000
    assert found["shutdown"] >= workers
    assert ends >= workers  # uvicorn's last line, right before it kills itself
