"""The ways to lose a log line, one function each: what the program does, and what befalls it."""

from __future__ import annotations

import signal
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from otbridge.errors import MalformedData
from otbridge.testing import Answer
from otbridge.testing.conform.tap import closed_port
from otbridge.wire.otlp_request import split_request
from tests.faults.losses.trial import HERE, Trial

Happening = Callable[[Trial, "Scale"], None]

LINES: Final = 300
_HANG_SECONDS: Final = 45.0
"""Longer than any of them waits for a receiver that hangs: the official SDK gives up after 30."""
_REQUEST_LIMIT: Final = 40_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the run is."""

    outage_seconds: float
    per_second: float
    lines: int


SHORT: Final = Scale(outage_seconds=12, per_second=2500, lines=37_500)
"""A fifth of the time at five times the pace: as many lines against the same default settings."""
FULL: Final = Scale(outage_seconds=60, per_second=500, lines=37_500)


@dataclass(frozen=True, slots=True)
class Way:
    """One row of the table."""

    name: str
    happening: Happening
    answer: Answer | Callable[[bytes], Answer] | None = None
    """What the receiver says; everything is fine where None."""
    alone: bool = False
    """Whether it needs the machine for itself."""
    needs: str = ""
    """A module that the sender's environment must have."""


# ---------------------------------------------------------------------- receiver in trouble


def outage(trial: Trial, scale: Scale) -> None:
    """Take the receiver away for four fifths of the run."""
    program = trial.start("paced", scale.per_second, scale.lines)
    program.wait_sent(int(scale.lines / 15))
    trial.close()
    time.sleep(scale.outage_seconds)
    trial.open()
    program.wait_sent(scale.lines, 120)
    trial.exit_seconds = program.join()


def burst(trial: Trial, scale: Scale) -> None:
    """Write 20,000 lines at once."""
    program = trial.start("burst", 20_000)
    program.wait_sent(20_000)
    trial.exit_seconds = program.join()


def paced(trial: Trial, scale: Scale) -> None:
    """Write 500 lines a second for six seconds."""
    program = trial.start("paced", 500, 3000)
    program.wait_sent(3000)
    trial.exit_seconds = program.join()


def some_lines(trial: Trial, scale: Scale) -> None:
    """Write some lines and end normally."""
    program = trial.start("burst", LINES)
    program.wait_sent(LINES)
    trial.exit_seconds = program.join(_HANG_SECONDS)


def nobody_listens(trial: Trial, scale: Scale) -> None:
    """Write some lines for a receiver that is not there, and end normally."""
    trial.close()
    some_lines(trial, scale)


def many_lines(trial: Trial, scale: Scale) -> None:
    """Write a thousand lines and end normally."""
    trial.start("burst", 1000).join(_HANG_SECONDS)


def living_on(trial: Trial, scale: Scale) -> None:
    """Write some lines and live on for twenty seconds."""
    program = trial.start("then-wait", LINES)
    program.wait_sent(LINES)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not any(r.answer.accepts for r in trial.requests):
        time.sleep(0.1)
    time.sleep(1)
    program.let_end()
    trial.exit_seconds = program.join(_HANG_SECONDS)


def broken_line(trial: Trial, scale: Scale) -> None:
    """Write a hundred lines, one of which cannot be encoded."""
    trial.start("poison", 100).join()


# ---------------------------------------------------------------------- ends of a process


def signalled(number: signal.Signals) -> Happening:
    def happen(trial: Trial, scale: Scale) -> None:
        program = trial.start("then-wait", LINES)
        program.wait_sent(LINES)
        program.send(number)
        trial.exit_seconds = program.join()

    return happen


def runs(program: str, *numbers: float) -> Happening:
    def happen(trial: Trial, scale: Scale) -> None:
        trial.start(program, *numbers).join()

    return happen


def gunicorn(trial: Trial, scale: Scale) -> None:
    """Let two workers, forked from a set-up parent, answer sixty requests, then end the parent."""
    port = closed_port()
    program = trial.run(
        ["-W", "ignore", "-m", "gunicorn", "--preload", "--chdir", str(HERE), "--workers", "2",
         "--max-requests", "20", "--bind", f"127.0.0.1:{port}", "--log-level", "critical",
         "--no-control-socket", "shop_wsgi:app"]
    )  # fmt: skip
    deadline = time.monotonic() + 20
    answered = 0
    while answered < 60 and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                answered += answer.status == 200
        except OSError:  # it is starting, or a worker was just replaced
            time.sleep(0.05)
    program.send(signal.SIGTERM)
    trial.exit_seconds = program.join()


# ---------------------------------------------------------------------- answers


def _refuses_most(body: bytes) -> Answer:
    return Answer.partial(_records(body) * 7 // 10, "too old")


def _refuses_large(body: bytes) -> Answer:
    return Answer.refuse(413) if len(body) > _REQUEST_LIMIT else Answer.ok()


class _AsksForTime:
    """Says 429 with Retry-After until that time is over."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def __call__(self, _: bytes) -> Answer:
        now = time.monotonic()
        if self._until is None:
            self._until = now + self._seconds
        if now < self._until:
            return Answer.refuse(429, retry_after=str(self._seconds))
        return Answer.ok()


def _records(body: bytes) -> int:
    try:
        return len(split_request("logs", body))
    except MalformedData:  # Logfire's metrics: not lines
        return 0


def ways() -> list[Way]:
    """Return all rows; anew for every sender, for some answers remember."""
    return [
        Way("the receiver is away for four fifths of the run", outage, alone=True),
        Way("20,000 lines at once, the receiver takes 200 ms a request", burst, Answer.ok().after(0.2), alone=True),
        Way("500 lines a second, the receiver takes 2 s a request", paced, Answer.ok().after(2.0)),
        Way("nobody listens, and the program ends", nobody_listens),
        Way("the receiver hangs, and the program ends", some_lines, Answer.hang()),
        Way("429 with Retry-After: 15", living_on, _AsksForTime(15)),
        Way("the receiver refuses 70 % (partial success)", some_lines, _refuses_most),
        Way("the receiver refuses (400)", some_lines, Answer.refuse(400, message="no")),
        Way("the request is too large (413 above 40 kB)", many_lines, _refuses_large),
        Way("a redirect (302)", some_lines, Answer.refuse(302, location="/login")),
        Way("a login page (200, HTML)", some_lines, Answer.raw(200, b"<html>Log in</html>", "text/html")),
        Way("one line holds half a surrogate pair", broken_line),
        Way("SIGTERM", signalled(signal.SIGTERM)),
        Way("SIGKILL, or out of memory", signalled(signal.SIGKILL)),
        Way("os._exit", runs("then-os-exit", LINES)),
        Way("the end of a multiprocessing child", runs("child-process", LINES)),
        Way("a pool with maxtasksperchild=1, as Celery's", runs("pool-of-short-lives", 10, 30)),
        Way("fork, both sides go on", runs("fork-both", 500)),
        Way("gunicorn: forked workers, then its end", gunicorn, needs="gunicorn"),
        Way("lines written while the interpreter ends", runs("late", LINES)),
    ]  # fmt: skip
