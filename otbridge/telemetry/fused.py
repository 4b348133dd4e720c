"""The short way of a log event: from a call's arguments to OTLP bytes in one function.

Most events are plain: a message, texts, numbers and flags under names that are nobody's secret. For
them every processor's answer is known before they come, so it is looked up instead of worked out:
the severity by the level, ids and correlation by the context object, the place by the instruction,
name and redaction of an attribute by its key, a text's harmlessness by the text.

Any other event (an exception, a secret, a text over the limit, a field that is a field of ours) is
turned away here untouched and takes the long way, through the processors one by one. Which way an
event takes can be seen by its cost only: tests/telemetry/test_fused.py holds the two to the same
bytes.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, Protocol

from otbridge.processors.limits import DROPPED
from otbridge.processors.severity import of_level
from otbridge.semconv import CORRELATION_ID
from otbridge.telemetry.clean import MOST_CACHED, clean
from otbridge.wire.otlp_logs import LOG_NAMES, encode_body, encode_severity
from otbridge.wire.protobuf import SMALL, varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.sites import Site
    from otbridge.telemetry.surroundings import Around

__all__ = ["Take", "fuse"]

_LONGEST_MESSAGE: Final = 128
"""Characters of a message that is remembered."""
_OWN_FIELDS: Final = 16
"""More fields than we ever add to an event ourselves."""

_NOT_PLAIN: Final = frozenset(
    {
        *("event", "level", "severity_number", "event_name", "event.name", "otel.event.name"),
        *("trace_id", "span_id", "trace_flags", "_record", "_from_structlog", "logger"),
        *("timestamp", "exc_info", "exception", "exception.type", "exception.message"),
        *("exception.stacktrace", "stack_info", "code.stacktrace", "code.file.path"),
        *("code.line.number", "code.function.name", CORRELATION_ID, DROPPED),
    }
)
"""Keys that a processor or the recorder looks at; their events go the long way."""

_SMALL: Final = len(SMALL)
_times: Final = Struct("<BQBQ").pack


class Grade:
    """A level, worked out."""

    __slots__ = ("encoded", "level", "number")

    def __init__(self, level: str, number: int) -> None:
        self.level = level
        self.number = number
        self.encoded = encode_severity(number, of_level(level).text)
        """As fields of a LogRecord."""


class Take(Protocol):
    """Delivers an event if it is a plain one."""

    def __call__(  # noqa: PLR0917 - called once per log line: keywords would cost time
        self,
        fields: Mapping[str, Any],
        message: Any,
        grade: Grade,
        scope: str,
        at_ns: int,
        observed_ns: int,
        around: Around,
        site: Site,
        /,
    ) -> bool:
        """Return whether the event was taken; if not, nothing has happened.

        Raises where message, keys or times are of a kind that it does not expect; nothing has
        happened then either.

        Args:
            fields: The event without its message, level and place.
            message: The message.
            grade: The level.
            scope: The logger's name.
            at_ns: Unix nanoseconds of the call.
            observed_ns: Unix nanoseconds of its arrival here.
            around: What the context adds.
            site: Where the call stands.
        """
        ...


def fuse(
    recorder: Recorder,
    redactor: Redactor | None,
    *,
    attribute_limit: int,
    value_limit: int,
    reserved: Iterable[str] = (),
) -> Take:
    """Make the function that takes plain events.

    Args:
        recorder: Whose envelopes are used, and whose door of delivery.
        redactor: Tells names and texts that are no secret; None where nothing is redacted.
        attribute_limit: Attributes from which on an event is not plain.
        value_limit: Characters of a text from which on it is not.
        reserved: More keys that processors look at: those of the baggage that is copied.
    """
    clean_name = redactor is None or not redactor.is_secret_name("event")
    reserved_keys = _NOT_PLAIN | frozenset(reserved)
    most = attribute_limit - _OWN_FIELDS - len(reserved_keys - _NOT_PLAIN)
    append_clean, harmless = clean(
        LOG_NAMES, redactor, value_limit=value_limit, reserved=reserved_keys
    )
    bodies: dict[str, bytes] = {}
    envelopes, envelope_of, put = recorder.envelopes, recorder.envelope, recorder.put

    def body_of(message: Any) -> bytes | None:
        if type(message) is not str or not clean_name or harmless(message) is None:
            return None
        encoded = encode_body(message)
        if len(message) <= _LONGEST_MESSAGE:
            if len(bodies) >= MOST_CACHED:
                bodies.clear()
            bodies[message] = encoded
        return encoded

    def take(  # noqa: PLR0917 - called once per log line: keywords would cost time
        fields: Mapping[str, Any],
        message: Any,
        grade: Grade,
        scope: str,
        at_ns: int,
        observed_ns: int,
        around: Around,
        site: Site,
        /,
    ) -> bool:
        if len(fields) > most:
            return False
        body = bodies.get(message) or body_of(message)
        if body is None:
            return False
        parts = [_times(9, at_ns, 0x59, observed_ns), grade.encoded, body]
        if not append_clean(parts, fields):
            return False
        parts += around.attributes, site.encoded, around.context
        record = b"".join(parts)
        size = len(record)
        put(
            envelopes.get(scope) or envelope_of(scope),
            b"\x12" + (SMALL[size] if size < _SMALL else varint(size)) + record,
            grade.number,
        )
        return True

    return take
