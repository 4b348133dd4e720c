"""Each batch is stored once and acknowledged in the end, whatever the network does to it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otbridge.wire import bridge_streams, frames
from otbridge.wire.bridge_state import Connection
from otbridge.wire.bridge_streams import IDS_AHEAD, MEMORY_S, Claim, Stream, StreamRegistry

STREAM = "4bf92f3577b34da6a3ce929d0e0e4736"
IDS = st.integers(1, 12)


class Network(RuleBasedStateMachine):
    """A client whose batches are lost, doubled, reordered and sent both ways at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.epoch = 0
        self.registry = StreamRegistry()
        self.stored: list[int] = []
        self.in_flight: list[tuple[Connection | None, int]] = []
        self.acked = 0
        self.connection = Connection("none yet", self.now)

    @property
    def stream(self) -> Stream:
        return self.registry.stream(STREAM, self.now)

    @property
    def contiguous(self) -> int:
        """The highest id up to which everything is stored: the most an ack may say."""
        last = 0
        while last + 1 in self.stored:
            last += 1
        return last

    @initialize()
    def connect(self) -> None:
        self.reconnect()

    @rule()
    def reconnect(self) -> None:
        self.connection.gone()
        self.epoch += 1
        self.connection = Connection("c", self.now)
        hello = {"k": "hello", "v": 1, "stream": STREAM, "epoch": self.epoch, "clock": 0}
        frame = self.connection.receive(json.dumps(hello | {"sdk": _SDK}), self.now)
        assert isinstance(frame, frames.Hello)
        self.connection.accept(frame, self.stream, 0.0)
        (ready,) = self.connection.outgoing()
        assert isinstance(ready, frames.Ready)
        assert ready.last == self.contiguous
        self.acked = ready.last

    @rule(batch_id=IDS)
    def send(self, batch_id: int) -> None:
        message = json.dumps({"k": "batch", "id": batch_id, "n": 0})
        frame = self.connection.receive(message, self.now)
        if frame is not None:
            assert isinstance(frame, frames.Batch)
            self.in_flight.append((self.connection, frame.id))

    @rule(batch_id=IDS)
    def post(self, batch_id: int) -> None:
        if self.stream.claim(batch_id) is Claim.NEW:
            self.in_flight.append((None, batch_id))

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), stored=st.booleans())
    def finish(self, data: Any, stored: bool) -> None:
        chosen = data.draw(st.integers(0, len(self.in_flight) - 1))
        connection, batch_id = self.in_flight.pop(chosen)
        if stored:
            self.stored.append(batch_id)
        if connection is not None and stored:
            connection.taken(batch_id, self.now)
        elif connection is not None:
            connection.busy(batch_id, 1.0, "busy")
        elif stored:
            self.stream.settle(batch_id, self.now)
        else:
            self.stream.release(batch_id, 1.0)

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.25, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.connection.tick(self.now)

    @invariant()
    def nothing_is_stored_or_taken_twice(self) -> None:
        taken = self.stored + [batch_id for _, batch_id in self.in_flight]
        assert len(taken) == len(set(taken))

    @invariant()
    def acks_are_cumulative_and_true(self) -> None:
        for frame in self.connection.outgoing():
            if isinstance(frame, frames.Ack):
                assert self.acked <= frame.id <= self.contiguous
                self.acked = frame.id

    def teardown(self) -> None:
        """A client that goes on sending gets everything stored, and an ack for all of it."""
        if not self.epoch:
            return
        while self.in_flight:
            connection, batch_id = self.in_flight.pop()
            self.stored.append(batch_id)
            if connection is None:
                self.stream.settle(batch_id, self.now)
            else:
                connection.taken(batch_id, self.now)
        if self.connection.closing is not None:
            self.reconnect()
        for batch_id in range(1, 13):
            self.wait(1.0)
            self.send(batch_id)
            for connection, new in self.in_flight:
                assert connection is self.connection
                self.stored.append(new)
                connection.taken(new, self.now)
            self.in_flight.clear()
        self.wait(1.0)
        self.acks_are_cumulative_and_true()
        assert sorted(self.stored) == list(range(1, 13))
        assert self.acked == 12


_SDK = {"name": "s", "version": "1"}
TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=150, stateful_step_count=40)


def test_an_id_is_new_once() -> None:
    """A batch is new, then in flight, then seen; released, it is new again."""
    stream = Stream(STREAM, 0.0)
    assert [stream.claim(1), stream.claim(1)] == [Claim.NEW, Claim.IN_FLIGHT]
    stream.release(1, 1.0)
    assert stream.claim(1) is Claim.NEW
    stream.settle(1, 0.0)
    assert stream.claim(1) is Claim.SEEN


def test_the_window_moves_with_the_last_contiguous_id() -> None:
    """Ids up to 1024 above the gap are remembered, and not one more."""
    stream = Stream(STREAM, 0.0)
    assert stream.claim(IDS_AHEAD + 1) is Claim.AHEAD
    assert stream.claim(1) is Claim.NEW
    stream.settle(1, 0.0)
    assert stream.claim(IDS_AHEAD + 1) is Claim.NEW


def test_oldest_settles_what_is_below_and_closes_gaps() -> None:
    """`oldest` skips what will not come, and what was above the gap becomes contiguous."""
    stream = Stream(STREAM, 0.0)
    for batch_id in (2, 5, 6):
        stream.claim(batch_id)
        stream.settle(batch_id, 0.0)
    stream.settle_below(5)
    assert stream.last == 6
    stream.settle_below(3)
    assert stream.last == 6


def test_what_was_taken_of_a_batch_is_remembered_until_it_is_settled() -> None:
    """The parts of a batch that came half through survive its release and end with it."""
    stream = Stream(STREAM, 0.0)
    stream.claim(1)
    stream.parts(1).add("traces")
    stream.release(1, 1.0)
    assert stream.parts(1) == {"traces"}
    stream.settle(1, 0.0)
    assert stream.parts(1) == set()


def test_a_silent_stream_is_forgotten_after_15_minutes() -> None:
    """Memory is for 15 minutes after the last word, and another stream's word ends it."""
    registry = StreamRegistry()
    registry.stream("a", 0.0).settle_below(5)
    registry.stream("b", MEMORY_S)
    assert len(registry) == 2
    registry.stream("b", MEMORY_S + 0.1)
    assert [stream.id for stream in registry] == ["b"]


def test_a_connected_stream_is_never_forgotten() -> None:
    """A stream with a batch in flight outlives its silence."""
    registry = StreamRegistry()
    registry.stream("a", 0.0).claim(1)
    registry.stream("b", 10 * MEMORY_S)
    assert registry.stream("a", 10 * MEMORY_S).claim(1) is Claim.IN_FLIGHT


def test_streams_of_different_owners_are_different() -> None:
    """Nobody can settle batches of a stream that another token opened."""
    registry = StreamRegistry()
    registry.stream(STREAM, 0.0, "one").settle_below(100)
    assert registry.stream(STREAM, 0.0, "two").last == 0


def test_the_number_of_streams_is_bounded(monkeypatch: Any) -> None:
    """A flood of streams pushes out the oldest and does not grow the memory."""
    monkeypatch.setattr(bridge_streams, "MAX_STREAMS", 100)
    registry = StreamRegistry()
    for number in range(1000):
        registry.stream(str(number), 0.0)
    assert len(registry) == 100
