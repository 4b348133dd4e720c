"""The server's state machine says word for word what the golden transcripts say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from otbridge.errors import MalformedData
from otbridge.wire import frames
from otbridge.wire.bridge_state import Connection
from otbridge.wire.bridge_streams import Claim, Stream, StreamRegistry

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "contract" / "bridge").glob("*.json"))
START_MS = 1_700_000_000_000
WITH_SERVER_STEPS = frozenset({"from", "close", "answer"})


@dataclass
class Server:
    """A server with everything but sockets: it takes what the connections hand out."""

    now_ms: int = 0
    registry: StreamRegistry = field(default_factory=StreamRegistry)
    connections: dict[str, Connection] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)
    stored: list[list[Any]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    store: dict[str, Any] = field(default_factory=dict)
    live: bool = False
    needs_token: bool = False
    ended: set[str] = field(default_factory=set)

    @property
    def now(self) -> float:
        return self.now_ms / 1000

    def connect(self, label: str) -> None:
        self.connections[label] = Connection(label, self.now, live=self.live)

    def send(self, label: str, message: str) -> None:
        connection = self.connections[label]
        frame = connection.receive(message, self.now)
        if isinstance(frame, frames.Hello):
            if self.needs_token and frame.token != "right":
                connection.close(4401, "The token is not accepted.")
            else:
                stream = self.registry.stream(frame.stream, self.now)
                connection.accept(frame, stream, START_MS + self.now_ms)
        elif isinstance(frame, frames.Batch):
            self._take(connection, frame)
        elif isinstance(frame, frames.Open):
            self.opened += [span["name"] for span in msgspec.json.decode(frame.spans)]

    def _take(self, connection: Connection, batch: frames.Batch) -> None:
        assert connection.stream is not None
        if self.store.get("busy_s"):
            connection.busy(batch.id, self.store["busy_s"], "busy")
            return
        try:
            rejected = self.keep(connection.stream, batch)
        except MalformedData as error:
            connection.refused(batch.id, self.now, str(error))
        else:
            connection.taken(batch.id, self.now, rejected)

    def keep(self, stream: Stream, batch: frames.Batch) -> int:
        logs = msgspec.json.decode(batch.logs)
        records = [record for scope in logs for record in scope["logRecords"]]
        broken = any(not isinstance(record, dict) for record in records)
        if self.store.get("malformed") or broken or len(records) > 1000:
            raise MalformedData("The batch is not OTLP, or too long.")
        self.stored.append([stream.id, batch.id])
        for reason, count in batch.dropped.items():
            self.dropped[reason] = self.dropped.get(reason, 0) + count
        rejected: int = self.store.pop("rejects", 0)
        return rejected

    def post(self, body: str) -> None:
        try:
            envelope = frames.decode_envelope(body.encode())
        except MalformedData as error:
            self.said.append({"answer": 400, "body": {"error": str(error)}})
            return
        if not isinstance(envelope, frames.Envelope):
            self.said.append({"answer": 400, "body": {"error": "version"}})
            return
        if self.needs_token and envelope.token != "right":
            self.said.append({"answer": 401, "body": {"error": "token"}})
            return
        stream = self.registry.stream(envelope.stream, self.now)
        stream.settle_below(envelope.oldest)
        rejected = 0
        for batch in envelope.batches:
            if stream.claim(batch.id) is not Claim.NEW:
                continue
            if self.store.get("busy_s"):
                stream.release(batch.id, self.store["busy_s"])
                retry_after = self.store["busy_s"]
                self.said.append(
                    {"answer": 503, "body": {"error": "busy"}, "retry_after": retry_after}
                )
                return
            try:
                rejected += self.keep(stream, batch)
            except MalformedData:
                rejected += batch.n
            stream.settle(batch.id, self.now)
        ack: dict[str, Any] = {"k": "ack", "id": stream.last}
        if rejected:
            ack |= {"rejected": rejected, "message": "malformed"}
        self.said.append({"answer": 200, "body": ack})

    def listen(self) -> list[dict[str, Any]]:
        for label, connection in self.connections.items():
            if label in self.ended:
                continue
            connection.tick(self.now)
            for frame in connection.outgoing():
                self.said.append(
                    {"from": "server", "frame": json.loads(frames.encode(frame)), "on": label}
                )
            if connection.closing is not None:
                self.end(label)
                code = connection.closing.code
                self.said.append({"close": code, "by": "server", "on": label})
        said, self.said = self.said, []
        return said

    def end(self, label: str) -> None:
        self.ended.add(label)
        self.connections[label].gone()

    def command(self, what: str) -> None:
        if what == "live":
            self.live = True
        elif what == "needs_token":
            self.needs_token = True
        elif what == "restart":
            self.registry = StreamRegistry()
        elif what == "drain":
            for connection in self.connections.values():
                connection.leave(self.now, 1.0, "The server stops.")
        else:
            raise AssertionError(what)


def message_of(step: dict[str, Any]) -> str:
    if "text" in step:
        return str(step["text"])
    frame = _without_wildcards(step["frame"])
    if "fill_logs" in step:
        record = {"body": {"stringValue": "x"}}
        frame["logs"] = [{"logRecords": [record] * step["fill_logs"]}]
    text = json.dumps(frame)
    if "pad_to" in step:
        text = json.dumps(frame | {"pad": ""})
        text = json.dumps(frame | {"pad": "x" * (step["pad_to"] - len(text.encode()))})
    return text


def _without_wildcards(frame: dict[str, Any]) -> dict[str, Any]:
    return {key: 1 if value == "*" else value for key, value in frame.items()}


def agrees(actual: Any, expected: Any) -> bool:
    if expected == "*":
        return True
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and agrees(actual[key], value) for key, value in expected.items()
        )
    return bool(actual == expected)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_server_says_what_the_transcript_says(path: Path) -> None:
    """Each golden transcript, replayed, ends with the same frames, closes and stored batches."""
    transcript = json.loads(path.read_text())
    if "server" not in transcript["for"]:
        assert transcript["for"] == ["client"]
        return
    server = Server()
    last_label = ""
    heard: list[dict[str, Any]] = []
    for step in transcript["steps"]:
        label = step.get("on", last_label)
        if step.get("from") == "server" or step.get("by") == "server" or "answer" in step:
            if step.get("close") == 1006:
                server.end(label)
                continue
            assert heard, f"nothing was said where {step} was expected"
            assert agrees(heard.pop(0), {"on": label, **step} if "answer" not in step else step)
            continue
        assert not heard, f"said without a step: {heard}"
        match step:
            case {"connect": label}:
                last_label = label
                server.connect(label)
            case {"from": "client"}:
                if not server.store.get("silent"):
                    server.send(label, message_of(step))
            case {"advance_s": seconds}:
                server.now_ms += round(seconds * 1000)
            case {"close": _}:
                if label not in server.ended:
                    server.end(label)
            case {"post": body}:
                server.post(json.dumps(body))
            case {"post_text": text}:
                server.post(text)
            case {"store": change}:
                server.store |= change
            case {"server": what}:
                server.command(what)
            case _:
                raise AssertionError(f"no such step: {step}")
        heard = server.listen()
    assert not heard, f"said without a step: {heard}"
    assert server.stored == transcript["stored"]
    assert server.opened == transcript.get("opened", server.opened)
    assert server.dropped == transcript.get("dropped", server.dropped)


def ready_connection(**options: Any) -> tuple[Connection, Stream]:
    connection, registry = Connection("c", 0.0, **options), StreamRegistry()
    sdk = frames.SdkName("s", "1")
    hello = frames.Hello(v=1, stream="a" * 32, epoch=1, sdk=sdk, clock=0.0)
    stream = registry.stream(hello.stream, 0.0)
    assert connection.receive(msgspec.json.encode(hello), 0.0) == hello
    connection.accept(hello, stream, 0.0)
    connection.outgoing()
    return connection, stream


def send(connection: Connection, batch_id: int, now: float = 0.0) -> frames.Batch | None:
    frame = connection.receive(json.dumps({"k": "batch", "id": batch_id, "n": 0}), now)
    assert frame is None or isinstance(frame, frames.Batch)
    return frame


def test_a_second_copy_that_comes_while_the_first_is_taken_is_answered_with_it() -> None:
    """A batch that a POST is taking is acknowledged on the socket when the POST is done."""
    connection, stream = ready_connection()
    assert stream.claim(1) is Claim.NEW
    assert send(connection, 1) is None
    assert connection.outgoing() == []
    stream.settle(1, 0.0)
    assert connection.outgoing() == [frames.Ack(1)]


def test_a_second_copy_is_sent_back_when_the_first_could_not_be_taken() -> None:
    """When the POST found no room, the socket's copy is nacked with the time to wait."""
    connection, stream = ready_connection()
    stream.claim(1)
    send(connection, 1)
    stream.release(1, 2.0)
    (nack,) = connection.outgoing()
    assert isinstance(nack, frames.Nack)
    assert (nack.id, nack.retry_ms) == (1, 2000)


