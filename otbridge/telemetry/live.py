"""Tell a hub that a span has begun, so that unfinished work can be seen.

It is a log record with the event name `otbridge.span.started` (see `otbridge.semconv`). Only a hub
knows what to do with it, so by default the destination is asked first who it is: once, in a thread
of its own, never on the way of a span.
"""

from __future__ import annotations

import json
import threading
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otbridge import semconv
from otbridge.context.suppression import suppress_this_thread
from otbridge.wire.otlp_logs import encode_context, encode_log_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.telemetry.record import Put
    from otbridge.wire.otlp_request import Envelope

__all__ = ["LiveSpans", "is_hub"]

_SEVERITY: Final = 1
_MOST_PENDING: Final = 1000
"""Beginnings kept while the answer is awaited; beyond that the spans' ends will have to do."""
_ASK_AGAIN_S: Final = 2.0
"""Seconds between questions to a destination that does not answer at all."""
_TIMEOUT_S: Final = 1.0
_LONGEST_ANSWER: Final = 4096


def is_hub(endpoint: str) -> bool | None:
    """Ask *endpoint* whether it is an otbridge hub; None where nobody answers."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(endpoint)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
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
        connection.close()


class LiveSpans:
    """Sends the beginnings of spans where a hub takes them.

    Args:
        put: The door of the delivery of logs.
        known: True sends without asking.
        ask: Finds out whether the destination is a hub; None where nobody answers.
    """

    def __init__(
        self,
        put: Put,
        *,
        known: bool = False,
        ask: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self._put = put
        self._ask = ask
        self._answer: bool | None = known or None
        self._pending: list[tuple[Envelope, bytes]] = []
        self._asking = False
        self._ask_after = 0.0
        self._lock = threading.Lock()
        self._when_unwanted: list[Callable[[], None]] = []

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
        record = _encoded(span)
        if self._answer:
            self._put(envelope, record, _SEVERITY)
            return
        with self._lock:
            if len(self._pending) < _MOST_PENDING:
                self._pending.append((envelope, record))
            if self._asking or monotonic() < self._ask_after:
                return
            self._asking = True
        threading.Thread(target=self._find_out, name="otbridge-live", daemon=True).start()

    def forget_parent(self) -> None:
        """Begin anew in a forked child: its parent's thread and questions are not its own."""
        self._lock = threading.Lock()
        self._pending = []
        self._asking = False

    def _find_out(self) -> None:
        suppress_this_thread()
        try:
            answer = self._ask()
        except Exception:  # noqa: BLE001 - whatever went wrong with the question, it is not a hub now
            answer = None
        with self._lock:
            pending, self._pending = self._pending, []
            self._answer = answer
            self._asking = False
            self._ask_after = monotonic() + _ASK_AGAIN_S
            unwanted = self._when_unwanted.copy() if answer is False else []
        for tell in unwanted:
            tell()
        if answer:
            for envelope, record in pending:
                self._put(envelope, record, _SEVERITY)


def _encoded(span: Any) -> bytes:
    context = span.get_span_context()
    attributes = dict(span.attributes or {})
    attributes[semconv.SPAN_STARTED_NAME] = span.name
    # OTLP's SpanKind has "unspecified" at 0, the API's enum begins with internal there.
    attributes[semconv.SPAN_STARTED_KIND] = span.kind.value + 1
    if span.parent is not None:
        attributes[semconv.SPAN_STARTED_PARENT] = f"{span.parent.span_id:016x}"
    return encode_log_record(
        span.start_time or time_ns(),
        time_ns(),
        _SEVERITY,
        "TRACE",
        None,
        attributes,
        encode_context(context.trace_id, context.span_id, int(context.trace_flags)),
        semconv.SPAN_STARTED,
    )
