"""What was said to and by a model or a tool, from any convention, as GenAI messages.

A message is `{"role", "parts": [...]}`; a part is `{"type": "text", "content"}`,
`{"type": "tool_call", "id", "name", "arguments"}`, `{"type": "tool_call_response", "id",
"response"}`, or whatever else the sender wrote, unchanged. A tool's call and result are such
messages too, so that one view shows both.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.analysis.json_text import decode_json, is_too_deep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.hub.analysis.conventions import Kind

__all__ = ["Messages", "read_messages"]

Message = dict[str, Any]

_INPUTS: Final = (
    "gen_ai.input.messages",
    "ai.prompt.messages",
    "gen_ai.prompt",
    "langfuse.observation.input",
    "mlflow.spanInputs",
    "gcp.vertex.agent.llm_request",
    "ai.prompt",
    "traceloop.entity.input",
    "input.value",
    "pydantic_ai.all_messages",
)
_OUTPUTS: Final = (
    "gen_ai.output.messages",
    "gen_ai.completion",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "gcp.vertex.agent.llm_response",
    "traceloop.entity.output",
    "output.value",
    "final_result",
)
_ARGUMENTS: Final = (
    "gen_ai.tool.call.arguments",
    "ai.toolCall.args",
    "gcp.vertex.agent.tool_call_args",
    "mcp.request.argument",
    "langfuse.observation.input",
    "mlflow.spanInputs",
    "traceloop.entity.input",
    "input.value",
)
_RESULTS: Final = (
    "gen_ai.tool.call.result",
    "ai.toolCall.result",
    "gcp.vertex.agent.tool_response",
    "mcp.response.value",
    "langfuse.observation.output",
    "mlflow.spanOutputs",
    "traceloop.entity.output",
    "output.value",
)
# Attributes that hold one message's member each: `PREFIX.INDEX.MEMBER`.
_FLAT_INPUTS: Final = ("llm.input_messages", "gen_ai.prompt")
_FLAT_OUTPUTS: Final = ("llm.output_messages", "gen_ai.completion")

_INDEXED = re.compile(r"(\d{1,6})\.(.+)")


@dataclass(frozen=True, slots=True)
class Messages:
    """Both sides of a call, in order."""

    input: list[Message] = field(default_factory=list)
    output: list[Message] = field(default_factory=list)
    system: list[dict[str, Any]] = field(default_factory=list)
    """Parts of the system instructions, where they were kept apart from the input."""
    lossy: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the `messages` shape of the hub's API."""
        return {"system": self.system, "input": self.input, "output": self.output}


def read_messages(
    kind: Kind, tool: str | None, call_id: str | None, attributes: Mapping[str, Any]
) -> Messages | None:
    """Return what *attributes* recorded of the conversation, or None where they recorded nothing.

    Args:
        kind: What the span is; tools' arguments and results are read for tools and handoffs.
        tool: The tool's name.
        call_id: The tool call's id, as the model gave it.
        attributes: The span's attributes.
    """
    if kind in {"tool", "handoff"}:
        return _tool_messages(tool, call_id, attributes)
    lossy: list[str] = []
    heard = _flat(attributes, _FLAT_INPUTS) or _read(attributes, _INPUTS, "user", lossy)
    said = _flat(attributes, _FLAT_OUTPUTS) or _read(attributes, _OUTPUTS, "assistant", lossy)
    said = said or _vercel_output(attributes)
    system = _parts(_decoded(attributes.get("gen_ai.system_instructions")))
    if not (heard or said or system or lossy):
        return None
    return Messages(heard, said, system, tuple(lossy))


def _tool_messages(
    tool: str | None, call_id: str | None, attributes: Mapping[str, Any]
) -> Messages | None:
    arguments = _first(attributes, _ARGUMENTS)
    result = _first(attributes, _RESULTS)
    if arguments is None and result is None:
        return None
    call = {"type": "tool_call", "id": call_id, "name": tool, "arguments": _decoded(arguments)}
    answer = {"type": "tool_call_response", "id": call_id, "response": _decoded(result)}
    return Messages(
        [{"role": "assistant", "parts": [call]}] if arguments is not None else [],
        [{"role": "tool", "parts": [answer]}] if result is not None else [],
    )


def _read(
    attributes: Mapping[str, Any], keys: tuple[str, ...], role: str, lossy: list[str]
) -> list[Message]:
    for key in keys:
        value = attributes.get(key)
        if value is None:
            continue
        decoded = _decoded(value)
        if isinstance(decoded, str) and decoded.lstrip().startswith(("[{", '{"')):
            # It set out to be JSON and is not: cut by somebody's length limit, most often.
            lossy.append(f"{key} is not valid JSON, shown as text")
        messages = _messages(decoded, role)
        if messages:
            return messages
    return []


def _messages(value: Any, role: str) -> list[Message]:
    """Return *value*, decoded JSON of any dialect, as messages; *role* where none is named."""
    if isinstance(value, dict):
        inner = value.get("messages") or value.get("contents") or value.get("choices")
        if isinstance(inner, list):
            system = value.get("system")
            first = [_message({"role": "system", "content": system}, role)] if system else []
            return [*first, *_messages(inner, role)]
        if isinstance(value.get("message"), dict):
            return [_message(value["message"], role)]
        if isinstance(value.get("prompt"), str):
            return [_message({"role": role, "content": value["prompt"]}, role)]
        if {"role", "content", "parts", "tool_calls"} & value.keys():
            return [_message(value, role)]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        if any({"role", "content", "parts", "message"} & item.keys() for item in value):
            return [found for item in value for found in _messages(item, role)]
        return [{"role": role, "parts": _parts(value)}]
    if value is None or value in ("", [], {}):
        return []
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=repr)
    return [{"role": role, "parts": [{"type": "text", "content": text}]}]


