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
from otbridge.processors.redact import MARKER
from otbridge.processors.secret_values import is_suspicious
from otbridge.processors.severity import of_level
from otbridge.semconv import CORRELATION_ID
from otbridge.telemetry import nesting
from otbridge.wire.otlp_logs import LOG_NAMES, encode_body, encode_severity
from otbridge.wire.protobuf import CONTINUED, SMALL, varint
from otbridge.wire.values import any_value, utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from otbridge.processors.redact import Redactor
    from otbridge.telemetry.record import Recorder
    from otbridge.telemetry.sites import Site
    from otbridge.telemetry.surroundings import Around
    from otbridge.wire.attributes import Name

__all__ = ["Take", "fuse"]

_MOST_CACHED: Final = 4096
_LONGEST_CACHED: Final = 128
"""Characters of a text that is remembered: names, routes and states come again, prose does not."""
_SHORTEST_SECRET: Final = 8
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
_MEDIUM: Final = _SMALL << 7
_INT64_MIN: Final = -(1 << 63)
_INT64_MAX: Final = (1 << 63) - 1
_double: Final = Struct("<d").pack
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
        body: Any,
        grade: Grade,
        scope: str,
        at_ns: int,
        observed_ns: int,
        around: Around,
        site: Site,
        /,
    ) -> bool:
        """Return whether the event was taken; if not, nothing has happened.

        Args:
            fields: The event without its message, level and place.
            body: The message.
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
    not_plain = _NOT_PLAIN | frozenset(reserved)
    most = attribute_limit - _OWN_FIELDS - len(not_plain - _NOT_PLAIN)
    known: dict[str, Name] = {}
    texts: dict[str, bytes] = {}
    bodies: dict[str, bytes] = {}
    envelopes, envelope_of, put = recorder.envelopes, recorder.envelope, recorder.put
    message_is_secret = redactor is not None and redactor.is_secret_name("event")

    def learn(key: Any) -> Name | None:
        if type(key) is not str or key in not_plain:
            return None
        if redactor is not None and redactor.is_secret_name(key):
            return None
        if len(known) >= _MOST_CACHED:
            known.clear()
        name = known[key] = LOG_NAMES.learn(key)
        return name

    def harmless(text: str) -> bytes | None:
        """Return *text* in UTF-8 unless there may be a secret in it, or too much of it."""
        size = len(text)
        if size > value_limit:
            return None
        if (
            redactor is not None
            and size >= _SHORTEST_SECRET
            and (size > _LONGEST_CACHED or is_suspicious(text))
            and redactor.text(text) is not text
        ):
            return None
        encoded = utf8(text)
        if size <= _LONGEST_CACHED:
            if len(texts) >= _MOST_CACHED:
                texts.clear()
            texts[text] = encoded
        return encoded

    def body_of(body: Any) -> bytes | None:
        if type(body) is not str or message_is_secret or harmless(body) is None:
            return None
        encoded = encode_body(body)
        if len(body) <= _LONGEST_CACHED:
            if len(bodies) >= _MOST_CACHED:
                bodies.clear()
            bodies[body] = encoded
        return encoded

    def encode_odd(parts: list[bytes], odd: list[tuple[int, Name, str, Any]]) -> bool:
        """Put values of other types into their places, unless they are inside themselves."""
        if not nesting.enter():
            return False
        try:
            for place, name, key, value in odd:
                clean = value
                if redactor is not None:
                    try:
                        clean = redactor.value(key, value)
                    except Exception:  # noqa: BLE001 - a property of the user's raised: unseen is secret
                        clean = MARKER
                parts[place] = name.pair(any_value(clean))
        finally:
            nesting.leave()
        return True

    def take(  # noqa: PLR0917 - as above
        fields: Mapping[str, Any],
        body: Any,
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
        try:
            encoded = bodies.get(body) or body_of(body)
        except TypeError:  # a message that is not hashable
            return False
        if encoded is None:
            return False
        parts = [_times(9, at_ns, 0x59, observed_ns), grade.encoded, encoded]
        append = parts.append
        odd: list[tuple[int, Name, str, Any]] | None = None
        for key, value in fields.items():
            try:
                name = known[key]
            except KeyError:
                found = learn(key)
                if found is None:
                    return False
                name = found
            kind = type(value)
            if kind is str:
                encoded = texts.get(value) or harmless(value)
                if encoded is None:
                    return False
                size = len(encoded)
                append(name.texts.get(size) or name.before_text(size))
                append(encoded)
            elif kind is int:
                if 0 <= value < _SMALL:
                    encoded = SMALL[value]
                elif 0 < value < _MEDIUM:
                    encoded = CONTINUED[value & 0x7F] + SMALL[value >> 7]
                elif _INT64_MIN <= value <= _INT64_MAX:
                    encoded = varint(value)
                else:
                    append(name.pair(any_value(value)))
                    continue
                append(name.integers[len(encoded)])
                append(encoded)
            elif kind is float:
                append(name.double)
                append(_double(value))
            elif value is True:
                append(name.true)
            elif value is False:
                append(name.false)
            elif value is None:
                append(name.none)
            else:  # its own code may run, so only when nothing is in the way any more
                odd = odd or []
                odd.append((len(parts), name, key, value))
                append(b"")
        if odd is not None and not encode_odd(parts, odd):
            return False
        append(around.attributes)
        append(site.encoded)
        append(around.context)
        record = b"".join(parts)
        size = len(record)
        put(
            envelopes.get(scope) or envelope_of(scope),
            b"\x12" + (SMALL[size] if size < _SMALL else varint(size)) + record,
            grade.number,
        )
        return True

    return take
