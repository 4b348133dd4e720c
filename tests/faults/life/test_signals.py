"""Signals: what waits is delivered, the program's own handlers stay in charge, the status is kept."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from otbridge.testing import Answer

PROGRAM = """
    import otbridge, os, signal, sys, threading, time
    {before}
    log = otbridge.get_logger("x")
    log.info("a")
    {after}
    print("ready", flush=True)
    while True:
        time.sleep(0.05)            # not signal.pause: it misses what comes right before it
"""
BOTH = [signal.SIGTERM, signal.SIGHUP]


def program(before: str = "", after: str = "") -> str:
    return PROGRAM.format(before=before, after=after)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_without_a_handler_delivers_and_the_process_dies_of_it(
    programs: Any, bodies: Any, ready: Any, number: Any
) -> None:
    process = programs.start(program())
    ready(process)
    process.send_signal(number)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == -number
    assert bodies() == {"a": 1}


def test_a_signal_in_the_midst_of_logging_loses_no_line(
    programs: Any, bodies: Any, ready: Any
) -> None:
    process = programs.start("""
        import otbridge, sys
        log = otbridge.get_logger("x")
        print("ready", flush=True)
        number = 0
        while True:
            log.info("line", number=number)
            number += 1
            sys.stdout.write(f"{number}\\n")
    """)
    ready(process)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(200)]
    process.send_signal(signal.SIGTERM)
    lines += process.stdout.readlines()
    printed = int(lines[-1])
    assert process.communicate(timeout=10)[1] == ""
    assert process.returncode == -signal.SIGTERM
    assert bodies()["line"] - printed in (0, 1)


@pytest.mark.parametrize(
    "handler",
    [
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))",
        "signal.signal(signal.SIGTERM, lambda *_: (log.info('handler'), sys.exit(7)))",
    ],
)
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_handler_of_the_programs_own_decides_how_it_ends(
    programs: Any, bodies: Any, ready: Any, handler: Any, where: Any
) -> None:
    process = programs.start(program(**{where: handler}))
    ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 7
    assert bodies() == {"a": 1} | ({"handler": 1} if "handler" in handler else {})


def test_a_handler_that_calls_the_one_before_it_calls_ours(
    programs: Any, bodies: Any, ready: Any
) -> None:
    process = programs.start(
        program(
            after="""
    ours = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *given: (log.info("theirs"), ours(*given)))
    otbridge.configure()                # looks at the handlers again
    """
        )
    )
    ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == -signal.SIGTERM
    assert bodies() == {"a": 1, "theirs": 1}


def test_a_program_that_dies_later_and_without_a_word_has_sent_what_it_had(
    programs: Any, receiver: Any, bodies: Any, ready: Any
) -> None:
    """Servers do so: they note the signal, end their work, and send it to themselves again."""
    process = programs.start("""
        import otbridge, signal, time
        asked = []
        signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
        log = otbridge.get_logger("x")
        log.info("a")
        print("ready", flush=True)
        while not asked:
            time.sleep(0.01)
        for number in range(1000):
            log.info(f"ending {number}")
        log.info("last")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    """)
    ready(process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == -signal.SIGTERM
    programs.replay()
    found = bodies()  # what was on its way in that moment may come twice
    assert set(found) == {"a", "last", *(f"ending {number}" for number in range(1000))}
    assert max(found.values()) <= 2


def test_an_ignored_signal_stays_ignored(programs: Any) -> None:
    done = programs.run("""
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)      # nohup
        import otbridge, os
        otbridge.get_logger("x").info("a")
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        print("alive")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")


def test_one_interrupt_is_pythons_affair_and_loses_nothing(
    programs: Any, receiver: Any, bodies: Any, ready: Any
) -> None:
    process = programs.start(program())
    ready(process)
    receiver.wait_for(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT
    assert err.splitlines()[-1] == "KeyboardInterrupt"
    assert err.count("Traceback") == 1
    assert "otbridge" not in err
    assert bodies() == {"a": 1}


TELLS = """
    from otbridge.delivery.pipeline import Pipeline
    shutdown = Pipeline.shutdown

    def tell(*given, **more):
        print("ends", flush=True)
        return shutdown(*given, **more)

    Pipeline.shutdown = tell
"""


def hanging(programs: Any, receiver: Any, ready: Any, **environ: str) -> Any:
    """A program whose receiver hangs, with a minute for its end; says when it waits there."""
    receiver.answer_always(Answer.hang())
    process = programs.start(program(before=TELLS), OTBRIDGE_EXIT_TIMEOUT="60", **environ)
    ready(process)
    receiver.wait_for_requests(1)
    return process


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGINT),
        (signal.SIGINT, signal.SIGTERM),
    ],
)
def test_a_second_signal_ends_the_waiting_at_once(  # noqa: PLR0917 - given by name
    programs: Any, receiver: Any, bodies: Any, ready: Any, first: Any, second: Any
) -> None:
    """What was waited for is on disk then."""
    process = hanging(programs, receiver, ready)
    process.send_signal(first)
    assert process.stdout.readline() == "ends\n"
    assert process.poll() is None
    begin = time.monotonic()
    process.send_signal(second)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begin < 20
    assert -process.returncode in (first, second)
    assert err.count("Traceback") == (first == signal.SIGINT)  # Python's, of the first
    assert "Exception ignored" not in err
    receiver.answer_always(Answer.ok())
    programs.replay()
    assert bodies() == {"a": 1}


def test_a_thread_other_than_the_main_one_may_start_us(programs: Any, bodies: Any) -> None:
    done = programs.run("""
        import otbridge, threading
        thread = threading.Thread(target=lambda: otbridge.get_logger("x").info("a"))
        thread.start(); thread.join()
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"a": 1}


def test_a_signal_that_interrupts_who_holds_the_sdks_locks_does_not_hang(
    programs: Any, ready: Any
) -> None:
    """The main thread is in the midst of counting; a collection in its handler would wait for it."""
    process = programs.start("""
        import otbridge, signal
        from opentelemetry import metrics
        otbridge.configure(exit_timeout=1)
        counter = metrics.get_meter("m").create_counter("c")
        print("ready", flush=True)
        while True:
            counter.add(1)
    """)
    ready(process)
    begin = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert time.monotonic() - begin < 20  # it would hang for good
