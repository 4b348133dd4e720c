"""The short way of a log event: from a call's arguments to OTLP bytes, by looking things up.

Most events are plain: a message, texts, numbers and flags under names that are nobody's secret. For
them every processor's answer is known before they come, so it is looked up instead of worked out:
place, severity and message by the instruction that logs, ids and correlation by the context object,
name and redaction of an attribute by its key, a text's harmlessness by the text.

Any other event (an exception, a secret, a text over the limit, a field that is a field of ours) is
turned away here untouched and takes the long way, through the processors one by one. Which way an
event takes can be seen by its cost, and by the order of its attributes, only:
tests/telemetry/test_fused.py holds the two to the same content.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from otbridge.processors.limits import DROPPED
from otbridge.processors.severity import of_level
from otbridge.semconv import CORRELATION_ID
from otbridge.telemetry.clean import MOST_CACHED, clean
from otbridge.wire.otlp_logs import LOG_NAMES, encode_severity
from otbridge.wire.protobuf import SMALL, field, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.sites import Site
    from otbridge.telemetry.surroundings import Around

__all__ = ["Fused", "Grade", "Said", "Take", "fuse"]

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

_FRAMES: Final = tuple(b"\x12" + size for size in SMALL)
"""What stands before a record in its ScopeLogs, by the record's length."""
_SMALL: Final = len(SMALL)
_TIME: Final = b"\x09"
_OBSERVED: Final = b"\x59"
_fixed64: Final = Struct("<Q").pack


class Grade:
    """A level, worked out."""

    __slots__ = ("encoded", "level", "number")

    def __init__(self, level: str, number: int) -> None:
        self.level = level
        self.number = number
        self.encoded = encode_severity(number, of_level(level).text)
        """As fields of a LogRecord."""


class Said:
    """A message at a level from one place: what all records of it have in common."""

    __slots__ = ("encoded", "level", "number", "shown")

    def __init__(self, grade: Grade, body: bytes, site: Site) -> None:
        self.level = grade.level
        self.number = grade.number
        self.encoded = grade.encoded + field(b"\x2a", field(b"\x0a", body)) + site.encoded + _TIME
        """As fields of a LogRecord: severity, body, attributes of the place, the time's tag."""
        self.shown: tuple[str, str] | None = None
        """As a console shows it, once it has."""


class Take(Protocol):
    """Delivers an event if it is a plain one."""

    def __call__(  # noqa: PLR0917 - called once per log line: keywords would cost time
        self,
        fields: Mapping[str, Any],
        said: Said,
        scope: str,
        at_ns: int,
        observed_ns: int,
        around: Around,
        /,
    ) -> bool:
        """Return whether the event was taken; if not, nothing has happened.

        Raises where keys or times are of a kind that it does not expect; nothing has happened
        then either.

        Args:
            fields: The event without its message, level and place.
            said: These three.
            scope: The logger's name.
            at_ns: Unix nanoseconds of the call.
            observed_ns: Unix nanoseconds of its arrival here.
            around: What the context adds.
        """
        ...


class Fused(NamedTuple):
    """Two functions, the one for what the other takes."""

    say: Callable[[Site, Grade, Any], Said | None]
    """Return what a message at a level from a place has in common; None where it is not plain."""
    take: Take


def fuse(
    recorder: Recorder,
    redactor: Redactor | None,
    *,
    attribute_limit: int,
    value_limit: int,
    reserved: Iterable[str] = (),
) -> Fused:
    """Make the functions that take plain events.

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
    tables: list[dict[str, Said]] = []  # those of the sites, once for each message in them
    envelopes, envelope_of, put = recorder.envelopes, recorder.envelope, recorder.put

    def say(site: Site, grade: Grade, message: Any) -> Said | None:
        if type(message) is not str or not clean_name:
            return None
        body = harmless(message)
        if body is None:
            return None
        said = Said(grade, body, site)
        if len(message) <= _LONGEST_MESSAGE:
            remember(site.said, site.room, message, said)
        return said

    def remember(known: dict[str, Said], room: int, message: str, said: Said) -> None:
        if message not in known:
            if len(known) >= room:
                return
            if len(tables) >= MOST_CACHED:
                for table in tables:
                    table.clear()
                tables.clear()
            tables.append(known)
        known[message] = said

    def take(  # noqa: PLR0917 - called once per log line: keywords would cost time
        fields: Mapping[str, Any],
        said: Said,
        scope: str,
        at_ns: int,
        observed_ns: int,
        around: Around,
        /,
    ) -> bool:
        if len(fields) > most:
            return False
        at = _fixed64(at_ns)
        observed = at if observed_ns == at_ns else _fixed64(observed_ns)
        parts = [said.encoded, at, _OBSERVED, observed]
        if not append_clean(parts, fields):
            return False
        parts.append(around.encoded)
        record = b"".join(parts)
        size = len(record)
        put(
            envelopes.get(scope) or envelope_of(scope),
            (_FRAMES[size] if size < _SMALL else b"\x12" + varint(size)) + record,
            said.number,
        )
        return True

    return Fused(say, take)
