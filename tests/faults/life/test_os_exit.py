"""`os._exit` runs no hook of Python's; what was logged before is not lost all the same."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from otbridge.testing import Answer

PROGRAM = """
    import os, posix, time

    def told(status):                   # somebody else's stand-in, who came first
        print(time.monotonic() - begin, flush=True)
        posix._exit(status)

    os._exit = told
    import otbridge
    for number in range(300):
        otbridge.get_logger("x").info(f"line {number}")
    begin = time.monotonic()
    os._exit(4)
"""
LINES = {f"line {number}": 1 for number in range(300)}


def test_it_sends_what_waits_and_keeps_the_status(programs: Any, bodies: Any) -> None:
    done = programs.run(PROGRAM)
    assert done.returncode == 4
    assert float(done.stdout) < 2.0
    assert "lost" not in done.stderr
    programs.replay()  # a busy machine may need longer than it waits
    assert bodies().keys() == LINES.keys()


@pytest.mark.parametrize("answer", [Answer.hang(), Answer.refuse(503), Answer.disconnect()])
def test_what_cannot_be_sent_is_on_disk_in_a_moment(
    programs: Any, receiver: Any, bodies: Any, answer: Any
) -> None:
    receiver.answer_always(answer)
    done = programs.run(PROGRAM)
    assert done.returncode == 4
    assert float(done.stdout) < 2.0
    assert done.stderr == (
        "otbridge: kept 300 of 300 logs on disk, for the next process of this service\n"
    )
    receiver.answer_always(Answer.ok())
    programs.replay()
    assert bodies() == LINES


def test_what_is_lost_without_a_disk_is_said(programs: Any, receiver: Any) -> None:
    receiver.answer_always(Answer.hang())
    done = programs.run(PROGRAM, OTBRIDGE_SPOOL="false")
    assert done.returncode == 4
    assert done.stderr.splitlines()[-1] == "otbridge: lost 300 of 300 logs (300 shutdown)"


def test_a_child_that_has_recorded_nothing_leaves_without_a_thread(
    programs: Any, bodies: Any
) -> None:
    done = programs.run("""
        import os, otbridge, threading
        log = otbridge.get_logger("x")
        log.info("parent")                      # waits while the child comes and goes
        if not (child := os.fork()):
            threading.Thread.start = lambda thread: os.write(2, b"a thread")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"parent": 1}


def test_whatever_hangs_it_leaves_within_a_second_or_two(programs: Any) -> None:
    """Who calls it may be a watchdog, because nothing moves any more; the disk, for example."""
    begin = time.monotonic()
    done = programs.run("""
        import os, otbridge, threading
        from otbridge.delivery.pipeline import Pipeline
        otbridge.get_logger("x").info("a")
        Pipeline.shutdown = lambda *given, **more: threading.Event().wait()
        os._exit(4)
    """)
    assert done.returncode == 4
    assert time.monotonic() - begin < 15  # the program's start included


def test_a_signal_handler_may_call_it_in_the_midst_of_logging(
    programs: Any, bodies: Any, ready: Any
) -> None:
    """What the handler interrupts may hold a lock; then one line is lost, and the end comes."""
    process = programs.start("""
        import os, otbridge, signal, sys
        signal.signal(signal.SIGUSR1, lambda *_: os._exit(4))
        log = otbridge.get_logger("x")
        log.info("first")
        print("ready", flush=True)
        number = 0
        while True:
            log.info("line")
            number += 1
            os.write(1, b"%d\\n" % number)
    """)
    ready(process)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(200)]
    process.send_signal(signal.SIGUSR1)
    lines += process.stdout.readlines()
    process.communicate(timeout=10)
    assert process.returncode == 4
    programs.replay()
    assert bodies()["line"] - int(lines[-1]) in (0, 1)
