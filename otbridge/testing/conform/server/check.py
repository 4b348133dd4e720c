"""What a check of a server is: requests that try one rule, and a finding."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from otbridge.testing.conform.check import Finding, failed, not_applicable, passed
from otbridge.testing.conform.server.requests import plain, plain_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otbridge.testing.conform.client import Protocol
    from otbridge.testing.conform.rules import Level
    from otbridge.testing.conform.server.answer import Answer
    from otbridge.testing.conform.server.grpc_door import GrpcDoor
    from otbridge.testing.conform.server.http_door import HttpDoor
    from otbridge.testing.conform.server.inside import Inside
    from otbridge.testing.conform.server.target import Server
    from otbridge.typing import Signal

__all__ = ["NO_GZIP", "Bench", "Check", "all_of", "each_signal"]

_T = TypeVar("_T")

NO_GZIP: Final = "it takes no gzip at all: see S1"
"""Why what has to come in gzip cannot be tried."""


@dataclass(frozen=True, slots=True)
class Check:
    """One way to try one rule."""

    rule: str
    what: str
    """The server does this, if it passes."""
    run: Callable[[Bench], Finding]
    level: Level = "MUST"
    protocols: tuple[Protocol, ...] = ("http", "grpc")
    """Where the rule means anything."""
    signal: Signal | None = None
    """The signal that is sent, where it matters which."""
    basis: bool = True
    """Whether it says anything only of a server that takes a plain request."""
    json: bool = False
    """Whether it sends OTLP/JSON, which a server need not take."""
    inside: bool = False
    """Whether it has to see what became of the records."""


@dataclass
class Bench:
    """Where one server is tried over one protocol; `inside` and `grpc` may be missing."""

    server: Server
    protocol: Protocol
    http: HttpDoor
    grpc: GrpcDoor | None = None
    hub: Inside | None = None
    _known: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def inside(self) -> Inside:
        """The server's inside, for checks that say that they need it."""
        assert self.hub is not None  # noqa: S101 - such a check is not run without
        return self.hub

    @property
    def served(self) -> tuple[Signal, ...]:
        """The signals of which the server takes a plain request."""
        return self.once("served", lambda: self._taken(lambda each: self.export(each, plain(each))))

    @property
    def served_json(self) -> tuple[Signal, ...]:
        """Those of which it takes one as OTLP/JSON."""
        return self.once(
            "served json",
            lambda: self._taken(lambda each: self.http.export_json(each, plain_json(each))),
        )

    @property
    def takes_gzip(self) -> bool:
        """Whether it takes a plain request in gzip."""
        return self.once("gzip", lambda: self.export_gzip(self.signal, plain(self.signal)).accepted)

    @property
    def signal(self) -> Signal:
        """The signal to use where it does not matter which."""
        return self.served[0]

    def export(self, signal: Signal, body: bytes, *, encoding: str = "") -> Answer:
        """Send a protobuf request over this bench's protocol."""
        if self.protocol == "http":
            return self.http.export(signal, body, encoding=encoding)
        assert self.grpc is not None  # noqa: S101 - a bench for gRPC has one
        return self.grpc.export(signal, body, encoding=encoding)

    def export_gzip(self, signal: Signal, body: bytes) -> Answer:
        """Send it in gzip, at a level that is quick."""
        if self.protocol == "http":
            body = gzip.compress(body, 1)
        return self.export(signal, body, encoding="gzip")

    def once(self, name: str, make: Callable[[], _T]) -> _T:
        """Return what *make* made at the first call with this *name*."""
        if name not in self._known:
            self._known[name] = make()
        made: _T = self._known[name]
        return made

    def _taken(self, send: Callable[[Signal], Answer]) -> tuple[Signal, ...]:
        return tuple(signal for signal in self.server.signals if send(signal).accepted)


def each_signal(judge: Callable[[Bench, Signal], Finding]) -> Callable[[Bench], Finding]:
    """Return a check's function that tries every signal that the server takes at all."""

    def run(bench: Bench) -> Finding:
        return all_of((signal, judge(bench, signal)) for signal in bench.served)

    return run


def all_of(findings: Iterable[tuple[str, Finding]]) -> Finding:
    """Return one finding for several, given with a word each: the first failure, if any."""
    found = list(findings)
    for word, finding in found:
        if finding.verdict == "fail":
            return failed(f"{word}: {finding.seen}")
    seen = [finding.seen for _, finding in found if finding.verdict == "pass"]
    if not seen:
        return found[0][1] if found else not_applicable("nothing of the kind is taken")
    return passed("; ".join(dict.fromkeys(seen)))