def _message(value: dict[str, Any], role: str) -> Message:
    parts = _parts(value.get("parts")) or _parts(value.get("content") or value.get("contents"))
    calls = value.get("tool_calls")
    if isinstance(calls, list):
        parts += [_tool_call(call) for call in calls if isinstance(call, dict)]
    said_by = value.get("role")
    message: Message = {"role": said_by if isinstance(said_by, str) else role, "parts": parts}
    call_id = value.get("tool_call_id")
    if isinstance(call_id, str) and len(parts) == 1 and parts[0].get("type") == "text":
        answer = {"type": "tool_call_response", "id": call_id, "response": parts[0]["content"]}
        message["parts"] = [answer]
    if isinstance(value.get("name"), str):
        message["name"] = value["name"]
    return message


def _parts(value: Any) -> list[dict[str, Any]]:
    """Return the parts of one message's content: a text, or a list of texts and parts."""
    if isinstance(value, str):
        return [{"type": "text", "content": value}] if value else []
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return []
    parts: list[dict[str, Any]] = []
    for item in value:
        if isinstance(item, str):
            parts.append({"type": "text", "content": item})
        elif isinstance(item, dict):
            parts.append(_part(item))
    return parts


def _part(part: dict[str, Any]) -> dict[str, Any]:
    """Return one part in the GenAI conventions' words; what is none of ours stays as it is."""
    part = _inner(part, "message_content")  # OpenInference wraps each part
    kind = part.get("type")
    if isinstance(part.get("text"), str) and kind in {None, "text", "input_text", "output_text"}:
        return {"type": "text", "content": part["text"]}
    if kind in {"tool-call", "tool_use"}:  # AI SDK; Anthropic
        return {
            "type": "tool_call",
            "id": part.get("toolCallId") or part.get("id"),
            "name": part.get("toolName") or part.get("name"),
            "arguments": _decoded(part.get("input", part.get("args"))),
        }
    if kind in {"tool-result", "tool_result"}:
        answer = part.get("output", part.get("result", part.get("content")))
        return {
            "type": "tool_call_response",
            "id": part.get("toolCallId") or part.get("tool_use_id"),
            "response": answer,
        }
    if kind == "tool_call_response" and "response" not in part and "result" in part:
        # pydantic-ai's word for it
        return {
            "type": kind,
            "id": part.get("id"),
            "name": part.get("name"),
            "response": part["result"],
        }
    if isinstance(part.get("function_call"), dict) and kind is None:  # Google
        call = part["function_call"]
        return {
            "type": "tool_call",
            "id": call.get("id"),
            "name": call.get("name"),
            "arguments": call.get("args"),
        }
    return part


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAI tool call, nested (`function.name`) or plain, as a part."""
    call = _inner(call, "tool_call")
    function = call.get("function")
    inner = function if isinstance(function, dict) else call
    return {
        "type": "tool_call",
        "id": call.get("id"),
        "name": inner.get("name"),
        "arguments": _decoded(inner.get("arguments")),
    }


def _flat(attributes: Mapping[str, Any], prefixes: tuple[str, ...]) -> list[Message]:
    """Put messages together again that were spread over one attribute per member."""
    for prefix in prefixes:
        tree = _tree(attributes, f"{prefix}.")
        if tree:
            return [_message(_inner(item, "message"), "") for item in tree if item]
    return []


def _tree(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """Return the objects that the attributes under *prefix* spell, by index."""
    items: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if key.startswith(prefix):
            match = _INDEXED.fullmatch(key, len(prefix))
            if match:
                _plant(items.setdefault(int(match.group(1)), {}), match.group(2), value)
    return [_grown(items[index]) for index in sorted(items)]


def _plant(tree: dict[str, Any], path: str, value: Any) -> None:
    # 16 levels are far beyond any convention; a longer path is a stranger's and stays one name.
    *branches, leaf = path.split(".", 16)
    for branch in branches:
        grown = tree.setdefault(branch, {})
        if not isinstance(grown, dict):
            return
        tree = grown
    tree[leaf] = value


def _grown(tree: dict[str, Any]) -> dict[str, Any]:
    """Return *tree* with its objects whose members are all numbers turned into lists."""
    return {key: _list_or_tree(value) for key, value in tree.items()}


def _list_or_tree(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isascii() and key.isdigit() for key in value):
        return [_list_or_tree(value[key]) for key in sorted(value, key=lambda key: key.zfill(6))]
    return _grown(value)


def _inner(value: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object that *value* wraps under *key*, or *value* where it wraps none."""
    inner = value.get(key)
    return inner if isinstance(inner, dict) else value


def _vercel_output(attributes: Mapping[str, Any]) -> list[Message]:
    parts = _parts(attributes.get("ai.response.text"))
    calls = _decoded(attributes.get("ai.response.toolCalls"))
    parts += _parts(
        [{"type": "tool-call", **call} for call in calls if isinstance(call, dict)]
        if isinstance(calls, list)
        else None
    )
    parts = parts or _parts(attributes.get("ai.response.object"))
    return [{"role": "assistant", "parts": parts}] if parts else []


def _first(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = attributes.get(key)
        if value is not None:
            return value
    return None


def _decoded(value: Any) -> Any:
    """Return what a JSON text says, or *value* itself where it is no JSON object, list or text."""
    if isinstance(value, str):
        try:
            return decode_json(value) if value[:1] in {"{", "[", '"'} else value
        except ValueError:
            return value
    if is_too_deep(value):
        return "[nested too deep to be shown]"
    return list(value) if isinstance(value, tuple) else value
