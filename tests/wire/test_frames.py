"""Frames: what is taken, what is refused, and by which error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otbridge.errors import LimitExceeded, MalformedData, WireError
from otbridge.wire import frames

STREAM = "4bf92f3577b34da6a3ce929d0e0e4736"
HELLO = {
    "k": "hello",
    "v": 1,
    "stream": STREAM,
    "epoch": 1,
    "resource": [],
    "sdk": {"name": "otbridge-js", "version": "0.1.0"},
    "caps": ["live"],
    "clock": 1700000000000.25,
}
ENVELOPE = {key: HELLO[key] for key in ("v", "stream", "resource", "sdk", "clock")}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_a_hello_is_read_with_its_defaults() -> None:
    """What a client leaves out of hello has the value that the protocol gives it."""
    frame = frames.decode(json.dumps(HELLO))
    assert isinstance(frame, frames.Hello)
    assert (frame.stream, frame.epoch, frame.oldest, frame.token) == (STREAM, 1, 1, None)
    assert frame.clock == 1700000000000.25


def test_the_telemetry_in_a_batch_stays_text() -> None:
    """Spans and logs are not parsed by the frame, but handed on byte for byte."""
    frame = frames.decode('{"k":"batch","id":7,"n":1,"logs":[ {"logRecords":[]} ],"later":true}')
    assert isinstance(frame, frames.Batch)
    assert bytes(frame.logs) == b'[ {"logRecords":[]} ]'
    assert bytes(frame.spans) == b"[]"


@pytest.mark.parametrize(
    "change",
    [
        {"stream": "4BF92F3577B34DA6A3CE929D0E0E4736"},
        {"stream": STREAM[:-1]},
        {"stream": STREAM + "\n"},
        {"epoch": 0},
        {"epoch": 2**53},
        {"clock": -1},
        {"clock": "now"},
        {"sdk": {"name": "x" * 129, "version": ""}},
        {"token": "x" * 4097},
        {"caps": ["x"] * 33},
        {"oldest": 0},
    ],
)
def test_a_hello_out_of_range_is_malformed(change: dict[str, Any]) -> None:
    """A field of hello outside its limits is refused, and the message names it."""
    with pytest.raises(MalformedData, match=next(iter(change))):
        frames.decode(json.dumps(HELLO | change))


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "null",
        '"hello"',
        "{}",
        '{"k":1}',
        '{"k":"batch"}',
        '{"k":"batch","id":0,"n":1}',
        '{"k":"batch","id":1,"n":-1}',
        '{"k":"batch","id":1,"n":1,"dropped":{"expired":-1}}',
        '{"k":"ping","t":1e999}',
        '{"k":"ping","t":1}{"k":"ping","t":1}',
        '{"k":"open"}',
        '{"k":"batch","id":1,"n":1,"logs":' + "[" * 50_000 + "]" * 50_000 + "}",
        "\udcff",
        b'\xff{"k":"ping","t":1}',
    ],
)
def test_what_is_no_frame_is_malformed(message: str | bytes) -> None:
    """Broken JSON, missing fields and absurd depth are the sender's fault, and said so."""
    with pytest.raises(MalformedData):
        frames.decode(message)


@pytest.mark.parametrize("version", [0, 2, "1", None, [1], 1.5])
def test_another_version_is_told_from_a_broken_hello(version: Any) -> None:
    """A hello of another version is recognised whatever else is in it."""
    frame = frames.decode(json.dumps({"k": "hello", "v": version, "stream": 5}))
    assert isinstance(frame, frames.OtherVersion)


def test_an_unknown_kind_is_no_fault() -> None:
    """A kind of a later version is recognised as unknown."""
    assert frames.decode('{"k":"profile","x":[1]}') == frames.Unknown("profile")


@pytest.mark.parametrize("size", [frames.MAX_BYTES - 1, frames.MAX_BYTES])
def test_a_frame_up_to_the_limit_is_read(size: int) -> None:
    """The limit itself is still allowed."""
    assert isinstance(frames.decode(_padded(size)), frames.Batch)


@pytest.mark.parametrize("size", [frames.MAX_BYTES + 1, frames.READABLE_BYTES])
def test_of_a_batch_over_the_limit_the_head_is_read(size: int) -> None:
    """A batch that is too large can still be refused by its id."""
    assert frames.decode(_padded(size)) == frames.Oversize(3, size)


@pytest.mark.parametrize(
    "message",
    [
        '{"k":"batch","id":3,"n":1,"pad":"' + "x" * frames.READABLE_BYTES + '"}',
        '{"k":"open","spans":["' + "x" * frames.MAX_BYTES + '"]}',
        "x" * (frames.MAX_BYTES + 1),
    ],
)
def test_other_frames_over_the_limit_exceed_it(message: str) -> None:
    """A frame that is too large and cannot be refused alone is a limit exceeded."""
    with pytest.raises(LimitExceeded, match="at most 262144"):
        frames.decode(message)


