"""Blank out secrets before an event is printed, queued or written.

Two ways to recognise one, both without looking at a whole record with a whole list of patterns:

- *By name*: the attribute's name is split into words once (`x-api-key`, `apiKey` and `API_KEY` are
  the same), and the decision is kept. `max_tokens` and `session.id` are no secrets, `api_token` is.
- *By value*: credentials that carry a sigil of their issuer (`ghp_…`, `AKIA…`, `eyJ….eyJ….`),
  private keys in PEM, `user:password@` and `?token=` in URLs, `Bearer …`, `password=…` in text.
  One quick look for any sigil comes first; the patterns behind it are linear, each with a
  bounded repeat, and see the first 64 KiB only. A longer text is cut off at the first sigil
  beyond that window rather than let through unseen.

The marker never repeats anything of the value. Nothing of the caller's is changed: containers are
copied when something inside them has to go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from otbridge.processors.secret_names import is_secret_name, words_of
from otbridge.processors.secret_values import MARKER, SHORTEST, blank_out

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from otbridge.typing import EventDict, Processor

__all__ = ["MARKER", "Redactor", "redact"]

_LONGEST_BYTES: Final = 8192
"""Bytes of a binary value that are searched."""
_DEEPEST: Final = 8
"""Levels of nesting that are searched; what lies deeper is replaced as a whole."""
_MOST_NAMES: Final = 4096
"""Cached decisions; names come from code, and a program with more is making them up."""
_LONGEST_REMEMBERED: Final = 128
_MOST_INSIDE: Final = 4096
"""Values inside one value that are searched, which is how many are delivered."""
_MOST_CHARACTERS: Final = 1 << 20
"""Characters in all texts inside one value that are searched; as many are delivered."""
_NO_ITEMS: Final = (bytearray, memoryview, range)
"""Sequences of plain numbers."""

_PLAIN: Final = 0
_SECRET: Final = 1
_NEVER_SECRET: Final = 2
_OURS: Final = (
    *("level", "severity_number", "logger", "trace_id", "span_id", "trace_flags"),
    *("code.file.path", "code.line.number", "code.function.name"),
)
"""Names whose values we make ourselves."""


class Redactor:
    """Decides by name and by value what is secret, and blanks it out.

    Args:
        names: More attribute names whose values are secret, compared without regard to case and
            punctuation.
    """

    __slots__ = ("_clean", "_extra", "_names")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._extra = frozenset("".join(words_of(name)) for name in names)
        self._names: dict[str, int] = dict.fromkeys(_OURS, _NEVER_SECRET)
        self._clean: set[str] = set()  # short texts seen to be clean: messages repeat

    def is_secret_name(self, name: str) -> bool:
        """Return whether the values of attribute *name* are secret."""
        known = self._names.get(name)
        if known is None:
            known = _SECRET if self._is_secret(words_of(name)) else _PLAIN
            if len(self._names) < _MOST_NAMES:
                self._names[name] = known
        return known == _SECRET

    def _is_secret(self, words: list[str]) -> bool:
        return "".join(words) in self._extra or is_secret_name(words)

    def text(self, value: str) -> str:
        """Return *value* with the credentials in it blanked out; the same object where none is."""
        if len(value) < SHORTEST or value in self._clean:
            return value
        found = blank_out(value)
        if found is value and len(value) <= _LONGEST_REMEMBERED:
            if len(self._clean) >= _MOST_NAMES:
                self._clean.clear()
            self._clean.add(value)
        return found

    def value(self, name: str, value: Any) -> Any:
        """Return *value* of attribute *name* without secrets; the same object where none is."""
        if self.is_secret_name(name):
            return value if value is None or isinstance(value, bool) else MARKER
        if type(value) is str:  # its length has a limit elsewhere, and a setting
            return self.text(value)
        return _Search(self).inside(value, 0)

    def attributes(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return *found* without secrets; the same object where none is in it."""
        changed: dict[str, Any] | None = None
        names, clean = self._names, self._clean
        for name, old in found.items():
            # Nearly every value ends here, at a third of the price of the calls below.
            known = names.get(name)
            if known is _PLAIN:
                kind = type(old)
                if kind is str:
                    if len(old) < SHORTEST or old in clean:
                        continue
                elif kind is int or kind is float or kind is bool or old is None:
                    continue
            elif known is _NEVER_SECRET:
                continue
            try:
                new = self.value(name, old)
            except Exception:  # noqa: BLE001 - a property of the user's raised: unseen is secret
                new = MARKER
            if new is not old:
                changed = dict(found) if changed is None else changed
                changed[name] = new
        return found if changed is None else changed


