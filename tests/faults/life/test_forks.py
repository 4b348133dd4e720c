"""`os.fork`: parent and child each deliver what is theirs, once, and nobody waits for a lock."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any


def test_parent_and_child_each_deliver_their_own_records(programs: Any, bodies: Any) -> None:
    done = programs.run("""
        import logging, os, otbridge
        log = otbridge.get_logger("x")
        for number in range(100):
            log.info("parent")                 # some of these still wait when the fork comes
        if not (child := os.fork()):
            for number in range(100):
                log.info("child")
            logging.getLogger("y").warning("child stdlib")
            with otbridge.span("child span"):
                pass
            raise SystemExit(0)
        for number in range(100):
            log.info("parent")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"parent": 200, "child": 100, "child stdlib": 1}


def test_a_thousand_forks_amid_threads_that_log_neither_hang_nor_lose(
    programs: Any, bodies: Any
) -> None:
    """Every child logs, and every tenth sends; the parent's threads never pause."""
    done = programs.run(
        """
        import os, otbridge, posix, signal, threading
        signal.alarm(80)
        log = otbridge.get_logger("x")
        stop = threading.Event()
        written = [0] * 3

        def write(slot):
            while not stop.is_set():
                log.info("parent")
                written[slot] += 1
                stop.wait(0.001)

        threads = [threading.Thread(target=write, args=(slot,)) for slot in range(3)]
        for thread in threads: thread.start()
        for number in range(1000):
            if not (child := os.fork()):
                log.info(f"child {number}")
                # A round trip for a tenth of them: 1,000 connections would only test the machine.
                leave = posix._exit if number % 10 else os._exit
                leave(0 if otbridge.stats()["logs"].accepted == 1 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, number
        stop.set()
        for thread in threads: thread.join()
        print(sum(written))
        """,
        seconds=90,
    )
    assert done.returncode == 0
    programs.replay()  # a busy machine may need longer than `os._exit` waits
    found = bodies()
    assert found.pop("parent") == int(done.stdout)
    assert set(found) == {f"child {number}" for number in range(0, 1000, 10)}
    assert max(found.values()) <= 2  # what was on its way at such an end may come twice


def test_a_fork_from_a_thread_makes_a_child_that_delivers(programs: Any, bodies: Any) -> None:
    done = programs.run("""
        import os, otbridge, threading
        log = otbridge.get_logger("x")
        log.info("parent")

        def fork():
            if not (child := os.fork()):
                log.info("child")
                otbridge.shutdown()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0

        thread = threading.Thread(target=fork)
        thread.start(); thread.join()
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"parent": 1, "child": 1}


def test_a_daemon_that_forks_twice_delivers(programs: Any, receiver: Any, bodies: Any) -> None:
    done = programs.run("""
        import os, otbridge
        log = otbridge.get_logger("x")
        log.info("starter")
        if os.fork(): os._exit(0)
        os.setsid()
        if os.fork(): os._exit(0)
        log.info("daemon")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    receiver.wait_for(2)
    assert bodies() == {"starter": 1, "daemon": 1}


def test_a_child_of_a_signalled_parent_ends_by_its_own_signal(
    programs: Any, receiver: Any, bodies: Any, ready: Any
) -> None:
    process = programs.start("""
        import os, otbridge, time
        log = otbridge.get_logger("x")
        log.info("parent")
        child = os.fork()
        if not child:
            log.info("child")
            print("ready", flush=True)
            while True: time.sleep(0.05)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)
    ready(process)
    receiver.wait_for(1)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, f"{-signal.SIGTERM}\n", "")
    assert bodies() == {"parent": 1, "child": 1}