def test_a_gap_closed_by_post_is_acknowledged_on_the_socket() -> None:
    """What the socket brought above a gap is acknowledged when the gap is closed elsewhere."""
    connection, stream = ready_connection()
    assert send(connection, 2) is not None
    connection.taken(2, 0.0)
    assert connection.outgoing() == []
    stream.claim(1)
    stream.settle(1, 0.0)
    assert connection.outgoing() == [frames.Ack(2)]


def test_rejected_records_are_summed_until_the_ack_that_tells_them() -> None:
    """Counts of several batches come in one acknowledgement, once."""
    connection, _ = ready_connection()
    for batch_id, rejected in ((1, 0), (2, 2), (3, 3)):
        send(connection, batch_id)
        connection.taken(batch_id, 0.0, rejected, "too old" if rejected else "")
    assert connection.outgoing() == [frames.Ack(1)]
    assert connection.deadline() == 0.25
    connection.tick(0.25)
    assert connection.outgoing() == [frames.Ack(3, 5, "too old")]


def test_a_batch_that_ends_after_its_connection_counts_for_the_next_one() -> None:
    """A store that answers late settles the batch, whichever connection is there by then."""
    older, stream = ready_connection()
    send(older, 1)
    older.gone()
    older.taken(1, 5.0)
    assert stream.last == 1
    assert stream.claim(1) is Claim.SEEN