def test_the_limit_counts_bytes_and_not_characters() -> None:
    """Text of three bytes a character has a third of the room."""
    message = '{"k":"batch","id":3,"n":1,"pad":"' + "€" * 90_000 + '"}'
    assert len(message) < frames.MAX_BYTES
    assert isinstance(frames.decode(message), frames.Oversize)


def test_an_envelope_holds_batches_with_and_without_their_kind() -> None:
    """A batch in a POST may be the very object that went by the socket."""
    batches = [{"id": 1, "n": 0}, {"k": "batch", "id": 2, "n": 0}]
    envelope = frames.decode_envelope(json.dumps(ENVELOPE | {"batches": batches}).encode())
    assert isinstance(envelope, frames.Envelope)
    assert [batch.id for batch in envelope.batches] == [1, 2]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", MalformedData),
        (b"[]", MalformedData),
        (b'{"v":1}', MalformedData),
        (b"{" * 100_000, MalformedData),
        (b" " * (frames.READABLE_BYTES + 1), LimitExceeded),
    ],
)
def test_what_is_no_envelope_is_refused(body: bytes, outcome: type[WireError]) -> None:
    """A body that is no envelope raises one of our errors."""
    with pytest.raises(outcome):
        frames.decode_envelope(body)


def test_an_envelope_of_another_version_is_told_apart() -> None:
    """Version 2 is another version and not a malformed body."""
    assert frames.decode_envelope(b'{"v":2}') == frames.OtherVersion("2")
    body = json.dumps(ENVELOPE | {"v": 3}).encode()
    assert frames.decode_envelope(body) == frames.OtherVersion(3)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (frames.Ack(3), '{"k":"ack","id":3}'),
        (frames.Ack(3, 2, "no"), '{"k":"ack","id":3,"rejected":2,"message":"no"}'),
        (frames.Nack(3, "w", retry_ms=5), '{"k":"nack","id":3,"why":"w","retry_ms":5}'),
        (frames.Nack(3, "w", fatal=True), '{"k":"nack","id":3,"why":"w","fatal":true}'),
        (frames.Slow(2, 500), '{"k":"slow","window":2,"for_ms":500}'),
        (frames.Pong(1.5), '{"k":"pong","t":1.5}'),
        (frames.GoAway(1000, "w"), '{"k":"goaway","retry_ms":1000,"why":"w"}'),
    ],
)
def test_frames_to_the_client_leave_out_what_says_nothing(
    frame: frames.ServerFrame, text: str
) -> None:
    """A frame is written with its kind and without empty fields."""
    assert frames.encode(frame) == text


def test_ready_says_everything() -> None:
    """Nothing is left out of ready, so that a client needs no defaults."""
    ready = frames.Ready(1, "c", 0, 8, 262144, 25, live=False, config={}, clock=1.5)
    assert json.loads(frames.encode(ready)) == {
        "k": "ready",
        "v": 1,
        "conn": "c",
        "last": 0,
        "window": 8,
        "max_bytes": 262144,
        "ping_s": 25,
        "live": False,
        "config": {},
        "clock": 1.5,
    }


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_bytes_of_any_kind_raise_nothing_but_ours(message: bytes | str) -> None:
    """Whatever comes, decode returns a frame or raises a WireError."""
    try:
        frames.decode(message)
    except WireError:
        pass


@given(
    st.sampled_from(["hello", "batch", "open", "ping", "bye", "later"]),
    st.dictionaries(
        st.sampled_from(["v", "id", "n", "spans", "logs", "dropped", "t", "stream", "oldest"])
        | st.text(max_size=3),
        json_values,
    ),
)
def test_json_of_any_kind_raises_nothing_but_ours(kind: str, fields: dict[str, Any]) -> None:
    """Whatever a field holds, decode returns a frame or raises a WireError; so for envelopes."""
    text = json.dumps(fields | {"k": kind})
    for read in (frames.decode, lambda text: frames.decode_envelope(text.encode())):
        try:
            read(text)
        except WireError:
            pass


@given(st.data())
def test_a_damaged_frame_raises_nothing_but_ours(data: st.DataObject) -> None:
    """A sound frame with a byte changed, added or cut is a frame, or a WireError."""
    message = bytearray(json.dumps(HELLO).encode())
    position = data.draw(st.integers(0, len(message) - 1))
    message[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        frames.decode(bytes(message))
    except WireError:
        pass


def _padded(size: int) -> str:
    head = '{"k":"batch","id":3,"n":1,"pad":"'
    return head + "x" * (size - len(head) - 2) + '"}'