class _Search:
    """One value's search: how much of it is still looked at. What is not looked at is left out."""

    __slots__ = ("_left", "_redactor", "_room")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._left = _MOST_INSIDE
        self._room = _MOST_CHARACTERS

    def inside(self, value: Any, depth: int) -> Any:
        """Return *value* without secrets; the same object where none is."""
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is int or kind is float or kind is bool or value is None:
            return value
        if isinstance(value, str):
            return self._text(str.__str__(value))
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, Mapping):
            return MARKER if depth >= _DEEPEST else self._mapping(value, depth)
        if isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, _NO_ITEMS):
            return MARKER if depth >= _DEEPEST else self._items(value, depth)
        return self._object(value, depth)

    def _text(self, value: str) -> str:
        size, room = len(value), self._room
        self._room = max(0, room - size)
        if size > room:
            value = f"{value[:room]}… (cut: {size} characters)"
        return self._redactor.text(value)

    def _bytes(self, value: bytes) -> Any:
        text = value[:_LONGEST_BYTES].decode("latin-1")
        return value if self._redactor.text(text) is text else MARKER

    def _items(self, value: Collection[Any], depth: int) -> Any:
        found: list[Any] = []
        same = True
        for old in value:
            if self._left <= 0:
                return [*found, _left_out(value, found)]
            self._left -= 1
            new = self.inside(old, depth + 1)
            same = same and new is old
            found.append(new)
        return value if same else found

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        found: dict[Any, Any] = {}
        same = True
        for key, old in value.items():
            if self._left <= 0:
                return {**found, "...": _left_out(value, found)}
            self._left -= 1
            new = self._named(key if type(key) is str else str(key), old, depth)
            same = same and new is old
            found[key] = new
        return value if same else found

    def _named(self, name: str, item: Any, depth: int) -> Any:
        if self._redactor.is_secret_name(name):
            return item if item is None or isinstance(item, bool) else MARKER
        return self.inside(item, depth + 1)

    def _object(self, value: Any, depth: int) -> Any:
        """Look into models and dataclasses, which the encoder would write out field by field."""
        names = _fields_of(type(value))
        if not names:
            return value
        if depth >= _DEEPEST:
            return MARKER
        inside = {name: getattr(value, name, None) for name in names}
        found = self._mapping(inside, depth)
        return value if found is inside else found


def _fields_of(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass's, pydantic's, msgspec's or attrs' fields; none of others."""
    for where in ("__dataclass_fields__", "__pydantic_fields__", "__struct_fields__"):
        names = getattr(kind, where, None)
        if isinstance(names, (Mapping, tuple)):
            return tuple(names)
    attributes = getattr(kind, "__attrs_attrs__", None)
    return tuple(each.name for each in attributes) if isinstance(attributes, tuple) else ()


def _left_out(value: Collection[Any], seen: Collection[Any]) -> str:
    return f"<{len(value) - len(seen)} more left out>"


def redact(names: Iterable[str] = ()) -> Processor:
    """Make a processor that blanks out secrets in every field, the message and stack trace too.

    Args:
        names: More attribute names whose values are secret.
    """
    clean: Callable[[Mapping[str, Any]], Mapping[str, Any]] = Redactor(names).attributes

    def blank_out(logger: Any, method_name: str, event_dict: EventDict) -> EventDict:  # noqa: ARG001
        found = clean(event_dict)
        if found is not event_dict:
            event_dict.update(found)
        return event_dict

    return blank_out
