"""Calls of tools, and the call that hands over to another agent."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from otbridge.agents import content
from otbridge.agents.handle import Handle, guarded
from otbridge.semconv import (
    GEN_AI_TOOL_CALL_ARGUMENTS,
    GEN_AI_TOOL_CALL_ID,
    GEN_AI_TOOL_CALL_RESULT,
    GEN_AI_TOOL_DESCRIPTION,
    GEN_AI_TOOL_NAME,
    GEN_AI_TOOL_TYPE,
    GEN_AI_TRANSFER_MODE,
    GEN_AI_TRANSFER_TARGET_NAME,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.util.types import AttributeValue

    from otbridge.agents.place import Place
    from otbridge.agents.verbs import Verbs

__all__ = ["HandoffHandle", "ToolHandle"]


class ToolHandle(Handle):
    """One call of a tool."""

    operation = "execute_tool"

    def __init__(
        self,
        name: str,
        *,
        call_id: str | None = None,
        arguments: Any = None,
        kind: str = "function",
        description: str | None = None,
        parent: Verbs | None = None,
        **options: Any,
    ) -> None:
        super().__init__(parent, **options)
        self._tool = name
        self._arguments = arguments
        self._given: Final[Mapping[str, AttributeValue | None]] = {
            GEN_AI_TOOL_NAME: name,
            GEN_AI_TOOL_TYPE: kind,
            GEN_AI_TOOL_CALL_ID: call_id,
            GEN_AI_TOOL_DESCRIPTION: description,
        }

    @property
    def name(self) -> str:
        """The tool's name."""
        return self._tool

    @guarded
    def arguments(self, arguments: Any) -> None:
        """Record what the tool is called with; content, cut at 8,192 characters."""
        self._write(GEN_AI_TOOL_CALL_ARGUMENTS, arguments)

    @guarded
    def result(self, result: Any) -> None:
        """Record what the tool gave back; content, cut at 8,192 characters."""
        self._write(GEN_AI_TOOL_CALL_RESULT, result)

    def _write(self, name: str, value: Any) -> None:
        if self.captures_content and self.span.is_recording():
            self.span.set_attribute(name, content.to_json(value))

    def _name(self, place: Place) -> str:  # noqa: ARG002 - other spans are named by their place
        return f"{self.operation} {self._tool}"

    def _attributes(self, place: Place) -> Mapping[str, AttributeValue | None]:  # noqa: ARG002 - as above
        if self._arguments is None or not self.captures_content:
            return self._given
        return {**self._given, GEN_AI_TOOL_CALL_ARGUMENTS: content.to_json(self._arguments)}

    def _log_fields(self) -> dict[str, str]:
        return {**super()._log_fields(), "tool": self._tool}

    def _called(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if not self.captures_content or self._arguments is not None:
            return
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
        self.arguments(
            {name: value for name, value in bound.items() if name not in {"self", "cls"}}
        )

    def _returned(self, value: Any) -> None:
        self.result(value)


class HandoffHandle(ToolHandle):
    """The call that hands over; the target's span becomes its child, also in another process."""

    def __init__(
        self,
        target: str,
        *,
        mode: str = "pass_control",
        tool: str = "handoff",
        parent: Verbs | None = None,
        **options: Any,
    ) -> None:
        super().__init__(tool, parent=parent, **options)
        self._target = target
        self._mode = mode

    @property
    def target(self) -> str:
        """The agent that takes over."""
        return self._target

    def _name(self, place: Place) -> str:
        return f"{super()._name(place)} {self._target}"

    def _attributes(self, place: Place) -> Mapping[str, AttributeValue | None]:
        return {
            **super()._attributes(place),
            GEN_AI_TRANSFER_TARGET_NAME: self._target,
            GEN_AI_TRANSFER_MODE: self._mode,
        }
