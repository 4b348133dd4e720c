"""Row 51: the process that writes the store is killed, again and again, while records come in."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.hub.test_store_trouble import post
from tests.hub.hub_process import HubProcess
from tests.hub.receive_log.killing import shown

KILLS = 5


def test_what_was_acknowledged_is_stored_once_by_the_next_process(tmp_path: Path) -> None:
    """Row 51: it is started again, and gets from the receive log what the one before had in hand."""
    with HubProcess(tmp_path) as hub, ThreadPoolExecutor(1) as pool:
        enough = threading.Event()
        sending = pool.submit(_send, hub, enough)
        try:
            killed = [_kill_writer(hub) for _ in range(KILLS)]
        finally:
            enough.set()
        acknowledged = sending.result(60)
        found = shown(hub)
        code, errors = hub.end()

    assert len(set(killed)) == KILLS
    assert Counter(found) == Counter(acknowledged)
    assert code == 0
    assert errors.count("ended by itself (-9)") == KILLS


def _send(hub: HubProcess, enough: threading.Event) -> list[str]:
    """Send lines until there are enough; return those that were acknowledged."""
    acknowledged: list[str] = []
    while not enough.is_set():
        line = f"line {len(acknowledged)}"
        assert post(hub, line) == 200  # the store has nothing to do with it
        acknowledged.append(line)
    return acknowledged


def _kill_writer(hub: HubProcess) -> int:
    """Kill the process as soon as it has stored something; return which one it was."""
    deadline = time.monotonic() + 20
    before = hub.http.get("/api/v1/stats").json()["behind"]["position"]
    while hub.http.get("/api/v1/stats").json()["behind"]["position"] == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)  # another process
    (writer,) = (
        int(child)
        for children in Path(f"/proc/{hub.process.pid}/task").glob("*/children")
        for child in children.read_text().split()
    )
    os.kill(writer, signal.SIGKILL)
    return writer
