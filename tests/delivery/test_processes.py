"""Forks, signals and the end of the interpreter: in real processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from otbridge.testing import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

PRELUDE = """
import os, signal, sys, threading, time
from otbridge.delivery.pipeline import Pipeline
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope

url = sys.argv[1]
envelope = Envelope.of({}, "tests")

def say(sentence):
    print(sentence, file=sys.stderr)

def put(pipeline, name):
    return pipeline.put(envelope, encode_log_record(1, 1, 9, "INFO", name, {}))

"""


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


def run(program: str, url: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; none of them may take longer than ten seconds."""
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(program), url],
        check=False,
        capture_output=True,
        text=True,
        timeout=10,
    )


def bodies(receiver: OtlpReceiver) -> Counter[str]:
    return Counter(log.body.string_value for log in receiver.logs)


def test_a_forked_child_delivers_its_own_records_and_not_its_parents(
    receiver: OtlpReceiver,
) -> None:
    done = run(
        """
        pipeline = Pipeline("logs", OtlpHttpSink(url), report=say)
        put(pipeline, "before")
        pipeline.flush(3)              # there is a worker and a connection to inherit
        put(pipeline, "parent waits")
        if (pid := os.fork()) == 0:
            assert pipeline.ledger.snapshot().accepted == 0
            put(pipeline, "child")
            assert pipeline.flush(3).delivered == 1
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        put(pipeline, "after")
        print(pipeline.shutdown(3), pipeline.ledger.snapshot().delivered)
        """,
        receiver.http_url,
    )
    assert done.stderr == ""
    assert bodies(receiver) == Counter(["before", "parent waits", "child", "after"])
    assert done.stdout.strip().endswith(" 3")


def test_forks_from_many_busy_threads_never_hang(receiver: OtlpReceiver) -> None:
    done = run(
        """
        pipeline = Pipeline("logs", OtlpHttpSink(url), report=say)
        stop = threading.Event()

        def write():
            while not stop.is_set():
                put(pipeline, "noise")
                stop.wait(0.0005)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(30):
            if (pid := os.fork()) == 0:
                put(pipeline, f"child {number}")
                os._exit(0 if pipeline.flush(5).delivered == 1 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, number
        stop.set()
        for thread in threads:
            thread.join()
        pipeline.shutdown(3)
        found = pipeline.ledger.snapshot()
        assert found.accepted == found.delivered, found
        """,
        receiver.http_url,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    children = {name: count for name, count in bodies(receiver).items() if name != "noise"}
    assert children == {f"child {number}": 1 for number in range(30)}


def test_a_child_of_a_program_that_uses_grpc_can_deliver(receiver: OtlpReceiver) -> None:
    done = run(
        """
        pipeline = Pipeline("logs", OtlpGrpcSink(url, insecure=True), report=say)
        if (pid := os.fork()) == 0:
            put(pipeline, "child")
            os._exit(0 if pipeline.flush(5).delivered == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        put(pipeline, "parent")
        assert pipeline.shutdown(3).delivered == 1
        """,
        receiver.grpc_target,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert bodies(receiver) == Counter(["child", "parent"])


def test_a_fork_after_grpc_was_used_leaves_both_sides_able_to_deliver(
    receiver: OtlpReceiver,
) -> None:
    done = run(
        """
        pipeline = Pipeline("logs", OtlpGrpcSink(url, insecure=True), report=say)
        put(pipeline, "before")
        assert pipeline.flush(5).delivered == 1
        for number in range(3):
            if (pid := os.fork()) == 0:
                put(pipeline, f"child {number}")
                os._exit(0 if pipeline.flush(5).delivered == 1 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        put(pipeline, "after")
        assert pipeline.shutdown(3).delivered == 1
        """,
        receiver.grpc_target,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert bodies(receiver) == Counter(["before", "child 0", "child 1", "child 2", "after"])


def test_a_program_that_just_ends_leaves_no_trace_on_stderr(receiver: OtlpReceiver) -> None:
    done = run(
        """
        pipeline = Pipeline("logs", OtlpHttpSink(url), report=say)
        for number in range(1000):
            put(pipeline, "x")
        """,
        receiver.http_url,
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_shutdown_at_exit_delivers_what_waits(receiver: OtlpReceiver) -> None:
    done = run(
        """
        import atexit
        pipeline = Pipeline("logs", OtlpHttpSink(url), report=say)
        atexit.register(lambda: print(pipeline.shutdown(3).delivered))

        class Last:
            def __del__(self):
                put(pipeline, "too late")   # after atexit: refused, counted, said

        last = Last()
        for number in range(100):
            put(pipeline, "x")
        """,
        receiver.http_url,
    )
    assert done.stdout == "100\n"
    assert "1 lost, because the program ended" in done.stderr
    assert "Traceback" not in done.stderr
    assert bodies(receiver) == Counter(x=100)


def test_a_first_record_at_exit_is_delivered_although_no_thread_may_start(
    receiver: OtlpReceiver,
) -> None:
    done = run(
        """
        import atexit
        pipeline = Pipeline("logs", OtlpHttpSink(url), report=say)

        def late():
            def refuse(*_):
                raise RuntimeError("can't create new thread at interpreter shutdown")
            threading.Thread.start = refuse   # what Python 3.12 does here, on any version
            put(pipeline, "late")
            print(pipeline.flush(3).delivered)
            put(pipeline, "later")
            print(pipeline.shutdown(3).delivered)

        atexit.register(late)
        """,
        receiver.http_url,
    )
    assert (done.stdout, done.stderr) == ("1\n1\n", "")
    assert bodies(receiver) == Counter(["late", "later"])


def test_a_signal_handler_that_logs_never_deadlocks(receiver: OtlpReceiver) -> None:
    done = run(
        """
        pipeline = Pipeline("logs", OtlpHttpSink(url), report=say)
        signals = 0

        def handle(*_):
            global signals
            signals += 1
            put(pipeline, "signal")
            pipeline.ledger.snapshot()

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        end = time.monotonic() + 1.0
        puts = 0
        while time.monotonic() < end:
            puts += 1
            put(pipeline, "main")
            if not puts % 50:
                pipeline.flush(0.01)
        signal.setitimer(signal.ITIMER_REAL, 0)
        pipeline.shutdown(3)
        found = pipeline.ledger.snapshot()
        assert signals > 100
        assert found.accepted == puts + signals, (found, puts, signals)
        assert found.in_memory == 0
        print(found.delivered)
        """,
        receiver.http_url,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert sum(bodies(receiver).values()) == int(done.stdout)


def test_delivery_is_imported_without_the_heavy_libraries() -> None:
    done = run(
        """
        heavy = {"grpc", "google.protobuf", "asyncio", "pydantic", "structlog", "ssl",
                 "http.client", "opentelemetry.sdk"}
        print(sorted(heavy & set(sys.modules)))
        """,
        "unused",
    )
    assert done.stdout.strip() == "[]"
