"""The sink that keeps what it is sent."""

from otbridge.sinks.memory import MemorySink
from otbridge.typing import Rejected, Success


def test_it_keeps_requests_and_answers_as_told() -> None:
    sink = MemorySink(Rejected("400"))
    assert sink.send("logs", b"1", 1) == Rejected("400")
    assert sink.send("traces", b"2", 1) == Success()
    sink.close()
    assert (sink.requests, sink.closed) == ([("logs", b"1"), ("traces", b"2")], True)
