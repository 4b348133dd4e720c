"""How the demo's processes begin: `python -m otbridge.cli.demo.child ROLE …`.

Each prints `ready …` when it serves, and ends when its parent does: the parent holds the other
end of standard input, so even a parent that is killed outright leaves no process behind.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

__all__ = ["main"]


def main(role: str, *arguments: str) -> None:
    """Be one of the demo's processes until standard input closes.

    Args:
        role: `hub`, `shop`, `advice` or `writer`.
        arguments: For the hub its command line; for the others the addresses they call.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _ROLES[role](*arguments)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _hub(*arguments: str) -> None:
    from otbridge.cli.main import main as command_line

    command_line(["hub", *arguments])


def _shop(hub_url: str, advice_url: str, port: str) -> None:
    from otbridge.cli.demo.shop import create_app

    _serve(lambda: create_app(hub_url, advice_url), int(port))


def _advice(writer_port: str) -> None:
    from otbridge.cli.demo.advice import create_app

    _serve(lambda: create_app(int(writer_port)), 0)


def _writer() -> None:
    from otbridge.cli.demo.writer import serve

    serve()


def _serve(create_app: Callable[[], FastAPI], port: int) -> None:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", port))
    # The level keeps uvicorn's start-up lines out of the trace; its errors still show.
    config = uvicorn.Config(create_app(), log_config=None, log_level="warning", access_log=False)
    print(f"ready http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


_ROLES: dict[str, Callable[..., None]] = {
    "advice": _advice,
    "hub": _hub,
    "shop": _shop,
    "writer": _writer,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
