"""The whole bridge application says what the golden transcripts say, sockets aside.

Each transcript is replayed against `BridgeApp` through ASGI, on an event loop whose time only
moves when the transcript says so: its timers are the real ones, and nothing is waited for.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge.bridge.asgi import BridgeApp
from otbridge.bridge.ingest import BridgeBusy
from otbridge.errors import MalformedData
from otbridge.wire.bridge_streams import StreamRegistry

if TYPE_CHECKING:
    import threading

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "contract" / "bridge").glob("*.json"))
START_NS = 1_700_000_000_000_000_000


class TurnedLoop(asyncio.SelectorEventLoop):
    """An event loop that has the time it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(selectors.DefaultSelector())

    def time(self) -> float:
        return self.seconds


class LoopClock:
    """The loop's time as a `Clock`."""

    def __init__(self, loop: TurnedLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        return self._loop.seconds

    def time_ns(self) -> int:
        return START_NS + round(self._loop.seconds * 1e9)

    def wait(self, event: threading.Event, timeout: float | None) -> bool:
        raise AssertionError("the bridge never blocks")


class Store:
    """A consumer that does what the transcript's `store` steps say."""

    def __init__(self) -> None:
        self.mood: dict[str, Any] = {}
        self.stored: list[list[Any]] = []
        self.opened: list[str] = []

    async def consume(
        self,
        signal: str,
        request: bytes,
        *,
        key: tuple[str, int] | None,
        origin: str,
        project: str,
    ) -> int:
        assert key is not None
        assert origin == "node"
        if self.mood.get("busy_s"):
            raise BridgeBusy(self.mood["busy_s"])
        if self.mood.get("malformed"):
            raise MalformedData("The store finds this malformed.")
        # A batch is one request per signal; the transcripts count it once.
        if list(key) not in self.stored:
            self.stored.append(list(key))
        return self.mood.pop("rejects", 0) if signal == "logs" else 0

    async def open_spans(self, request: bytes, *, origin: str, project: str) -> None:
        message = ExportTraceServiceRequest.FromString(request)
        for resource in message.resource_spans:
            self.opened += [span.name for scope in resource.scope_spans for span in scope.spans]

    async def gone(self, stream: str, *, project: str) -> None:
        raise AssertionError("no transcript is long enough for that")


class Player:
    """Plays the client and the ASGI server."""

    def __init__(self, loop: TurnedLoop) -> None:
        self.store = Store()
        self.clock = LoopClock(loop)
        self.options: dict[str, Any] = {}
        self.sockets: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self.said: list[dict[str, Any]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._app: BridgeApp | None = None

    @property
    def app(self) -> BridgeApp:
        if self._app is None:
            self._app = BridgeApp(self.store, clock=self.clock, **self.options)
            self._app._loaded = True  # imports run in a thread, which this loop cannot time
        return self._app

    def connect(self, label: str) -> None:
        inbox = self.sockets[label] = asyncio.Queue()
        inbox.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "headers": [], "subprotocols": ["otbridge.v1.json"]}

        async def send(event: Any) -> None:
            if event["type"] == "websocket.send":
                frame = json.loads(event["text"])
                self.said.append({"from": "server", "frame": frame, "on": label})
            elif event["type"] == "websocket.close":
                self.said.append({"close": event["code"], "by": "server", "on": label})

        self.tasks.append(asyncio.create_task(self.app(scope, inbox.get, send)))

    def send(self, label: str, text: str) -> None:
        self.sockets[label].put_nowait({"type": "websocket.receive", "text": text})

    def disconnect(self, label: str, code: int) -> None:
        self.sockets[label].put_nowait({"type": "websocket.disconnect", "code": code})

    def post(self, body: str) -> None:
        headers = [(b"content-type", b"text/plain;charset=UTF-8")]
        scope = {"type": "http", "method": "POST", "headers": headers}
        answer: dict[str, Any] = {}

        async def receive() -> Any:
            return {"type": "http.request", "body": body.encode()}

        async def send(event: Any) -> None:
            if event["type"] == "http.response.start":
                answer["answer"] = event["status"]
                retry_after = dict(event["headers"]).get(b"retry-after")
                answer["retry_after"] = retry_after and int(retry_after)
            else:
                answer["body"] = json.loads(event["body"])
                self.said.append(answer)

        self.tasks.append(asyncio.create_task(self.app(scope, receive, send)))

    def command(self, what: str) -> None:
        if what == "live":
            self.options["live"] = True
        elif what == "needs_token":
            self.options["authenticate"] = lambda token, _: "" if token == "right" else None
        elif what == "restart":
            self.app._ingest.registry = StreamRegistry()
        elif what == "drain":
            self.tasks.append(asyncio.create_task(self.app.close()))
        else:
            raise AssertionError(what)

    async def listen(self) -> list[dict[str, Any]]:
        for _ in range(50):  # more turns of the loop than any answer takes
            await asyncio.sleep(0)
        said, self.said = self.said, []
        return said


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_application_says_what_the_transcript_says(path: Path) -> None:
    """Each golden transcript, replayed, ends with the same frames, answers and stored batches."""
    transcript = json.loads(path.read_text())
    if "server" not in transcript["for"]:
        assert transcript["for"] == ["client"]
        return
    with asyncio.Runner(loop_factory=TurnedLoop) as runner:
        runner.run(_replay(transcript))


async def _replay(transcript: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TurnedLoop)
    player = Player(loop)
    last_label = ""
    heard: list[dict[str, Any]] = []
    for step in transcript["steps"]:
        label = step.get("on", last_label)
        if step.get("from") == "server" or "answer" in step or _server_closes(step):
            assert heard, f"nothing was said where {step} was expected"
            said = heard.pop(0)
            assert _agrees(said, step if "answer" in step else {"on": label, **step}), said
            continue
        assert not heard, f"said without a step: {heard}"
        match step:
            case {"connect": label}:
                last_label = label
                player.connect(label)
            case {"from": "client"}:
                if not player.store.mood.get("silent"):
                    player.send(label, _text_of(step))
            case {"advance_s": seconds}:
                loop.seconds = round(loop.seconds + seconds, 6)
            case {"close": code}:
                player.disconnect(label, code)
            case {"post": body}:
                player.post(json.dumps(body))
            case {"post_text": text}:
                player.post(text)
            case {"store": change}:
                player.store.mood |= change
            case {"server": what}:
                player.command(what)
            case _:
                raise AssertionError(f"no such step: {step}")
        heard = await player.listen()
    assert not heard, f"said without a step: {heard}"
    assert player.store.stored == transcript["stored"]
    assert player.store.opened == transcript.get("opened", player.store.opened)
    if "dropped" in transcript:
        assert player.app.stats()["dropped"] == Counter(transcript["dropped"])
    for task in player.tasks:
        task.cancel()
    results = await asyncio.gather(*player.tasks, return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)


def _server_closes(step: dict[str, Any]) -> bool:
    return step.get("by") == "server" and step["close"] != 1006


def _text_of(step: dict[str, Any]) -> str:
    if "text" in step:
        return str(step["text"])
    frame = {key: 1 if value == "*" else value for key, value in step["frame"].items()}
    if "fill_logs" in step:
        record = {"body": {"stringValue": "x"}}
        frame["logs"] = [{"logRecords": [record] * step["fill_logs"]}]
    if "pad_to" in step:
        size = len(json.dumps(frame | {"pad": ""}).encode())
        frame["pad"] = "x" * (step["pad_to"] - size)
    return json.dumps(frame)


def _agrees(actual: Any, expected: Any) -> bool:
    if expected == "*":
        return True
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and _agrees(actual[key], value) for key, value in expected.items()
        )
    return bool(actual == expected)
