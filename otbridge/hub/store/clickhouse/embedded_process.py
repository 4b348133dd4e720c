"""The process that chDB lives in: `python -m … DESCRIPTOR FOLDER`.

It takes statements from a socket and answers them, several at a time, until the socket is closed.
"""

from __future__ import annotations

import fcntl
import os
import queue
import re
import socket
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from otbridge.hub.store.clickhouse.frames import MESSAGES, read_frame, write_frame

__all__ = ["main"]

_MESSAGES_FILE: Final = "messages-"

_WORKERS: Final = 4
"""Statements at the same time, one of them an insert; more would only share the same cores."""

_LOCK_S: Final = 5.0
"""The process before this one may need so long to end after its hub was killed."""

_CODE = re.compile(r"Code: (\d+)\.")
_UNKNOWN_CODE: Final = 1001
"""STD_EXCEPTION (src/Common/ErrorCodes.cpp), for errors that say no number."""

_FAILED: Final = 1


def main(descriptor: int, folder: Path) -> None:
    """Serve the socket of this number until the other side closes it."""
    with socket.socket(fileno=descriptor) as hub:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = _lock(folder)
        except OSError as error:
            write_frame(hub, [0, _FAILED, _what(error, folder).encode()])
            return
        try:
            _serve(hub, folder)
        finally:
            os.close(lock)


def _serve(hub: socket.socket, folder: Path) -> None:
    os.chdir(folder)  # where chDB keeps the schemas of messages that it is given
    for left in folder.glob(f"{_MESSAGES_FILE}*"):
        left.unlink()  # of a process that was killed; its hub sends them again
    chdb = import_module("chdb")  # brings no types along, and is not installed everywhere
    work: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
    sending = threading.Lock()
    try:
        connections = [chdb.connect(str(folder / "data")) for _ in range(_WORKERS)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the hub has to hear of it
        write_frame(hub, [0, _FAILED, str(error).encode()])
        return
    workers = [
        threading.Thread(target=_work, args=(connection, work, hub, sending))
        for connection in connections
    ]
    for worker in workers:
        worker.start()
    write_frame(hub, [0, 0, b""])
    try:
        while (asked := read_frame(hub)) is not None:
            work.put(asked)
    except OSError:
        pass  # the hub was killed: as if it had closed the socket
    for _ in workers:
        work.put(None)
    for worker in workers:
        worker.join()
    for connection in connections:
        connection.close()


def _work(
    connection: Any,
    work: queue.SimpleQueue[list[Any] | None],
    hub: socket.socket,
    sending: threading.Lock,
) -> None:
    while (asked := work.get()) is not None:
        number, kind, sql, parameters, values = asked
        try:
            answer = _do(connection, kind, sql, parameters, values)
            code = 0
        except Exception as error:  # noqa: BLE001 - the hub hears of it, and the worker lives on
            answer = str(error).encode()
            found = _CODE.search(str(error))
            code = int(found[1]) if found else _UNKNOWN_CODE
        try:
            with sending:
                write_frame(hub, [number, code, answer])
        except OSError:
            continue  # the hub is gone; what it asked for is done


def _do(connection: Any, kind: str, sql: str, parameters: dict[str, str], values: bytes) -> bytes:
    if kind == "insert":
        stream = connection.send_insert(sql, "MsgPack")
        try:
            stream.append(values)
            stream.finish()
        finally:
            stream.close()
        return b""
    if kind == "load":
        with NamedTemporaryFile(dir=Path.cwd(), prefix=_MESSAGES_FILE) as file:
            file.write(values)
            file.flush()
            connection.query(sql.replace(MESSAGES, file.name))
        return b""
    answer: bytes = connection.query(sql, "MsgPack", params=parameters).bytes()
    return answer


def _lock(folder: Path) -> int:
    """Take the folder for this process, and return the lock.

    Raises:
        BlockingIOError: Another process has it.
        OSError: The folder cannot be used.
    """
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise
            time.sleep(0.05)
        else:
            return lock


def _what(error: OSError, folder: Path) -> str:
    if isinstance(error, BlockingIOError):
        return f"{folder} is in use by another hub."
    return f"{folder} cannot be used: {error.strerror}."


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
