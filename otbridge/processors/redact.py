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

import re
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otbridge.typing import EventDict, Processor

__all__ = ["MARKER", "Redactor", "redact"]

MARKER: Final = "[redacted]"

_WINDOW: Final = 65_536
"""Characters of a value that the patterns see: as long as the longest stack trace."""
_TOKEN_CHARACTERS: Final = string.ascii_letters + string.digits + "-_.~+/=\n"
_DEEPEST: Final = 8
"""Levels of nesting that are searched; what lies deeper is replaced as a whole."""
_MOST_NAMES: Final = 4096
"""Cached decisions; names come from code, and a program with more is making them up."""
_LONGEST_REMEMBERED: Final = 128
_LONGEST_SIGIL: Final = 16
_SHORTEST: Final = 8
"""Characters; no credential is shorter than that."""

_PLAIN: Final = 0
_SECRET: Final = 1
_NEVER_SECRET: Final = 2
_OURS: Final = (
    *("level", "severity_number", "logger", "trace_id", "span_id", "trace_flags"),
    *("code.file.path", "code.line.number", "code.function.name"),
)
"""Names whose values we make ourselves."""

_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

_SECRET_WORDS: Final = frozenset(
    [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secrets",
        "token",
        "apikey",
        "authorization",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "bearer",
        "jwt",
        "cvv",
        "cvc",
        "csrf",
        "xsrf",
        "otp",
        "totp",
        "mfa",
        "pin",
        "ssn",
        "dsn",
    ]
)
_SECRET_PAIRS: Final = frozenset(
    {
        ("api", "key"), ("access", "key"), ("secret", "key"), ("private", "key"), ("signing", "key"),
        ("encryption", "key"), ("master", "key"), ("account", "key"), ("subscription", "key"),
        ("ssh", "key"), ("auth", "key"), ("pass", "word"), ("pass", "code"), ("connection", "string"),
        ("credit", "card"), ("card", "number"), ("session", "key"), ("refresh", "token"),
        ("set", "cookie"), ("client", "secret"), ("social", "security"), ("recovery", "code"),
    }
)  # fmt: skip
_HARMLESS_AFTER: Final = frozenset(
    [
        "count",
        "counts",
        "type",
        "types",
        "limit",
        "limits",
        "usage",
        "length",
        "size",
        "expiry",
        "expires",
        "ttl",
        "age",
        "status",
        "name",
        "enabled",
        "present",
        "id",
        "hint",
        "policy",
        "error",
        "errors",
    ]
)
"""A secret word followed by one of these names something about the secret: `token_count`."""

