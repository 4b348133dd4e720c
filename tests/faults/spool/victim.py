"""A process that writes and delivers as fast as it can until somebody kills it.

    python -m tests.faults.spool.victim ROOT FIRST DELIVERED

Appends records numbered from FIRST on in two threads, and tells on standard output, eight bytes
at a time, up to which number each thread's records are safe. A third thread delivers: what this
process writes and what it takes over from those killed before it go to the file DELIVERED, and
are acknowledged after that.
"""

from __future__ import annotations

import os
import struct
import sys
import threading

from otbridge.delivery.spool.settings import SpoolSettings
from otbridge.delivery.spool.spool import Spool
from otbridge.wire.otlp_request import Envelope

NUMBER = struct.Struct("<Q")
STRIDE = 1 << 24
"""Numbers of the second thread's records are this much higher."""
FILLER = b"x" * 230
SEVERITIES = (9, 9, 9, 17)
TOLD_EVERY = 16


def main(root: str, first: int, delivered: str) -> None:
    """Work until killed."""
    spool = Spool(root, "victim", report=print, settings=SpoolSettings(segment_bytes=256 << 10))
    reader = spool.reader("oracle", "logs")
    spool.adopt_orphans()
    for begin in (first, first + STRIDE):
        threading.Thread(target=write, args=(spool, begin), daemon=True).start()
    out = os.open(delivered, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    pause = threading.Event()
    while True:
        batch = reader.next_batch(256 << 10, 1000)
        if batch is None:
            pause.wait(0.005)
            continue
        os.write(out, b"".join(record[:8] for _, record in batch.unpack()))
        reader.ack(batch)


def write(spool: Spool, number: int) -> None:
    """Append for ever."""
    envelope = Envelope(b"resource", b"scope")
    while True:
        for _ in range(TOLD_EVERY):
            record = NUMBER.pack(number) + FILLER
            if not spool.append("logs", envelope, record, SEVERITIES[number % 4]):
                os._exit(3)
            number += 1
        os.write(1, NUMBER.pack(number))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
