"""Sends with otbridge."""

from __future__ import annotations

import otbridge
from otbridge.testing.conform.task import Account, Task

__all__: list[str] = []


def main() -> None:
    """Do the task."""
    task = Task.from_environment()
    otbridge.configure(console="off")
    log = otbridge.get_logger("conform")
    for batch in range(task.batches):
        if batch:
            otbridge.flush(task.seconds)
        for number in range(task.records):
            if "logs" in task.signals:
                log.info("conform", number=number, padding=task.text())
            if "traces" in task.signals:
                with otbridge.span("conform", number=number, padding=task.text()):
                    pass
    task.hold()
    if task.flush:
        otbridge.flush(task.seconds)
    otbridge.shutdown()
    ledgers = otbridge.stats().values()
    Account(
        delivered=sum(ledger.delivered for ledger in ledgers),
        failed=sum(ledger.lost for ledger in ledgers),
        waiting=sum(ledger.spooled + ledger.in_memory for ledger in ledgers),
    ).tell()


if __name__ == "__main__":
    main()