# Each sigil with its pattern. Repeats are bounded, and no two of them can match the same text in
# two ways, so a search is linear.
_PATTERNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("-----BEGIN", r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[^-]{0,8192}(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?", MARKER),
    ("eyJ", r"\beyJ[\w-]{8,4096}\.[\w-]{4,8192}(?:\.[\w-]{0,2048})?", MARKER),
    ("AKIA", r"\bAKIA[0-9A-Z]{16}\b", MARKER),
    ("ASIA", r"\bASIA[0-9A-Z]{16}\b", MARKER),
    ("AIza", r"\bAIza[\w-]{35}", MARKER),
    ("ya29.", r"\bya29\.[\w-]{20,2048}", MARKER),
    ("ghp_", r"\bghp_\w{20,255}", MARKER),
    ("gho_", r"\bgho_\w{20,255}", MARKER),
    ("ghu_", r"\bghu_\w{20,255}", MARKER),
    ("ghs_", r"\bghs_\w{20,255}", MARKER),
    ("ghr_", r"\bghr_\w{20,255}", MARKER),
    ("github_pat_", r"\bgithub_pat_\w{20,255}", MARKER),
    ("glpat-", r"\bglpat-[\w-]{16,64}", MARKER),
    ("npm_", r"\bnpm_[A-Za-z0-9]{30,64}", MARKER),
    ("pypi-", r"\bpypi-[\w-]{16,512}", MARKER),
    ("hf_", r"\bhf_[A-Za-z0-9]{24,64}", MARKER),
    ("sk-", r"\bsk-[A-Za-z0-9_-]{16,255}", MARKER),
    ("sk_", r"\bsk_(?:live|test)_\w{16,255}", MARKER),
    ("rk_", r"\brk_(?:live|test)_\w{16,255}", MARKER),
    ("whsec_", r"\bwhsec_\w{16,255}", MARKER),
    ("xox", r"\bxox[abeoprs]-[\w-]{10,255}", MARKER),
    ("SG.", r"\bSG\.[\w-]{16,64}\.[\w-]{16,128}", MARKER),
    ("AccountKey", r"\b(AccountKey=)[^;\s\"']{16,512}", r"\1" + MARKER),
    ("://", r"(://[^\s/:@?#]{0,255}:)[^\s/@]{1,512}(@)", r"\1" + MARKER + r"\2"),
    ("earer ", r"\b([Bb]earer )[\w.~+/=-]{8,8192}", r"\1" + MARKER),
    ("asic ", r"\b([Bb]asic )[A-Za-z0-9+/=]{8,4096}", r"\1" + MARKER),
)  # fmt: skip

_ASSIGNED: Final = re.compile(
    r"(?i)((?:\b|[_-])(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key"
    r"|client[_-]?secret|authorization|signature|sig)"
    r"[\"']?\s{0,2}[=:]\s{0,2})"
    r"(?!\[redacted\]|(?:bearer|basic) )(\"[^\"]{1,1024}\"|'[^']{1,1024}'|[^\s\"'&,;)}\]]{4,1024})"
)
"""`password=…`, `?token=…`, `"secret": "…"` in running text."""

_SIGILS_BY_CHARACTER: Final[tuple[tuple[str, tuple[str, ...]], ...]] = tuple(
    (character, tuple(sigil for sigil, _, _ in _PATTERNS if sigil in sigils))
    for character, sigils in (
        (" ", {"earer ", "asic "}),
        ("-", {"-----BEGIN", "glpat-", "pypi-", "sk-", "xox"}),
        ("_", {sigil for sigil, _, _ in _PATTERNS if sigil.endswith("_")}),
        (".", {"eyJ", "ya29.", "SG."}),
        (":", {"://"}),
        ("=", {"AccountKey"}),
        ("A", {"AKIA", "ASIA", "AIza"}),
    )
)
"""Sigils by a character that every match has. Substring search is the fastest thing that Python
has: looking so costs 0.5 µs a text, one regular expression of all sigils 3 µs."""

_ASSIGNED_WORDS: Final = (
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "key",
    "authorization",
    "sig",
)


def _first_sigil(value: str) -> int:
    """Return where the first sigil in *value* may begin, or -1."""
    found = [
        value.find(sigil)
        for character, sigils in _SIGILS_BY_CHARACTER
        if character in value
        for sigil in sigils
        if sigil in value
    ]
    if "=" in value or ":" in value:
        lowered = value.lower()
        found += [lowered.find(word) for word in _ASSIGNED_WORDS if word in lowered]
    return min(found, default=-1)


_COMPILED: Final = tuple((sigil, re.compile(pattern), new) for sigil, pattern, new in _PATTERNS)


class Redactor:
    """Decides by name and by value what is secret, and blanks it out.

    Args:
        names: More attribute names whose values are secret, compared without regard to case and
            punctuation.
    """

    __slots__ = ("_clean", "_extra", "_names")

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._extra = frozenset("".join(_words(name)) for name in names)
        self._names: dict[str, int] = dict.fromkeys(_OURS, _NEVER_SECRET)
        self._clean: set[str] = set()  # short texts seen to be clean: messages repeat

    def is_secret_name(self, name: str) -> bool:
        """Return whether the values of attribute *name* are secret."""
        known = self._names.get(name)
        if known is None:
            known = _SECRET if self._judge(name) else _PLAIN
            if len(self._names) < _MOST_NAMES:
                self._names[name] = known
        return known == _SECRET

    def _judge(self, name: str) -> bool:
        words = _words(name)
        if "".join(words) in self._extra:
            return True
        for position, word in enumerate(words):
            after = words[position + 1] if position + 1 < len(words) else ""
            if (word, after) in _SECRET_PAIRS:
                after = words[position + 2] if position + 2 < len(words) else ""
                if after not in _HARMLESS_AFTER:
                    return True
            elif word in _SECRET_WORDS and after not in _HARMLESS_AFTER:
                return True
        return False

    def text(self, value: str) -> str:
        """Return *value* with the credentials in it blanked out; the same object where none is."""
        if len(value) < _SHORTEST or value in self._clean:
            return value
        if len(value) > _WINDOW:
            return self._long(value)
        if _first_sigil(value) >= 0:
            found = _blanked(value)
            if found != value:
                return found
        if len(value) <= _LONGEST_REMEMBERED:
            if len(self._clean) >= _MOST_NAMES:
                self._clean.clear()
            self._clean.add(value)
        return value

    def _long(self, value: str) -> str:
        """Blank out the window of a long text, and cut the rest off where a sigil begins in it."""
        head, rest = value[:_WINDOW], value[_WINDOW:]
        clean = _blanked(head)
        if clean.endswith(MARKER):  # the credential itself may go on beyond the border
            border, rest = "", rest.lstrip(_TOKEN_CHARACTERS)
        else:  # a sigil may lie across it
            border = clean[-_LONGEST_SIGIL:]
        at = _first_sigil(border + rest)
        if at >= 0:
            return f"{clean[: len(clean) - len(border)]}{(border + rest)[:at]}{MARKER}"
        return value if clean == head else clean + rest

    def value(self, name: str, value: Any, depth: int = 0) -> Any:
        """Return *value* of attribute *name* without secrets; the same object where none is."""
        if self.is_secret_name(name):
            return value if value is None or isinstance(value, bool) else MARKER
        return self._inside(value, depth)

    def _inside(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is int or kind is float or kind is bool or value is None:
            return value
        if isinstance(value, str):
            return self.text(str.__str__(value))
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, Mapping):
            return MARKER if depth >= _DEEPEST else self._mapping(value, depth)
        if isinstance(value, (list, tuple, set, frozenset)):
            if depth >= _DEEPEST:
                return MARKER
            items = [self._inside(item, depth + 1) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else items
        return self._object(value, depth)

    def _bytes(self, value: bytes) -> Any:
        text = value[:_WINDOW].decode("latin-1")
        return value if self.text(text) is text else MARKER

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        changed: dict[Any, Any] | None = None
        for key, item in value.items():
            new = self.value(key if type(key) is str else str(key), item, depth + 1)
            if new is not item:
                changed = dict(value) if changed is None else changed
                changed[key] = new
        return value if changed is None else changed

    def _object(self, value: Any, depth: int) -> Any:
        """Look into models and dataclasses, which the encoder would write out field by field."""
        fields = getattr(type(value), "__dataclass_fields__", None)
        names = fields or getattr(type(value), "model_fields", None)
        if not isinstance(names, Mapping):
            return value
        if depth >= _DEEPEST:
            return MARKER
        inside = {name: getattr(value, name, None) for name in names}
        found = self._mapping(inside, depth)
        return value if found is inside else found

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
                    if len(old) < _SHORTEST or old in clean:
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


def _blanked(value: str) -> str:
    for sigil, pattern, new in _COMPILED:
        if sigil in value:
            value = pattern.sub(new, value)
    return _ASSIGNED.sub(rf"\1{MARKER}", value)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


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