def test_a_client_that_does_not_read_is_let_go() -> None:
    """Answers that nobody fetches do not pile up."""
    connection, _ = ready_connection()
    for number in range(300):
        connection.receive(json.dumps({"k": "ping", "t": number}), 0.0)
    assert connection.closing is not None
    assert connection.closing.code == 4429
    assert len(connection.outgoing()) < 300


def test_a_client_is_asked_to_slow_down_once_for_the_while() -> None:
    """`slow` is not repeated before its time is over."""
    connection, _ = ready_connection()
    for now in (0.0, 1.0, 2.0):
        connection.slow(1, 2.0, now)
    assert connection.outgoing() == [frames.Slow(1, 2000), frames.Slow(1, 2000)]


def test_an_oversize_copy_of_a_settled_batch_is_refused_again() -> None:
    """A client that repeats a batch that was too large hears so each time."""
    connection, _ = ready_connection()
    message = json.dumps({"k": "batch", "id": 1, "n": 1, "pad": "x" * frames.MAX_BYTES})
    for _ in range(2):
        assert connection.receive(message, 0.0) is None
        (nack,) = connection.outgoing()
        assert isinstance(nack, frames.Nack)
        assert nack.fatal


def test_a_reason_fits_into_a_close_frame() -> None:
    """However long the reason, at most 123 bytes of whole characters travel."""
    connection, _ = ready_connection()
    connection.close(4400, "ü" * 100)
    assert connection.closing is not None
    assert connection.closing.why == "ü" * 61


def test_the_first_reason_to_close_stays_and_wakes_the_writer() -> None:
    """A second reason does not replace the first; the writer hears of the first."""
    woken: list[bool] = []
    connection, _ = ready_connection(wake=lambda: woken.append(True))
    woken.clear()
    connection.close(4400, "first")
    connection.close(4413, "second")
    assert connection.closing is not None
    assert connection.closing.code == 4400
    assert woken == [True]
