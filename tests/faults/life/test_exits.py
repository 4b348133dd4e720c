"""Every way in which a program ends by itself."""

from __future__ import annotations

from typing import Any

import pytest

LOG = "import otbridge\nlog = otbridge.get_logger('x')\n"

ENDS = {
    "returning": ("log.info('a')", 0),
    "sys.exit": ("log.info('a')\nimport sys; sys.exit(3)", 3),
    "an exception": ("log.info('a')\nraise ValueError('the end')", 1),
    "a last span": ("with otbridge.span('s'): log.info('a')", 0),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_loses_nothing_and_says_nothing(programs: Any, bodies: Any, end: Any) -> None:
    code, status = ENDS[end]
    done = programs.run(LOG + code)
    assert done.returncode == status
    assert bodies() == {"a": 1}
    if status == 1:
        assert done.stderr.splitlines()[-1] == "ValueError: the end"
        assert "otbridge" not in done.stderr
    else:
        assert done.stderr == ""


def test_what_is_logged_after_our_own_end_arrives_as_well(programs: Any, bodies: Any) -> None:
    """`atexit` calls the last registered first: `early` comes after us, `late` before."""
    done = programs.run("""
        import atexit, logging
        atexit.register(lambda: otbridge.get_logger("x").info("early"))
        atexit.register(lambda: logging.getLogger("y").warning("early stdlib"))
        import otbridge
        log = otbridge.get_logger("x")
        log.info("a")
        atexit.register(lambda: log.info("late"))

        @atexit.register
        def spans():
            with otbridge.span("late span"):
                pass
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"a": 1, "late": 1, "early": 1, "early stdlib": 1}


def test_a_first_line_after_everybody_elses_end_arrives(programs: Any, bodies: Any) -> None:
    done = programs.run("""
        import atexit, logging, otbridge
        atexit.register(lambda: otbridge.get_logger("x").info("first and last"))
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"first and last": 1}


def test_a_span_that_ends_after_our_own_end_arrives(programs: Any, receiver: Any) -> None:
    done = programs.run("""
        import atexit
        spans = []
        atexit.register(lambda: spans.pop().__exit__(None, None, None))
        import otbridge
        spans.append(otbridge.span("open till the end"))
        spans[0].__enter__()
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert [span.name for span in receiver.spans] == ["open till the end"]


def test_what_a_destructor_logs_while_modules_are_torn_down_arrives(
    programs: Any, bodies: Any
) -> None:
    done = programs.run("""
        import otbridge
        log = otbridge.get_logger("x")
        log.info("a")

        class Last:
            def __init__(self): self.log = log
            def __del__(self): self.log.info("destructor")

        last = Last()
        last.me = last            # only the collector of the very end finds it
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"a": 1, "destructor": 1}


def test_daemon_threads_that_log_without_end_neither_delay_the_end_nor_lose_what_was_before(
    programs: Any, bodies: Any
) -> None:
    """Faster than anybody could deliver: the rest is on disk, for the next process."""
    done = programs.run(
        """
        import otbridge, threading
        log = otbridge.get_logger("x")
        started = threading.Barrier(5)

        def chatter():
            log.info("first")
            started.wait()
            while True:
                log.info("chatter")

        for _ in range(4):
            threading.Thread(target=chatter, daemon=True).start()
        started.wait()
        log.info("main")
    """,
        OTBRIDGE_EXIT_TIMEOUT="0.5",
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "lost" not in done.stderr
    programs.replay()
    found = bodies()
    assert (found["first"], found["main"]) == (4, 1)


def test_a_thread_that_outlives_the_main_one_is_waited_for(programs: Any, bodies: Any) -> None:
    done = programs.run("""
        import otbridge, threading
        log = otbridge.get_logger("x")
        main = threading.main_thread()

        def later():
            main.join()
            log.info("later")

        threading.Thread(target=later).start()
        log.info("main")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"main": 1, "later": 1}


def test_the_ledger_at_the_end_adds_up_and_nothing_is_left(programs: Any) -> None:
    done = programs.run("""
        import atexit

        @atexit.register              # runs after ours
        def show():
            found = otbridge.stats()["logs"]
            print(found.accepted, found.delivered, found.in_memory, found.lost)

        import otbridge
        for number in range(1000):
            otbridge.get_logger("x").info("line")
    """)
    assert (done.stdout, done.stderr) == ("1000 1000 0 0\n", "")


def test_os_exit_passes_over_everything_so_a_flush_has_to_come_before(
    programs: Any, bodies: Any
) -> None:
    done = programs.run("""
        import os, otbridge
        otbridge.get_logger("x").info("a")
        otbridge.flush(5)
        os._exit(4)
    """)
    assert (done.returncode, done.stderr) == (4, "")
    assert bodies() == {"a": 1}


@pytest.mark.parametrize("end", ["os._exit(4)", "os.kill(os.getpid(), 9)"])
def test_an_end_without_any_hook_loses_nothing_that_is_written_to_disk_first(
    programs: Any, bodies: Any, end: Any
) -> None:
    done = programs.run(
        f"""
        import os, otbridge
        for number in range(1000):
            otbridge.get_logger("x").info(f"line {{number}}")
        {end}
        """,
        OTBRIDGE_DURABILITY="process",
    )
    assert done.returncode in (4, -9)
    programs.replay()
    found = bodies()  # what was on its way in that moment may come twice
    assert set(found) == {f"line {number}" for number in range(1000)}
    assert max(found.values()) <= 2


def test_shutting_down_by_hand_is_the_end_and_later_lines_are_counted(programs: Any) -> None:
    done = programs.run("""
        import otbridge
        otbridge.get_logger("x").info("a")
        print(otbridge.shutdown())
        otbridge.get_logger("x").info("too late")
        print(otbridge.stats()["logs"].as_dict())
    """)
    first, second = done.stdout.splitlines()
    assert first == "FlushResult(delivered=1, failed=0, spooled=0, timed_out=False)"
    assert "'accepted': 2, 'delivered': 1" in second
    assert "'dropped': {'shutdown': 1}" in second
    assert done.stderr.splitlines()[-1] == "otbridge: lost 1 of 2 logs (1 shutdown)"
