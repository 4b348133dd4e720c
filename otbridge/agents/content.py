"""What of prompts, answers, arguments and results is kept, and how it is written.

Nothing, unless somebody asks for it (GenAI conventions): content may be private, and is large.
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["PART_LIMIT", "is_captured", "message_list", "parts", "to_json"]

CAPTURE_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""`SPAN_ONLY` or `SPAN_AND_EVENT` (formerly `true`) bring content onto spans."""

PART_LIMIT: Final = 8192
"""Characters of text in one part of a message, one tool's arguments, or one result."""

_MESSAGES_LIMIT: Final = 128 * 1024
"""Characters of one attribute: backends refuse whole requests for one fat span."""

_DEEPEST: Final = 16
_YES: Final = frozenset({"true", "1", "span_only", "span_and_event"})


def is_captured(*asked: bool | None) -> bool:
    """Return whether content is kept: by the first of *asked* with an opinion, else the environment."""
    for opinion in asked:
        if opinion is not None:
            return opinion
    return os.environ.get(CAPTURE_VARIABLE, "").strip().lower() in _YES


def to_json(value: Any, limit: int = PART_LIMIT) -> str:
    """Return *value* as JSON text of about *limit* characters at most; total, never raises.

    Longer texts inside are cut and longer lists shortened, each with a word about how much is
    missing, so that the result is valid JSON whatever was cut.
    """
    return _dumped(_Plain(limit).of(value, 0))


def message_list(messages: Any, role: str) -> str:
    """Return *messages* as the JSON of the GenAI conventions' message schema.

    Args:
        messages: A text, one message, or a list of them. A message is a text, a mapping with
            `role` and `parts` or `content` (also OpenAI's and Anthropic's form), or a model or
            dataclass of such shape.
        role: Whose they are where they do not say.
    """
    single = isinstance(messages, str) or _is_message(messages)
    converted = [_message(message, role) for message in ([messages] if single else _each(messages))]
    texts = [_dumped(message) for message in converted]
    size, first = sum(map(len, texts)), 0
    # The newest are what a reader wants; the older ones are on the spans of earlier calls.
    while size > _MESSAGES_LIMIT and first < len(texts) - 1:
        size -= len(texts[first])
        first += 1
    if first:
        note = {"type": "text", "content": f"[{first} earlier messages left out]"}
        texts[:first] = [_dumped({"role": "system", "parts": [note]})]
    return f"[{','.join(texts)}]"


def parts(content: Any) -> str:
    """Return *content* (a text, or a list of texts and parts) as JSON of message parts."""
    return _dumped(_parts(content))


def _is_message(value: Any) -> bool:
    return not isinstance(value, list | tuple) and (
        isinstance(value, dict) or hasattr(value, "role") or hasattr(value, "model_dump")
    )


def _each(values: Any) -> Iterable[Any]:
    return values if isinstance(values, list | tuple) else [values]


def _message(message: Any, role: str) -> dict[str, Any]:
    if not isinstance(message, str | dict):
        message = _fields_of(message)
    if not isinstance(message, dict):
        return {"role": role, "parts": _parts(message)}
    found = _parts(message.get("parts") or message.get("content") or ())
    calls = message.get("tool_calls")
    found += [_tool_call(call) for call in (calls if isinstance(calls, list | tuple) else ())]
    call_id = message.get("tool_call_id")
    if isinstance(call_id, str):
        response = found[0].get("content") if len(found) == 1 else found
        found = [{"type": "tool_call_response", "id": call_id, "response": response}]
    plain: dict[str, Any] = {"role": str(message.get("role") or role), "parts": found}
    if isinstance(message.get("name"), str):
        plain["name"] = message["name"][:256]
    return plain


def _tool_call(call: Any) -> dict[str, Any]:
    call = call if isinstance(call, dict) else _fields_of(call)
    call = call if isinstance(call, dict) else {}
    function = call.get("function", call)
    function = function if isinstance(function, dict) else {}
    plain: dict[str, Any] = _Plain(PART_LIMIT).of(
        {
            "type": "tool_call",
            "id": call.get("id"),
            "name": function.get("name"),
            "arguments": function.get("arguments"),
        },
        0,
    )
    return plain


def _parts(content: Any) -> list[dict[str, Any]]:
    return [_part(item) for item in _each(content)]


def _part(item: Any) -> dict[str, Any]:
    plain = _Plain(PART_LIMIT).of(item, 0)
    if isinstance(plain, dict):
        if "content" not in plain and isinstance(plain.get("text"), str):
            return {"type": "text", "content": plain["text"]}
        return {"type": str(plain.get("type", "text")), **plain}
    return {"type": "text", "content": plain if isinstance(plain, str) else _dumped(plain)}


def _fields_of(value: Any) -> Any:
    """Return the members of a model or dataclass, or *value* itself; never raises."""
    try:
        if hasattr(value, "model_dump") and not isinstance(value, type):
            return value.model_dump()
        if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
            return {name: getattr(value, name) for name in value.__dataclass_fields__}
    except Exception:  # noqa: BLE001 - the caller's object failed; its text below has to do
        return str(type(value))
    return value


class _Plain:
    """Turns any value into what JSON can hold, within a budget of characters."""

    def __init__(self, budget: int) -> None:
        self._left = budget

    def of(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            # Python refuses to print integers of many thousand digits, and nobody reads them.
            return (
                int(value)
                if value.bit_length() <= 256
                else f"[integer of {value.bit_length()} bits]"
            )
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else str(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return f"[{len(value)} bytes]"
        if depth >= _DEEPEST:
            return "[nested deeper]"
        value = _fields_of(value)
        if isinstance(value, dict):
            return dict(self._members(value, depth))
        if isinstance(value, list | tuple | set | frozenset):
            return list(self._items(value, depth))
        try:
            return self._text(value if isinstance(value, str) else str(value))
        except Exception:  # noqa: BLE001 - a __str__ of the caller's that fails
            return f"[{type(value).__name__}]"

    def _members(self, value: dict[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
        for count, (key, member) in enumerate(list(value.items())):
            if self._left <= 0:
                yield "…", f"[{len(value) - count} more]"
                return
            name = str(key) if isinstance(key, str | int | float | None) else type(key).__name__
            yield self._text(name), self.of(member, depth + 1)

    def _items(self, value: Any, depth: int) -> Iterator[Any]:
        for count, item in enumerate(list(value)):
            if self._left <= 0:
                yield f"[{len(value) - count} more]"
                return
            self._left -= 1
            yield self.of(item, depth + 1)

    def _text(self, value: str) -> str:
        left, self._left = max(0, self._left), self._left - len(value)
        if len(value) <= left:
            return str.__str__(value)  # of an enumeration's member its value, not its name
        return f"{value[:left]}… [{len(value) - left} more characters]"


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair, cut out of some text: no OTLP exporter can encode it.
        text = text.encode("utf-8", "replace").decode()
    return text
