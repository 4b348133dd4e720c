"""Faults inside our own machine: they cost what they hit, and never come back as log lines."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("error", ["MemoryError()", "SystemExit(3)", "KeyboardInterrupt()", "E()"])
def test_whatever_a_sink_raises_the_next_attempt_delivers(
    programs: Any, receiver: Any, bodies: Any, error: Any
) -> None:
    done = programs.run(f"""
        import otbridge
        from otbridge import _configure
        from otbridge._configure import parts
        from otbridge.config import resolve

        class E(BaseException): pass

        class Failing:
            def __init__(self, sink): self.sink, self.left, self.name = sink, 1, sink.name
            def send(self, *given):
                if self.left:
                    self.left -= 1
                    raise {error}
                return self.sink.send(*given)
            def close(self): self.sink.close()

        _configure.activate(
            resolve({{}}), make_sink=lambda signal, where: Failing(parts.make_sink(signal, where))
        )
        otbridge.get_logger("x").info("a")
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert bodies() == {"a": 1}


def test_everything_at_debug_and_grpc_and_urllib_beside_it_makes_no_line_of_its_own(
    programs: Any, receiver: Any, bodies: Any
) -> None:
    done = programs.run(
        """
        import logging, otbridge
        otbridge.configure(level="debug", endpoint=None)
        logging.root.setLevel(1)
        for number in range(200):
            logging.getLogger("x").debug("line")
        otbridge.flush(5)
        print(otbridge.stats()["logs"].accepted)
        """,
        OTBRIDGE_ENDPOINT=receiver.grpc_target,
        OTBRIDGE_PROTOCOL="grpc",
        GRPC_VERBOSITY="ERROR",
    )
    assert (done.returncode, done.stdout) == (0, "200\n")
    assert bodies() == {"line": 200}


def test_a_value_that_logs_when_it_is_shown_does_not_go_on_for_ever(
    programs: Any, bodies: Any
) -> None:
    done = programs.run("""
        import otbridge
        log = otbridge.get_logger("x")

        class Chatty:
            def __str__(self):
                log.info("shown", value=Chatty())
                return "chatty"
            __repr__ = __str__

        log.info("a", value=Chatty())
        log.info("b")
    """)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    found = bodies()
    assert (found["a"], found["b"]) == (1, 1)
    assert found["shown"] <= 4


def test_a_redactor_or_processor_that_logs_is_heard_once_and_no_more(
    programs: Any, bodies: Any
) -> None:
    done = programs.run("""
        import logging, otbridge, structlog
        from otbridge import processors
        otbridge.configure()

        def chatty(logger, name, event):
            logging.getLogger("chatty").warning("from a processor")
            return event

        structlog.configure(processors=[chatty, *processors.default(), structlog.processors.JSONRenderer()])
        structlog.get_logger("x").info("a")
    """)
    assert done.returncode == 0
    assert bodies()["a"] == 1
    assert bodies()["from a processor"] == 1
