"""One run of a client against a receiver: start it, watch it, end it, see what came."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from otbridge.errors import MalformedData
from otbridge.testing.conform.task import Account, Task
from otbridge.wire.otlp_request import split_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.testing.receiver import OtlpReceiver, Received
    from otbridge.typing import Signal

__all__ = ["Running", "Seen", "distinct_records", "records_in"]

_GLANCE_SECONDS: Final = 0.02
_SCOPES: Final = ("scopeLogs", "scopeSpans", "scopeMetrics")
_RECORDS: Final = ("logRecords", "spans", "metrics")
_FOREIGN: Final = (
    "OTEL_", "OTBRIDGE_", "CONFORM_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy",
    "https_proxy", "all_proxy",
)  # fmt: skip
"""Beginnings of variables that would have a say in what is sent where."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What could be seen of a client from outside."""

    task: Task
    requests: tuple[Received, ...]
    """What the receiver got, refused requests too."""
    exit_code: int | None
    """None where the client did not end in time and was killed."""
    ending_seconds: float
    """From the end of its standard input to its own end."""
    peak_bytes: int
    """Its largest resident memory; 0 where that was not asked for or cannot be read."""
    stderr: str
    account: Account | None
    """What it says itself; None where it says nothing."""

    @property
    def arrived(self) -> int:
        """Records in requests that were accepted."""
        return sum(records_in(request) for request in self.requests if request.answer.accepts)

    @property
    def attempts(self) -> int:
        """How often the record was sent that was sent most often; 0 where none was.

        Two requests may well be one attempt: a slow machine makes two of one batch.
        """
        sent = Counter[bytes]()
        for request in self.requests:
            sent.update(distinct_records(request.signal, request.body))
        return max(sent.values(), default=0)

    @property
    def own_words(self) -> str:
        """What the client says became of its records, in words."""
        said = " and speaks of it on stderr" if self.stderr.strip() else ""
        if self.account is None:
            return f"it gives no account{said}"
        delivered, failed, _ = self.account
        return f"it counts {delivered} delivered, {failed} failed{said}"


class Running:
    """A client at work; leaving it as a context kills what is left of it.

    Args:
        command: The driver.
        task: What it is asked to do.
        receiver: Where it sends.
        environment: Further variables; an empty text unsets one.
        folder: Its working directory; also for its output.
        watch_memory: Whether to follow its resident memory, by `/proc`.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        task: Task,
        receiver: OtlpReceiver,
        environment: Mapping[str, str],
        folder: Path,
        *,
        watch_memory: bool = False,
    ) -> None:
        self.task = task
        self.receiver = receiver
        self._folder = folder
        self._watch_memory = watch_memory
        self._peak = 0
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            self._process = subprocess.Popen(  # noqa: S603 - the command is what is to be tested
                command,
                cwd=folder,
                env=_environment({**environment, **task.environment()}),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait_until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Wait for *reached*, at most *seconds* and as long as the client lives."""
        end = time.monotonic() + seconds
        while not (found := reached()) and self.alive and time.monotonic() < end:
            time.sleep(_GLANCE_SECONDS)
        return found or reached()

    def wait_for_requests(self, count: int, seconds: float) -> bool:
        """Wait for *count* requests at the receiver; return whether they came."""
        return self.wait_until(lambda: len(self.receiver.requests) >= count, seconds)

    def finish(self, seconds: float = 15.0) -> Seen:
        """Let the client end, at most for *seconds*, and return what was seen."""
        asked = time.monotonic()
        assert self._process.stdin is not None  # noqa: S101 - opened above
        with contextlib.suppress(OSError):  # it may have ended by itself
            self._process.stdin.close()
        code = self._wait(seconds)
        ended = time.monotonic()
        self.kill()
        output = (self._folder / "stdout").read_text("utf-8", "replace")
        return Seen(
            task=self.task,
            requests=tuple(self.receiver.requests),
            exit_code=code,
            ending_seconds=ended - asked,
            peak_bytes=self._peak,
            stderr=(self._folder / "stderr").read_text("utf-8", "replace"),
            account=Account.read(output),
        )

    def kill(self) -> None:
        """End the client and whatever it has started."""
        with contextlib.suppress(OSError):  # nothing is left of it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None  # noqa: S101 - opened above
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _wait(self, seconds: float) -> int | None:
        end = time.monotonic() + seconds
        step = _GLANCE_SECONDS if self._watch_memory else seconds
        while time.monotonic() < end:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(step)
            self._peak = max(self._peak, _peak_of(self._process.pid))
        return None


def distinct_records(signal: Signal, body: bytes) -> set[bytes]:
    """Return the records of a request as they came; it stands for them where it is not protobuf."""
    try:
        return {record for _, record in split_request(signal, body)}
    except MalformedData:
        return {body}


def records_in(request: Received) -> int:
    """Return how many records *request* carries; 0 where it cannot be read."""
    try:
        if "json" in request.headers.get("content-type", ""):
            return _records_in_json(json.loads(request.body))
        return len(split_request(request.signal, request.body))
    except (ValueError, MalformedData):
        return 0


def _records_in_json(request: Any) -> int:
    """Return how many lists' items stand where OTLP/JSON has records: two levels down."""
    groups = [group for resources in request.values() for group in resources]
    scopes = [scope for group in groups for key in _SCOPES for scope in group.get(key, ())]
    return sum(len(scope.get(key, ())) for scope in scopes for key in _RECORDS)


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables without those that would have a say, and with *own*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {name: value for name, value in own.items() if value}


def _peak_of(pid: int) -> int:
    """Return the largest resident memory of a process so far, in bytes; 0 where unknown."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:  # ended just now, or a system without /proc
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
