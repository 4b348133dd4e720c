"""Tell a hub that a span has begun, so that unfinished work can be seen, and that it is open still.

It is a log record with the event name `otbridge.span.started` (see `otbridge.semconv`). Only a hub
knows what to do with it, so by default the destination is asked first who it is: once, in a thread
of its own, never on the way of a span. While it listens, the same thread tells it twice a minute of
the spans that are still open: silence then means that the process is gone, and not that it waits.
"""

from __future__ import annotations

import json
import threading
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind

from otbridge import semconv
from otbridge.context.suppression import suppress_this_thread
from otbridge.delivery.wake import Wake
from otbridge.telemetry.begun import BegunSpans
from otbridge.telemetry.redacted import redacted
from otbridge.wire.otlp_logs import encode_context, encode_log_record
from otbridge.wire.protobuf import field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from http.client import HTTPConnection

    from otbridge.delivery.ledger import LedgerSnapshot
    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.record import Put
    from otbridge.wire.otlp_request import Envelope

__all__ = ["AGAIN_S", "LiveSpans", "is_hub"]

AGAIN_S: Final = 30.0
"""Seconds between two rounds in which a hub is told of the spans that are still open. It gives a
process up after three of them (`otbridge.hub.silence.SILENCE_S`)."""

_LASTING_S: Final = 10.0
"""Age at which a span is told of again; most have ended by then, which says as much."""
_MOST_AT_ONCE: Final = 1000
"""Spans told of in one round, the oldest of those that are open."""
_SEVERITY: Final = 1
_EVENT_NAME: Final = field(b"\x62", semconv.SPAN_STARTED.encode())
"""LogRecord.event_name, encoded once (opentelemetry/proto/logs/v1, 1.11)."""
_KINDS: Final = {kind: kind.value + 1 for kind in SpanKind}
"""OTLP's SpanKind has "unspecified" at 0, the API's enum begins with internal there."""
_ASK_AGAIN_S: Final = 2.0
"""Seconds between questions to a destination that does not answer at all."""
_TIMEOUT_S: Final = 1.0
_LONGEST_ANSWER: Final = 4096


