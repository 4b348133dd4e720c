"""Sends mutants to a hub from all sides, and judges what it does."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import grpc.aio

from tests.faults.hub.fuzz import http, raw_http, websocket
from tests.faults.hub.fuzz.case import Case, Lane
from tests.faults.hub.fuzz.connection import Answer, Broken, Line, exchange
from tests.faults.hub.fuzz.grpc_wire import grpc_calls, grpc_message

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.hub.fuzz.watch import Watch
    from tests.hub.hub_process import HubProcess

__all__ = ["LANES", "Campaign", "Finding"]

LANES = (
    Lane("protobuf", 0.46, http.protobuf_requests, connections=12),
    Lane("json", 0.26, http.json_requests, connections=8),
    Lane("bridge-post", 0.06, http.bridge_posts, connections=4),
    Lane("questions", 0.04, http.questions, connections=12),
    Lane("broken-http", 0.02, raw_http.broken_http, connections=24),
    Lane("bridge-socket", 0.03, websocket.bridge_sockets, upgrade=True, connections=16),
    Lane("live-socket", 0.03, websocket.live_sockets, upgrade=True, connections=8),
    Lane("http2", 0.05, grpc_calls, grpc=True, connections=8),
)

_GRPC_SHARE = 0.05
"""Mutants that go by gRPC's own client, which can tell how a call ended."""
_GRPC_AT_ONCE = 8
_GRPC_OURS = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS)
"""Statuses that would say that a fault of the hub's own ended a call."""

_REMEMBERED = 50
"""Cases that are written down with a stack trace, which says itself what its request was."""

_MOST_FINDINGS = 20


@dataclass
class Finding:
    """Something that the hub should not have done."""

    what: str
    lane: str
    number: int


@dataclass
class Campaign:
    """One run."""

    hub: HubProcess
    watch: Watch
    folder: Path
    """Where cases are written that found something."""
    seed: int
    sent: Counter[str] = field(default_factory=Counter)
    """Mutants by lane."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Of HTTP answers."""
    codes: Counter[str] = field(default_factory=Counter)
    """Of calls by gRPC's client."""
    findings: list[Finding] = field(default_factory=list)
    ended: dict[str, float] = field(default_factory=dict)
    """When the last case of a lane was sent, in monotonic seconds."""
    _recent: deque[tuple[str, int, bytes]] = field(
        default_factory=lambda: deque(maxlen=_REMEMBERED)
    )
    _complaints: int = 0

    @property
    def mutants(self) -> int:
        return self.sent.total()

    async def run(self, requests: int) -> None:
        """Send about *requests* mutants; stop early where the hub is dead or fails all the time."""
        workers = [self._grpc_client(requests * _GRPC_SHARE)]
        for lane in LANES:
            numbers = count()
            work = self._converse if lane.make in _KEPT else self._separate
            workers += [
                work(lane, numbers, requests * lane.share, f"127.0.0.{10 + index}")
                for index in range(lane.connections)
            ]
        await asyncio.gather(*workers)

    def _goes_on(self, lane: str, enough: float) -> bool:
        self._listen()
        alive = self.hub.process.poll() is None
        return alive and self.sent[lane] < enough and len(self.findings) < _MOST_FINDINGS

    def _next(self, lane: Lane, number: int) -> Case:
        case = lane.make(random.Random(f"{self.seed}:{lane.name}:{number}"))
        self.sent[lane.name] += case.mutants
        self.ended[lane.name] = time.monotonic()
        self._recent.append((lane.name, number, case.data))
        return case

    async def _converse(self, lane: Lane, numbers: count[int], enough: float, source: str) -> None:
        async with Line(_port(self.hub.url), source) as line:
            while self._goes_on(lane.name, enough):
                number = next(numbers)
                case = self._next(lane, number)
                try:
                    answers = await line.ask(case)
                except (Broken, OSError) as error:
                    self._found(f"{error}", lane.name, number, case.data)
                    continue
                for place, answer in enumerate(answers):
                    self.statuses[answer.status] += 1
                    if wrong := _fault(answer):
                        self._found(f"answer {place}: {wrong}", lane.name, number, case.data)

    async def _separate(self, lane: Lane, numbers: count[int], enough: float, source: str) -> None:
        port = _port(self.hub.grpc if lane.grpc else self.hub.url)
        while self._goes_on(lane.name, enough):
            number = next(numbers)
            case = self._next(lane, number)
            try:
                received = await exchange(port, lane, case)
            except (Broken, OSError) as error:
                self._found(f"{error}", lane.name, number, case.data)
                continue
            if received.startswith(b"HTTP/1.1 5"):
                head, _, body = received.partition(b"\r\n\r\n")
                if wrong := _fault(Answer(int(head[9:12]), head.lower(), body)):
                    self._found(wrong, lane.name, number, case.data)

    async def _grpc_client(self, enough: float) -> None:
        async with grpc.aio.insecure_channel(self.hub.grpc) as channel:
            numbers = count()
            while self._goes_on("grpc-client", enough):
                calls = [self._call(channel, next(numbers)) for _ in range(_GRPC_AT_ONCE)]
                await asyncio.gather(*calls)

    async def _call(self, channel: grpc.aio.Channel, number: int) -> None:
        method, message = grpc_message(random.Random(f"{self.seed}:grpc-client:{number}"))
        self.sent["grpc-client"] += 1
        self._recent.append(("grpc-client", number, message))
        try:
            call: Any = channel.unary_unary(method)
            await call(message, timeout=30, wait_for_ready=True)
            self.codes["OK"] += 1
        except grpc.aio.AioRpcError as error:
            self.codes[error.code().name] += 1
            if error.code() in _GRPC_OURS:
                self._found(f"{error.code()}: {error.details()}", "grpc-client", number, message)

    def _listen(self) -> None:
        """Write down what was sent lately, where the hub has complained."""
        seen = len(self.watch.complaints)
        if seen == self._complaints:
            return
        told = self.watch.complaints[self._complaints : seen]
        self._complaints = seen
        if not any("Traceback" in line for line in told):
            return
        for lane, number, data in self._recent:
            self._keep(lane, number, data)
        self.findings.append(Finding("a stack trace of the hub's", "any", len(self._recent)))

    def _found(self, what: str, lane: str, number: int, data: bytes) -> None:
        self._keep(lane, number, data)
        self.findings.append(Finding(what, lane, number))

    def _keep(self, lane: str, number: int, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{self.seed}-{lane}-{number}.bin").write_bytes(data)

    def takes_a_good_request(self) -> bool:
        """Whether the hub still takes and shows what is right."""
        body, trace_id = http.good_request(self.seed, time.time_ns())
        kind = {"content-type": "application/json"}
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = self.hub.http.post("/v1/traces", content=body, headers=kind)
            shown = self.hub.http.get(f"/api/v1/traces/{trace_id}")
            if answer.status_code == 200 and shown.status_code == 200:
                return bool(shown.json()["spans"][0]["name"] == "after the storm")
            time.sleep(0.5)  # it is behind, and says so
        return False


_KEPT = (http.protobuf_requests, http.json_requests, http.bridge_posts, http.questions)
"""Whose framing is right, so that a connection goes on after an answer."""


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _fault(answer: Answer) -> str:
    """Return what is wrong with an answer; nothing where it may be given."""
    if answer.status < 500:
        return ""
    if answer.status != 503 or b"retry-after:" not in answer.head:
        return f"{answer.status} {answer.body[:300]!r}"
    if b'"fault"' in answer.body or b'"internal"' in answer.body:
        return f"a fault of the hub's: {answer.body[:300]!r}"
    return ""
