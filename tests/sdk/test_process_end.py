"""How processes end: normally, by a signal, in a fork, with a receiver that is gone."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from otbridge.testing import Answer, OtlpReceiver

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


def bodies(receiver: OtlpReceiver) -> list[str]:
    return sorted(record.body.string_value for record in receiver.logs)


def settings(receiver: OtlpReceiver) -> dict[str, str]:
    return {
        "OTBRIDGE_ENDPOINT": receiver.http_url,
        "OTBRIDGE_CONSOLE": "off",
        "OTBRIDGE_LIVE": "off",
    }


ENDINGS = {
    "return": "",
    "sys.exit": "import sys; sys.exit(0)",
    "an exception": "raise ValueError('end')",
    "a thread that outlives the main one": (
        "import threading, time\n"
        "def later():\n"
        "    time.sleep(0.05); log.info('b')\n"
        "threading.Thread(target=later).start()"
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_logged_before_a_normal_end_arrives(run: Run, ending: Any) -> None:
    with OtlpReceiver() as receiver:
        code = "import otbridge\nlog = otbridge.get_logger('x')\nlog.info('a')\n" + ENDINGS[ending]
        done = run(code, **settings(receiver))
        expected = ["a", "b"] if "thread" in ending else ["a"]
        if ending == "an exception":
            assert "ValueError" in done.stderr
        else:
            assert done.stderr == ""
        assert bodies(receiver) == expected


WAITING = """
    import otbridge, signal, time
    {handler}
    otbridge.get_logger("x").info("a")
    print("ready", flush=True)
    {rest}
    while True: time.sleep(0.01)
"""


def test_sigterm_delivers_and_the_process_still_dies_of_it(start: Start) -> None:
    with OtlpReceiver() as receiver:
        process = start(WAITING.format(handler="", rest=""), **settings(receiver))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == -signal.SIGTERM
        assert bodies(receiver) == ["a"]


def test_a_handler_that_the_program_has_set_stays_in_charge(start: Start) -> None:
    handler = "import sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    with OtlpReceiver() as receiver:
        process = start(WAITING.format(handler=handler, rest=""), **settings(receiver))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == 7
        assert bodies(receiver) == ["a"]


def test_an_ignored_sigterm_stays_ignored(run: Run) -> None:
    code = """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        import otbridge
        otbridge.get_logger("x").info("a")
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    """
    assert run(code, OTBRIDGE_PROFILE="testing").returncode == 0


def test_a_forked_child_delivers_its_own_records_under_its_own_identity(run: Run) -> None:
    code = """
        import os, otbridge, sys
        log = otbridge.get_logger("x")
        log.info("parent before")
        child = os.fork()
        if not child:
            log.info("child")
            with otbridge.span("child work"):
                pass
            sys.exit(0)
        os.waitpid(child, 0)
        log.info("parent after")
    """
    with OtlpReceiver() as receiver:
        done = run(code, **settings(receiver))
        assert done.stderr == ""
        assert bodies(receiver) == ["child", "parent after", "parent before"]
        pids = {
            record.body.string_value: pair.value.int_value
            for resource in receiver.resource_logs
            for pair in resource.resource.attributes
            if pair.key == "process.pid"
            for scope in resource.scope_logs
            for record in scope.log_records
        }
        span_pids = {
            pair.value.int_value
            for resource in receiver.resource_spans
            for pair in resource.resource.attributes
            if pair.key == "process.pid"
        }
    assert pids["parent before"] == pids["parent after"] != pids["child"]
    assert span_pids == {pids["child"]}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_multiprocessing_child_delivers_before_it_ends(run: Run, method: Any) -> None:
    code = f"""
        import multiprocessing, otbridge
        def work():
            otbridge.get_logger("x").info("child")
        if __name__ == "__main__":
            otbridge.get_logger("x").info("parent")
            context = multiprocessing.get_context("{method}")
            process = context.Process(target=work)
            process.start(); process.join()
            assert process.exitcode == 0
    """
    with OtlpReceiver() as receiver:
        done = run(code, **settings(receiver))
        assert done.stderr == ""
        assert bodies(receiver) == ["child", "parent"]


@pytest.mark.parametrize(
    ("spool", "line"),
    [
        ("off", "lost 5 of 5 logs (5 shutdown); 1 of 1 traces (1 shutdown)"),
        (
            "on",
            "kept 5 of 5 logs; 1 of 1 traces on disk, for the next process of this service",
        ),
    ],
)
def test_a_receiver_that_hangs_costs_the_exit_budget_and_the_outcome_is_said_in_one_line(
    run: Run, spool: str, line: str
) -> None:
    code = """
        import otbridge
        for n in range(5):
            otbridge.get_logger("x").info("line")
        with otbridge.span("work"):
            pass
    """
    with OtlpReceiver(Answer.hang()) as receiver:
        begin = time.monotonic()
        done = run(code, OTBRIDGE_EXIT_TIMEOUT="0.5", OTBRIDGE_SPOOL=spool, **settings(receiver))
        took = time.monotonic() - begin
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == f"otbridge: {line}"
    assert took < 5


def test_what_one_run_kept_on_disk_the_next_one_delivers(run: Run) -> None:
    code = "import otbridge; otbridge.get_logger('x').info({text!r})"
    with OtlpReceiver(Answer.refuse(503)) as receiver:
        run(code.format(text="first"), OTBRIDGE_EXIT_TIMEOUT="0.5", **settings(receiver))
        receiver.answer_always(Answer.ok())
        done = run(code.format(text="second"), **settings(receiver))
        assert done.stderr == ""
        assert bodies(receiver) == ["first", "second"]


def test_records_that_a_receiver_refused_are_said_at_the_end(run: Run) -> None:
    with OtlpReceiver(Answer.refuse(400)) as receiver:
        done = run("import otbridge; otbridge.get_logger('x').info('a')", **settings(receiver))
    assert "otbridge: lost 1 of 1 logs (1 400)" in done.stderr
