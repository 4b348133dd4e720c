"""Row 40, beyond that every value arrives: what it costs its caller, and what is said of a cut."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from otbridge.testing import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


def run(program: str, receiver: OtlpReceiver) -> str:
    """Run a program of our own that ends well; return what it printed."""
    begin = f"""
        import math, threading, time, otbridge
        otbridge.configure("shop", endpoint={receiver.http_url!r}, console="off", metrics=False,
                           spool=False, live="off")
        log = otbridge.get_logger("x")
        log.info("first", value=object(), text="x")
        otbridge.flush(10)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(begin) + textwrap.dedent(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_no_value_however_large_holds_its_caller_up_for_long(receiver: OtlpReceiver) -> None:
    """Processor time, for a busy machine is nobody's fault; what is cut is cut before the work."""
    out = run(
        """
        million = range(10**6)
        for name, value in {
            "a text": "x" * 10**8,
            "bytes": b"x" * 10**8,
            "a mapping": dict.fromkeys(map(str, million), 1),
            "a list": list(million),
            "a set": set(million),
            "a range": range(10**12),
            "mappings": [{"a": "x" * 100}] * 10**6,
            "a text in a list": ["x" * 10**8],
            "surrogates": "\\ud800" * 10**6,
            "digits": 1 << 2_000_000,
            "levels": [[[[[[[[["x"] * 30] * 30] * 30] * 30] * 30] * 30] * 30] * 30],
        }.items():
            begin = time.process_time()
            log.info(name, value=value)
            print(f"{name}: {time.process_time() - begin:.3f}")
        assert otbridge.flush(20).failed == 0
        """,
        receiver,
    )
    slow = [line for line in out.splitlines() if float(line.rpartition(": ")[2]) > 0.25]
    assert not slow
    assert len(receiver.logs) == 12


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_line_that_compresses_a_thousandfold_is_taken_for_no_bomb(
    receiver: OtlpReceiver, compression: str
) -> None:
    """Alone in its request, as on a busy machine; it is what a hub takes without compression."""
    run(
        f"""
        otbridge.configure("shop", endpoint={receiver.http_url!r}, compression={compression!r},
                           console="off", metrics=False, spool=False, live="off")
        for character in "0xfa":
            log.info("dump", a=[character * 10**8], b=[character * 10**8])
            assert otbridge.flush(20).failed == 0
        """,
        receiver,
    )
    assert sum(log.body.string_value == "dump" for log in receiver.logs) == 4


def test_attributes_beyond_the_limit_are_counted_on_the_record(receiver: OtlpReceiver) -> None:
    """`dropped_attributes_count`, as OTLP has it."""
    run('log.info("many", **{f"key{n}": n for n in range(1000)})', receiver)
    (record,) = (log for log in receiver.logs if log.body.string_value == "many")
    kept = [pair for pair in record.attributes if pair.key.startswith("key")]
    assert len(kept) + record.dropped_attributes_count == 1000
    assert len(kept) <= 128


def test_a_value_that_hangs_hangs_nobody_but_its_caller(receiver: OtlpReceiver) -> None:
    """No lock of ours is held while a stranger's code runs; nor does the end wait for it."""
    run(
        """
        class Hangs:
            def __str__(self):
                entered.set()
                threading.Event().wait()
            __repr__ = __str__

        entered = threading.Event()
        threading.Thread(target=lambda: log.info("hangs", value=Hangs()), daemon=True).start()
        assert entered.wait(10)
        for number in range(100):
            log.info("line")
        assert otbridge.flush(10).delivered == 100
        """,
        receiver,
    )
    assert sum(log.body.string_value == "line" for log in receiver.logs) == 100


def test_a_value_may_wait_for_another_thread_that_logs(receiver: OtlpReceiver) -> None:
    """As one does that takes a lock whose holder is in the midst of a log call."""
    run(
        """
        class Waits:
            def __str__(self):
                thread = threading.Thread(target=lambda: log.info("inner", value=object()))
                thread.start()
                thread.join(10)
                return "waited" if not thread.is_alive() else "deadlock"
            __repr__ = __str__

        log.info("outer", value=Waits())
        """,
        receiver,
    )
    found = {log.body.string_value: log for log in receiver.logs}
    assert "inner" in found
    values = {pair.key: pair.value.string_value for pair in found["outer"].attributes}
    assert values["value"] == "waited"
