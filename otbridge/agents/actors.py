"""Who works, and on what: runs, agents, their plans and steps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind

from otbridge.agents import content
from otbridge.agents.handle import Handle, guarded
from otbridge.agents.place import clean
from otbridge.semconv import (
    AGENT_STEP_KIND,
    GEN_AI_AGENT_DESCRIPTION,
    GEN_AI_AGENT_ID,
    GEN_AI_AGENT_NAME,
    GEN_AI_AGENT_VERSION,
    GEN_AI_INPUT_MESSAGES,
    GEN_AI_OUTPUT_MESSAGES,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_SYSTEM_INSTRUCTIONS,
    GEN_AI_WORKFLOW_NAME,
)

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from otbridge.agents.place import Place
    from otbridge.agents.verbs import Verbs

__all__ = ["AgentHandle", "Conversing", "PlanHandle", "RunHandle", "StepHandle"]

_Attributes = Mapping[str, "AttributeValue | None"]


class Conversing(Handle):
    """A handle with messages going in and out; they are content, kept only when asked for."""

    @guarded
    def system(self, instructions: Any) -> None:
        """Record the system instructions: a text, or a list of texts and parts."""
        self._write(GEN_AI_SYSTEM_INSTRUCTIONS, content.parts, instructions)

    @guarded
    def input(self, messages: Any) -> None:
        """Record what is said to it: a text, a message, or a list of messages.

        A message has `role` and `content` or `parts`; OpenAI's and Anthropic's forms will do.
        Texts are cut at 8,192 characters each.
        """
        self._write(
            GEN_AI_INPUT_MESSAGES, lambda said: content.message_list(said, "user"), messages
        )

    def _write(self, name: str, convert: Any, value: Any) -> None:
        if self.captures_content and self.span.is_recording():
            self.span.set_attribute(name, convert(value))

    def _write_output(self, messages: Any) -> None:
        self._write(
            GEN_AI_OUTPUT_MESSAGES, lambda said: content.message_list(said, "assistant"), messages
        )


class RunHandle(Handle):
    """One task that agents work on together."""

    operation = "invoke_workflow"

    def __init__(
        self,
        name: str,
        *,
        conversation_id: str | None = None,
        session_id: str | None = None,
        user_id: str | None = None,
        run_id: str | None = None,
        parent: Verbs | None = None,
        **options: Any,
    ) -> None:
        super().__init__(parent, **options)
        self._workflow = name
        self._given: Final = {
            "conversation_id": conversation_id,
            "session_id": session_id,
            "user_id": user_id,
            "run_id": run_id,
        }

    @property
    def run_id(self) -> str:
        """The run's id; empty before the run has begun."""
        return self._place.run_id

    def _name(self, place: Place) -> str:  # noqa: ARG002 - other spans are named by their place
        return f"{self.operation} {self._workflow}"

    def _moved(self, place: Place) -> Place:
        given = {name: clean(value) for name, value in self._given.items() if value}
        if not place.run_id:
            given.setdefault("run_id", os.urandom(16).hex())
        return replace(place, **given)

    def _attributes(self, place: Place) -> _Attributes:  # noqa: ARG002 - as above
        return {GEN_AI_WORKFLOW_NAME: self._workflow}


class AgentHandle(Conversing):
    """One agent at work."""

    operation = "invoke_agent"

    def __init__(
        self,
        name: str,
        *,
        description: str | None = None,
        version: str | None = None,
        agent_id: str | None = None,
        conversation_id: str | None = None,
        provider: str | None = None,
        remote: bool = False,
        after: Handle | Mapping[str, Any] | None = None,
        parent: Verbs | None = None,
        **options: Any,
    ) -> None:
        super().__init__(_came_from(after, parent), **options)
        if remote:
            self.kind = SpanKind.CLIENT
        self._agent = name
        self._conversation_id = conversation_id
        self._given: Final[_Attributes] = {
            GEN_AI_AGENT_NAME: name,
            GEN_AI_AGENT_DESCRIPTION: description,
            GEN_AI_AGENT_VERSION: version,
            GEN_AI_AGENT_ID: agent_id,
            GEN_AI_PROVIDER_NAME: provider,
        }

    @property
    def name(self) -> str:
        """The agent's name."""
        return self._agent

    @guarded
    def output(self, messages: Any) -> None:
        """Record what it answered: a text, a message, or a list of messages."""
        self._write_output(messages)

    def _name(self, place: Place) -> str:  # noqa: ARG002 - as above
        return f"{self.operation} {self._agent}"

    def _moved(self, place: Place) -> Place:
        place = place.inside_agent(self._agent)
        if self._conversation_id:
            place = replace(place, conversation_id=clean(self._conversation_id))
        return place

    def _attributes(self, place: Place) -> _Attributes:  # noqa: ARG002 - as above
        return self._given


class PlanHandle(Handle):
    """An agent making a plan."""

    operation = "plan"

    def __init__(self, name: str | None, parent: Verbs | None = None, **options: Any) -> None:
        super().__init__(parent, **options)
        self._whose = name

    def _name(self, place: Place) -> str:
        whose = self._whose or place.agent
        return f"{self.operation} {whose}" if whose else self.operation

    def _attributes(self, place: Place) -> _Attributes:
        return {GEN_AI_AGENT_NAME: self._whose or place.agent or None}


class StepHandle(Handle):
    """Any other part of an agent's work that deserves a name."""

    def __init__(self, name: str, parent: Verbs | None = None, **options: Any) -> None:
        super().__init__(parent, **options)
        self._step = name

    def _name(self, place: Place) -> str:  # noqa: ARG002 - as above
        return self._step

    def _attributes(self, place: Place) -> _Attributes:  # noqa: ARG002 - as above
        return {AGENT_STEP_KIND: "step"}


def _came_from(after: Handle | Mapping[str, Any] | None, parent: Verbs | None) -> Verbs | None:
    if isinstance(after, Mapping):
        from otbridge.agents.carriers import continue_from

        return continue_from(after)
    return after if after is not None else parent
