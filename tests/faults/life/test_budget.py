"""One budget for the whole end, whatever hangs; what does not fit into it is on disk or counted."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

from otbridge.testing import Answer, OtlpReceiver

ALL_THREE = """
    import atexit, time
    end = [0.0]
    atexit.register(lambda: print(time.monotonic() - end[0]))   # the last to run
    import otbridge
    from opentelemetry import metrics
    log = otbridge.get_logger("x")
    with otbridge.span("work"):
        for number in range(100):
            log.info("line")
    metrics.get_meter("m").create_counter("c").add(1)
    end[0] = time.monotonic()
"""
"""Prints how many seconds its end took."""


@pytest.mark.parametrize("spool", ["true", "false"])
def test_three_signals_that_hang_share_the_budget_of_one(
    programs: Any, receiver: Any, bodies: Any, spool: Any
) -> None:
    receiver.answer_always(Answer.hang())
    done = programs.run(ALL_THREE, OTBRIDGE_EXIT_TIMEOUT="1.5", OTBRIDGE_SPOOL=spool)
    assert done.returncode == 0
    assert float(done.stdout) < 2.9  # two budgets of their own would be three seconds
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    if spool == "false":
        assert last.startswith("otbridge: lost 100 of 100 logs (100 shutdown); 1 of 1 traces")
        return
    assert last.startswith("otbridge: kept 100 of 100 logs; 1 of 1 traces")
    assert "lost" not in done.stderr
    receiver.answer_always(Answer.ok())
    programs.replay()
    assert bodies()["line"] == 100
    assert [span.name for span in receiver.spans] == ["work"]
    assert "c" in {metric.name for metric in receiver.metrics}


@pytest.mark.parametrize("durability", ["memory", "process"])
def test_a_receiver_that_is_not_there_costs_no_line_and_hardly_any_time(
    programs: Any, receiver: Any, durability: Any
) -> None:
    port = receiver.http_port
    receiver.stop()
    done = programs.run(ALL_THREE, OTBRIDGE_DURABILITY=durability, OTBRIDGE_EXIT_TIMEOUT="20")
    assert done.returncode == 0
    assert float(done.stdout) < 5
    assert "lost" not in done.stderr
    with OtlpReceiver(http_port=port) as come_back:
        programs.replay()
        assert [record.body.string_value for record in come_back.logs] == ["line"] * 100


def test_a_metric_callback_that_hangs_costs_its_share_and_no_log_line(
    programs: Any, bodies: Any
) -> None:
    begin = time.monotonic()
    done = programs.run(
        """
        import otbridge, threading
        from opentelemetry import metrics
        otbridge.get_logger("x").info("a")
        hang = threading.Event()
        metrics.get_meter("m").create_observable_gauge("g", [lambda options: hang.wait() or []])
        """,
        OTBRIDGE_EXIT_TIMEOUT="1.5",
    )
    assert time.monotonic() - begin < 15  # it hangs for good; the program's start included
    assert done.returncode == 0
    assert bodies() == {"a": 1}


def test_a_normal_end_waits_for_nothing(programs: Any) -> None:
    done = programs.run(
        """
        import atexit, time
        begin = [0.0]
        atexit.register(lambda: print(time.monotonic() - begin[0] < 5))   # the last to run
        import otbridge
        for number in range(1000):
            otbridge.get_logger("x").info("line")
        otbridge.flush(5)
        begin[0] = time.monotonic()
        """,
        OTBRIDGE_EXIT_TIMEOUT="20",
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_hub_that_nobody_asked_for_is_neither_waited_for_nor_mentioned(programs: Any) -> None:
    done = programs.run(
        """
        import atexit, time
        begin = [0.0]
        atexit.register(lambda: print(time.monotonic() - begin[0] < 5))
        import otbridge
        otbridge.get_logger("x").info("line")
        begin[0] = time.monotonic()
        """,
        OTBRIDGE_ENDPOINT="",
        OTBRIDGE_EXIT_TIMEOUT="20",
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_sigterm_within_the_budget_spills_what_a_hanging_receiver_does_not_take(
    programs: Any, receiver: Any, bodies: Any, ready: Any
) -> None:
    receiver.answer_always(Answer.hang())
    process = programs.start(
        f"{ALL_THREE}\n    print('ready', flush=True)\n    while True: time.sleep(1)"
    )
    ready(process)
    receiver.wait_for_requests(1)
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - begin < 15  # it hangs for good
    assert process.returncode == -signal.SIGTERM
    assert "lost" not in err
    receiver.answer_always(Answer.ok())
    programs.replay()
    assert bodies()["line"] == 100
