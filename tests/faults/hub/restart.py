"""Row 45: a hub that is killed while it takes telemetry: `python -m tests.faults.hub.restart`.

It is killed by SIGKILL with a store of some size, and the next one has to serve within two
seconds and show everything that was acknowledged, once.
"""

from __future__ import annotations

import argparse
import http.client
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.hub.hub_process import HubProcess

READY_S = 2.0

LINES = 200
"""In a request."""
BYTES = 8000
"""Of a line; random, so that the store cannot make it much smaller."""
SENDERS = 3


@dataclass
class Outcome:
    """What a kill has shown."""

    bytes_on_disk: int
    ready_s: float
    acknowledged: int
    shown: int
    """Different lines that the next hub has."""
    twice: int

    def __str__(self) -> str:
        return (
            f"restart: {self.bytes_on_disk / 1e9:.2f} GB on disk, ready {self.ready_s:.2f} s after"
            f" the start, {self.acknowledged:,} lines acknowledged,"
            f" {max(0, self.acknowledged - self.shown)} lost, {self.twice} twice"
        )


class _Sender(threading.Thread):
    def __init__(self, hub: HubProcess, name: int, enough: threading.Event) -> None:
        super().__init__()
        self._address = hub.url.removeprefix("http://")
        self._chance = random.Random(name)
        self._name = name
        self._enough = enough
        self.acknowledged = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        headers = {"content-type": "application/x-protobuf"}
        number = 0
        try:
            while not self._enough.is_set():
                connection.request("POST", "/v1/logs", self._lines(number), headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.acknowledged = number = number + LINES
                else:
                    time.sleep(0.2)  # it is behind, and says so
        except (OSError, http.client.HTTPException):
            pass  # killed, which is what is tried
        finally:
            connection.close()

    def _lines(self, first: int) -> bytes:
        request = ExportLogsServiceRequest()
        records = request.resource_logs.add().scope_logs.add().log_records
        for number in range(first, first + LINES):
            filler = self._chance.randbytes(BYTES // 2).hex()
            records.add(body={"string_value": filler}, event_name=f"{self._name}-{number}")
        return request.SerializeToString()


def kill_and_restart(folder: Path, least_bytes: int) -> Outcome:
    """Fill a hub's folder, kill it while it is being sent to, and start the next one."""
    enough = threading.Event()
    with HubProcess(folder, "--keep-bytes", "50GB") as hub:
        senders = [_Sender(hub, name, enough) for name in range(SENDERS)]
        for sender in senders:
            sender.start()
        while _size(folder) < least_bytes:
            time.sleep(0.1)  # another process's disk
        hub.process.kill()
        enough.set()
        for sender in senders:
            sender.join()
    size = _size(folder)
    with HubProcess(folder, "--keep-bytes", "50GB") as hub:
        names = _names(hub)
        shown = set(names)
        owed = {f"{s}-{n}" for s, sender in enumerate(senders) for n in range(sender.acknowledged)}
        return Outcome(
            size, hub.ready_after_s, len(owed), len(shown & owed), len(names) - len(shown)
        )


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            continue  # it has just gone, as segments do
    return total


def _names(hub: HubProcess) -> list[str]:
    while hub.http.get("/api/v1/stats").json()["behind"]["records"]:
        time.sleep(0.1)  # another process
    names: list[str] = []
    asked = {"signal": "logs", "limit": "500"}
    while True:
        page = hub.http.get("/api/v1/export", params=asked, timeout=60).json()
        for source in page.get("resourceLogs", []):
            for scope in source["scopeLogs"]:
                names += [record["eventName"] for record in scope["logRecords"]]
        if not page.get("next_cursor"):
            return names
        asked["cursor"] = page["next_cursor"]


def main() -> int:
    """Kill, restart, print the line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_and_restart(Path(folder), int(chosen.gigabytes * 1e9))
    print(outcome)  # noqa: T201 - this is a program
    lost = outcome.shown < outcome.acknowledged
    return 1 if lost or outcome.twice or outcome.ready_s > READY_S else 0


if __name__ == "__main__":
    sys.exit(main())