def is_hub(endpoint: str, certificates: Iterable[str | None] = ()) -> bool | None:
    """Ask *endpoint* whether it is an otbridge hub; None where nobody answers.

    *certificates* are the files that `client_context` takes.
    """
    from http.client import HTTPException

    connection = None
    try:
        connection = _connection(endpoint, certificates)
        connection.request("GET", "/healthz", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        content = answer.read(_LONGEST_ANSWER)
        if answer.status != 200:
            return False
        found = json.loads(content)
        return isinstance(found, dict) and found.get("hub") == "otbridge"
    except (OSError, HTTPException):
        return None
    except ValueError:  # it answers, but not in JSON
        return False
    finally:
        if connection is not None:
            connection.close()


def _connection(endpoint: str, certificates: Iterable[str | None]) -> HTTPConnection:
    from http.client import HTTPConnection, HTTPSConnection

    from otbridge.sinks.certificates import client_context

    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return HTTPConnection(host, parts.port, timeout=_TIMEOUT_S)
    context = client_context(*certificates)
    return HTTPSConnection(host, parts.port, timeout=_TIMEOUT_S, context=context)


class LiveSpans:
    """Sends the beginnings of spans where a hub takes them.

    It has one daemon thread, from the first span that it hears of until `stop`, or until nobody
    wants to hear. In a forked child it begins anew.

    Args:
        put: The door of the delivery of logs.
        known: True sends without asking.
        ask: Finds out whether the destination is a hub; None where nobody answers.
        redactor: Blanks out secrets; None leaves everything as it is.
        books: Tells how that delivery stands; None where it is not known.
    """

    def __init__(
        self,
        put: Put,
        *,
        known: bool = False,
        ask: Callable[[], bool | None] = lambda: None,
        redactor: Redactor | None = None,
        books: Callable[[], LedgerSnapshot] | None = None,
    ) -> None:
        self._put = put
        self._ask = ask
        self._redactor = redactor
        self._books = books
        self._answer: bool | None = known or None
        self._ask_after = 0.0
        self._when_unwanted: list[Callable[[], None]] = []
        self._settled = -1
        self._reset()

    def _reset(self) -> None:
        self._begun = BegunSpans()
        self._lock = threading.Lock()
        self._stopped = Wake()  # not an Event: `stop` sets it, which a signal handler may call
        self._has_thread = False

    @property
    def wanted(self) -> bool:
        """Whether somebody wants to hear of beginnings, or may want to."""
        return self._answer is not False

    def when_unwanted(self, tell: Callable[[], None]) -> None:
        """Call *tell* once it turns out that nobody wants to hear; never where somebody does."""
        with self._lock:
            self._when_unwanted.append(tell)
            unwanted = self._answer is False
        if unwanted:
            tell()

    def started(self, span: Any, envelope: Envelope) -> None:
        """Tell that *span* has begun, or keep it until it is known whether anybody wants to hear."""
        if self._answer is False:
            return
        # First into the book: whoever gets the answer at this moment looks there for the rest.
        self._begun.add(span, envelope)
        if self._answer:
            self._tell(span, envelope, again=False)
            if not self._has_thread:
                self._start_thread()
        elif not self._has_thread and monotonic() >= self._ask_after:
            self._start_thread()

    def tell_again(self) -> None:
        """Tell of all spans that have been open for some time; does nothing while nothing arrives.

        Else an outage would fill the queue, or the disk, with news that is old when it arrives.
        """
        if self._is_stuck():
            return
        latest = time_ns() - int(_LASTING_S * 1e9)
        lasting = [each for each in self._begun.open() if (each[0].start_time or 0) <= latest]
        for span, envelope in lasting[:_MOST_AT_ONCE]:
            self._try_to_tell(span, envelope, again=True)

    def stop(self) -> None:
        """Tell of nothing again: the process ends, or is configured anew. Does not wait."""
        self._stopped.set()

    def forget_parent(self) -> None:
        """Begin anew in a forked child: its parent's thread and open spans are not its own."""
        stopped = self._stopped.is_set()
        self._reset()
        if stopped:
            self.stop()

    # ------------------------------------------------------------------ the thread

    def _start_thread(self) -> None:
        with self._lock:
            if self._has_thread or self._stopped.is_set():
                return
            self._has_thread = True
        try:
            threading.Thread(target=self._run, name="otbridge-live", daemon=True).start()
        except RuntimeError:
            pass  # the interpreter ends, or the system has no thread left: nothing is told again

    def _run(self) -> None:
        suppress_this_thread()
        if self._answer is None and not self._find_out():
            return
        stopped = self._stopped
        while not stopped.wait(AGAIN_S):
            self.tell_again()

    def _find_out(self) -> bool:
        """Ask, and tell those who have waited for the answer; return whether it is a hub."""
        try:
            answer = self._ask()
        except Exception:  # noqa: BLE001 - whatever went wrong with the question, it is not a hub now
            answer = None
        with self._lock:
            self._answer = answer
            self._ask_after = monotonic() + _ASK_AGAIN_S
            self._has_thread = bool(answer)
            unwanted = self._when_unwanted.copy() if answer is False else []
        for tell in unwanted:
            tell()
        if answer is False:
            self._begun = BegunSpans()
        elif answer:
            for span, envelope in self._begun.open():
                self._try_to_tell(span, envelope, again=False)
        return bool(answer)

    def _is_stuck(self) -> bool:
        """Whether something waits to be delivered, and nothing was since the last round."""
        if self._books is None:
            return False
        books = self._books()
        settled = books.delivered + sum(books.rejected.values())
        before, self._settled = self._settled, settled
        return settled == before and bool(books.in_memory + books.spooled)

    def _try_to_tell(self, span: Any, envelope: Envelope, *, again: bool) -> None:
        try:
            self._tell(span, envelope, again=again)
        except Exception:  # noqa: BLE001 - its owner changes it at this moment; the next round tells of it
            pass

    def _tell(self, span: Any, envelope: Envelope, *, again: bool) -> None:
        seen = span if self._redactor is None else redacted(span, self._redactor)
        self._put(envelope, _encoded(seen, again=again), _SEVERITY)


def _encoded(span: Any, *, again: bool) -> bytes:
    context = span.get_span_context()
    attributes = span.attributes.copy() if span.attributes else {}
    attributes[semconv.SPAN_STARTED_NAME] = span.name
    attributes[semconv.SPAN_STARTED_KIND] = _KINDS[span.kind]
    if span.parent is not None:
        attributes[semconv.SPAN_STARTED_PARENT] = f"{span.parent.span_id:016x}"
    if again:
        attributes[semconv.SPAN_STARTED_AGAIN] = True
    return encode_log_record(
        span.start_time or time_ns(),
        time_ns(),
        _SEVERITY,
        "TRACE",
        None,
        attributes,
        encode_context(context.trace_id, context.span_id, int(context.trace_flags)) + _EVENT_NAME,
    )
